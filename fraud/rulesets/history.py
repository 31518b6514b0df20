"""A policy's history as people read it: each version with what changed and which way, who proposed and who agreed, and what it has done since.

Beside each stands the version before it, over its own lifetime.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from core.access.told import approval_story
from core.db.tables import audit_entries
from core.errors import NotFound
from core.lifetimes import Period, before, lifetimes
from core.text import Lang, Text
from fraud.rulesets.figures import decision_ids, figures_of
from fraud.rulesets.settling import TOPIC
from fraud.rulesets.tables import policies, policy_versions
from rules.diff import diff
from rules.strictness import weigh

ENDED = "policy.ended"
# What else is to be told of a version's decisions, by whoever knows: name → count.
More = Callable[[Select[Any]], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a history is made of: the versions by number, and when which was live."""

    merchant: str
    policy: str
    rows: Mapping[int, Any]
    turns: Sequence[tuple[datetime, int | None]]
    periods: Mapping[int, Sequence[Period]]


def policy_history(connection: Connection, merchant: str, policy: str, lang: Lang, most: int, more: More = lambda _: {}) -> list[dict[str, Any]]:
    """The newest `most` versions, the newest first. Raises `NotFound`."""
    known = _known(connection, merchant, policy)
    done: dict[int, dict[str, Any]] = {}

    def figures(version: int) -> dict[str, Any]:
        if version not in done:
            done[version] = _figures(connection, known, version, more)
        return done[version]

    return [_told(connection, known, version, lang, figures) for version in sorted(known.rows, reverse=True)[:most]]


def _known(connection: Connection, merchant: str, policy: str) -> _Known:
    if connection.execute(select(policies.c.id).where(policies.c.merchant == merchant, policies.c.id == policy)).first() is None:
        raise NotFound("policy_not_found", Text(zh=f"没有发布过策略 {policy}", en=f"no policy {policy} was ever published"))
    of_it = (policy_versions.c.merchant == merchant, policy_versions.c.policy == policy)
    rows = {row.version: row for row in connection.execute(select(policy_versions).where(*of_it))}
    targets = {f"{policy}@{version}": version for version in rows}
    columns = (audit_entries.c.at, audit_entries.c.action, audit_entries.c.target)
    told = (audit_entries.c.merchant == merchant, audit_entries.c.target.in_(targets), audit_entries.c.action.in_((TOPIC, ENDED)))
    entries = connection.execute(select(*columns).where(*told).order_by(audit_entries.c.at, audit_entries.c.id)).all()
    turns = [(row.at, targets[row.target] if row.action == TOPIC else None) for row in entries]
    return _Known(merchant, policy, rows, turns, lifetimes(turns))


def _told(connection: Connection, known: _Known, version: int, lang: Lang, figures: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    row = known.rows[version]
    earlier = _compared(known, version)
    old = {"policy": known.policy} if earlier is None else json.loads(known.rows[earlier].document)
    new = json.loads(row.document)
    changes = [] if earlier is None else weigh(diff(old, new), old, new)
    periods = [{"from": one.begins.isoformat(), "to": None if one.ends is None else one.ends.isoformat()} for one in known.periods.get(version, ())]
    return {
        "version": version,
        "content_hash": row.content_hash,
        "state": row.state,
        "note": row.note,
        "based_on": row.based_on,
        "approval": approval_story(connection, row.approval_id),
        "live": periods,
        "before": earlier,
        "changes": [one.as_dict(lang) for one in changes],
        "figures": figures(version),
        "figures_before": None if earlier is None else figures(earlier),
    }


def _compared(known: _Known, version: int) -> int | None:
    """What was live before it; for one that never was, what is live, or else the version with the number before it."""
    if version in known.periods:
        return before(known.turns, version)
    last = known.turns[-1][1] if known.turns else None
    return last if last is not None and last < version else next((one for one in sorted(known.rows, reverse=True) if one < version), None)


def _figures(connection: Connection, known: _Known, version: int, more: More) -> dict[str, Any]:
    row, periods = known.rows[version], known.periods.get(version, ())
    if not periods:
        # It never decided anything; a question without a time would count what another version of the same content did.
        return {}
    named = (known.merchant, known.policy, row.content_hash, periods)
    return {**figures_of(connection, *named), **more(decision_ids(*named))}
