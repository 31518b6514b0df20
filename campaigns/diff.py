"""What changed between two versions of a campaign, by meaning: limits, dates, amounts, and constants inside its condition."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from campaigns.store.tables import campaign_versions
from core.errors import NotFound
from core.money import Money
from core.text import Text
from rules.changes import Change, added, changed, removed
from rules.lang.compare import changed_constants

Document = Mapping[str, Any]


def diff(old: Document, new: Document) -> list[Change]:
    """Changes from one normalised document to another; empty when both mean the same."""
    return list(_parts((), old, new))


def diff_campaign(connection: Connection, merchant: str, campaign: str, old: int, new: int) -> list[Change]:
    """The same for two versions that are kept. Raises `NotFound`."""
    return diff(document_of_version(connection, merchant, campaign, old), document_of_version(connection, merchant, campaign, new))


def document_of_version(connection: Connection, merchant: str, campaign: str, version: int) -> dict[str, Any]:
    """A version's document. Raises `NotFound`."""
    of_it = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign, campaign_versions.c.version == version)
    document = connection.execute(select(campaign_versions.c.document).where(*of_it)).scalar_one_or_none()
    if document is None:
        raise NotFound("version_not_found", Text(zh=f"活动 {campaign} 没有第 {version} 版", en=f"campaign {campaign} has no version {version}"))
    found: dict[str, Any] = json.loads(document)
    return found


def _parts(path: tuple[str, ...], old: Document, new: Document) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        here, before, after = (*path, name), old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _parts(here, before, after)
        elif name == "eligible_when" and before is not None and after is not None:
            yield from _condition(here, before, after)
        elif before is None:
            yield added(here, after, _shown(name, after))
        elif after is None:
            yield removed(here, before, _shown(name, before))
        else:
            yield changed(here, _shown(name, before), _shown(name, after))


def _condition(path: tuple[str, ...], old: str, new: str) -> Iterator[Change]:
    constants = changed_constants(old, new)
    if constants is None:
        yield changed(path, old, new)
        return
    for one in constants:
        yield changed(path, one.old, one.new, one.before)


def _shown(name: str, value: Any) -> str:
    return f"¥{Money(value).yuan()}" if name.endswith("_fen") and isinstance(value, int) else str(value)
