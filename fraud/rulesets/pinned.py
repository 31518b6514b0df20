"""Every ruleset that ever judged, found by its version, which is the hash of its document: a decision names it for good.

Published versions stand in their own table. Shipped ones change with the program, so each that ran here is kept when it first runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from core.access.principals import PLATFORM
from core.canon import canonical
from core.db.engine import Database, insert_ignore_all
from core.errors import Malformed, NotFound
from core.text import Text
from fraud.rulesets.tables import policy_versions, shipped_rulesets
from rules.files.load import ruleset_from_document
from rules.model import Ruleset


def keep_shipped(database: Database, documents: Mapping[str, Mapping[str, Any]], now: datetime) -> int:
    """Keep the documents (by version) that are not kept yet; returns how many."""
    with database.read() as connection:
        known = set(connection.execute(select(shipped_rulesets.c.version)).scalars())
    rows = [{"version": name, "document": canonical(document), "first_seen": now} for name, document in documents.items() if name not in known]
    if not rows:
        return 0
    with database.write() as connection:
        return insert_ignore_all(connection, shipped_rulesets, rows)


class Pinned:
    """Rulesets by version, each built once; `shipped` are those of this program."""

    def __init__(self, shipped: Iterable[Ruleset]) -> None:
        self._built: dict[str, Ruleset | None] = {one.version: one for one in shipped}

    def find(self, connection: Connection, version: str) -> Ruleset | None:
        """None for one that was never kept, or that this program can no longer read."""
        if version not in self._built:
            self._built[version] = _built(_document(connection, version))
        return self._built[version]

    def choose(self, connection: Connection, merchant: str, policy: str, wanted: str) -> Ruleset:
        """The one that a person names: a number of the policy's versions at the merchant, or the hash of any. Raises `NotFound`, `Malformed`."""
        number = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else None
        version = _open_to(connection, merchant, wanted) if number is None else _numbered(connection, merchant, policy, number)
        found = None if version is None else self.find(connection, version)
        if found is None:
            raise NotFound("version_not_found", Text(zh=f"没有 {policy} 的版本 {wanted}", en=f"there is no version {wanted} of {policy}"))
        if found.id != policy:
            text = Text(zh=f"该版本属于策略 {found.id},不是 {policy}", en=f"that is a version of {found.id}, not of {policy}")
            raise Malformed("version_of_other_policy", text)
        return found


def _numbered(connection: Connection, merchant: str, policy: str, number: int) -> str | None:
    """Of the merchant's own policy of that name, or else of the platform's."""
    wanted = (policy_versions.c.merchant.in_((merchant, PLATFORM)), policy_versions.c.policy == policy, policy_versions.c.version == number)
    found = {row.merchant: row.content_hash for row in connection.execute(select(policy_versions.c.merchant, policy_versions.c.content_hash).where(*wanted))}
    return found.get(merchant) or found.get(PLATFORM)


def _open_to(connection: Connection, merchant: str, version: str) -> str | None:
    """The hash again, where it is that of a shipped ruleset, the platform's or the merchant's own: others' rules are nobody's business."""
    published = select(policy_versions.c.version).where(policy_versions.c.content_hash == version, policy_versions.c.merchant.in_((merchant, PLATFORM)))
    kept = select(shipped_rulesets.c.version).where(shipped_rulesets.c.version == version)
    open_to_it = connection.execute(published).first() or connection.execute(kept).first()
    return version if open_to_it else None


def _document(connection: Connection, version: str) -> bytes | None:
    published = select(policy_versions.c.document).where(policy_versions.c.content_hash == version).limit(1)
    kept = select(shipped_rulesets.c.document).where(shipped_rulesets.c.version == version)
    found: bytes | None = connection.execute(published).scalar_one_or_none() or connection.execute(kept).scalar_one_or_none()
    return found


def _built(document: bytes | None) -> Ruleset | None:
    try:
        return None if document is None else ruleset_from_document(json.loads(document))
    except (ValueError, LookupError, TypeError):
        return None
