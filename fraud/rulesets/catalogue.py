"""Published policies as people look at them: what is live for a merchant and from where, every version that ever was, and what changed between two."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from core.access.principals import PLATFORM
from core.errors import NotFound
from core.text import Text
from fraud.rulesets.publishing import find_version
from fraud.rulesets.tables import policies, policy_versions
from rules.diff import Change, diff
from rules.model import Ruleset


def list_policies(connection: Connection, merchant: str, shipped: Iterable[Ruleset]) -> list[dict[str, Any]]:
    """Policies by id, each from the nearest that has it: the merchant's own, the platform's, or those that are shipped."""
    found = {one.id: {"id": one.id, "scene": one.scene, "origin": "shipped", "live_version": None, "content_hash": one.version} for one in shipped}
    for owner, origin in ((PLATFORM, "platform"), (merchant, "merchant")):
        for row in connection.execute(_heads(owner)):
            # One that is not live yet, or no longer, leaves the place to what serves instead.
            if row.live_version is not None or row.id not in found:
                shown = {"scene": row.scene, "origin": origin, "live_version": row.live_version, "content_hash": row.content_hash}
                found[row.id] = {"id": row.id, **shown}
    return [found[name] for name in sorted(found)]


def show_policy(connection: Connection, merchant: str, policy: str) -> dict[str, Any]:
    """One policy of the merchant with all its versions, the live document whole. Raises `NotFound`."""
    head = connection.execute(select(policies).where(policies.c.merchant == merchant, policies.c.id == policy)).one_or_none()
    if head is None:
        raise NotFound("policy_not_found", Text(zh=f"没有发布过策略 {policy}", en=f"no policy {policy} was ever published"))
    of_it = (policy_versions.c.merchant == merchant, policy_versions.c.policy == policy)
    columns = [column for column in policy_versions.c if column.name not in ("document", "source", "includes", "recorded_since")]
    rows = connection.execute(select(*columns).where(*of_it).order_by(policy_versions.c.version)).all()
    live = None if head.live_version is None else json.loads(find_version(connection, merchant, policy, head.live_version).document)
    return {"id": policy, "scene": head.scene, "live_version": head.live_version, "document": live, "versions": [_shown(row) for row in rows]}


def show_version(connection: Connection, merchant: str, policy: str, version: int) -> dict[str, Any]:
    """One version whole: its document, and the files that it was made of. Raises `NotFound`."""
    row = find_version(connection, merchant, policy, version)
    texts = {"document": json.loads(row.document), "source": row.source.decode("utf-8", "replace"), "includes": json.loads(row.includes)}
    return {"policy": policy, **_shown(row), **texts}


def diff_versions(connection: Connection, merchant: str, policy: str, old: int, new: int) -> list[Change]:
    """What changed from one version to another. Raises `NotFound`."""
    return diff(_document(connection, merchant, policy, old), _document(connection, merchant, policy, new))


def _document(connection: Connection, merchant: str, policy: str, version: int) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(find_version(connection, merchant, policy, version).document)
    return document


def _heads(merchant: str) -> Any:
    same = (policy_versions.c.merchant == policies.c.merchant) & (policy_versions.c.policy == policies.c.id)
    live = same & (policy_versions.c.version == policies.c.live_version)
    columns = (policies.c.id, policies.c.scene, policies.c.live_version, policy_versions.c.content_hash)
    return select(*columns).outerjoin(policy_versions, live).where(policies.c.merchant == merchant)


def _shown(row: Any) -> dict[str, Any]:
    return {
        "version": row.version,
        "state": row.state,
        "content_hash": row.content_hash,
        "author": row.author,
        "approver": row.approver,
        "approval_id": row.approval_id,
        "note": row.note,
        "based_on": row.based_on,
        "effective_from": _iso(row.effective_from),
        "effective_to": _iso(row.effective_to),
        "created_at": row.created_at.isoformat(),
        "live_from": _iso(row.live_from),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
