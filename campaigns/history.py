"""A campaign's history as people read it: each version with what changed and which way, who proposed and who agreed, and what it has given since.

Beside each stands the version before it, over its own lifetime.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from campaigns.catalogue import campaign_missing
from campaigns.diff import diff, strictness
from campaigns.store.tables import campaign_versions, campaigns, rewards
from core.access.told import approval_story
from core.db.tables import audit_entries
from core.lifetimes import Period, before, lifetimes
from core.text import Lang
from rules.strictness import Weighed, effect_of

STATES = ("reserved", "held", "posted", "void", "reversed")
# Which of a campaign's acts begin and end a time in which it gives something.
_ENDS = ("campaign.pause", "campaign.end")
# What else is to be told of a version's time, by whoever knows: name → count.
More = Callable[[Sequence[Period]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Known:
    merchant: str
    campaign: str
    rows: Mapping[int, Any]
    turns: Sequence[tuple[datetime, int | None]]
    periods: Mapping[int, Sequence[Period]]


def campaign_history(connection: Connection, merchant: str, campaign: str, lang: Lang, most: int, more: More = lambda _: {}) -> list[dict[str, Any]]:
    """The newest `most` versions, the newest first. Raises `NotFound`."""
    known = _known(connection, merchant, campaign)
    done: dict[int, dict[str, Any]] = {}

    def figures(version: int) -> dict[str, Any]:
        if version not in done:
            periods = known.periods.get(version, ())
            done[version] = {**_given(connection, known, version), **more(periods)} if periods else {}
        return done[version]

    return [_told(connection, known, version, lang, figures) for version in sorted(known.rows, reverse=True)[:most]]


def reversed_among(connection: Connection, decision_ids: Select[Any]) -> dict[str, int]:
    """Of the rewards that these decisions allowed: how many there are, how many were taken back, and for how much (fen)."""
    taken = func.coalesce(func.sum(rewards.c.reversed_fen), 0)
    query = select(func.count(), func.count().filter(rewards.c.reversed_fen > 0), taken).where(rewards.c.decision_id.in_(decision_ids))
    given, reversals, fen = connection.execute(query).one()
    return {"rewards": given, "reversals": reversals, "reversed_fen": int(fen)}


def _known(connection: Connection, merchant: str, campaign: str) -> _Known:
    of_it = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign)
    rows = {row.version: row for row in connection.execute(select(campaign_versions).where(*of_it))}
    if not rows or connection.execute(select(campaigns.c.id).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign)).first() is None:
        raise campaign_missing(campaign)
    targets = {f"{campaign}@{version}": version for version in rows}
    columns = (audit_entries.c.at, audit_entries.c.action, audit_entries.c.target)
    acts = audit_entries.c.action.in_(("campaign.live", "campaign.resume", *_ENDS))
    told = (audit_entries.c.merchant == merchant, audit_entries.c.target.in_((campaign, *targets)), acts)
    entries = connection.execute(select(*columns).where(*told).order_by(audit_entries.c.at, audit_entries.c.id)).all()
    turns = _turns(entries, targets)
    return _Known(merchant, campaign, rows, turns, lifetimes(turns))


def _turns(entries: Sequence[Any], targets: Mapping[str, int]) -> list[tuple[datetime, int | None]]:
    """A version that is approved while the campaign is paused runs from its resumption on."""
    turns: list[tuple[datetime, int | None]] = []
    newest, paused = None, False
    for row in entries:
        if row.action == "campaign.live":
            newest = targets[row.target]
        else:
            paused = row.action in _ENDS
        turns.append((row.at, None if paused else newest))
    return turns


def _told(connection: Connection, known: _Known, version: int, lang: Lang, figures: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    row = known.rows[version]
    earlier = before(known.turns, version) if version in known.periods else next((one for one in sorted(known.rows, reverse=True) if one < version), None)
    changes: list[Weighed] = []
    if earlier is not None:
        old, new = json.loads(known.rows[earlier].document), json.loads(row.document)
        # More for customers is milder, as a rule that refuses fewer is.
        changes = [Weighed(change, effect_of(strictness(change, old, new))) for change in diff(old, new)]
    periods = [{"from": one.begins.isoformat(), "to": None if one.ends is None else one.ends.isoformat()} for one in known.periods.get(version, ())]
    return {
        "version": version,
        "content_hash": row.content_hash,
        "state": row.state,
        "note": row.note,
        "approval": approval_story(connection, row.approval_id),
        "live": periods,
        "before": earlier,
        "changes": [one.as_dict(lang) for one in changes],
        "figures": figures(version),
        "figures_before": None if earlier is None else figures(earlier),
    }


def _given(connection: Connection, known: _Known, version: int) -> dict[str, Any]:
    mine = (rewards.c.merchant == known.merchant, rewards.c.campaign == known.campaign, rewards.c.version == version)
    sums = (func.count(), func.sum(rewards.c.face_fen), func.sum(rewards.c.posted_fen), func.sum(rewards.c.reversed_fen))
    rows = {row[0]: row[1:] for row in connection.execute(select(rewards.c.state, *sums).where(*mine).group_by(rewards.c.state))}
    people = connection.execute(select(func.count(rewards.c.subject_id.distinct())).where(*mine)).scalar_one()
    taken = connection.execute(select(func.count()).select_from(rewards).where(*mine, rewards.c.reversed_fen > 0)).scalar_one()
    return {
        "rewards": sum(row[0] for row in rows.values()),
        "states": {state: rows[state][0] if state in rows else 0 for state in STATES},
        "people": people,
        "reversals": taken,
        "posted_fen": sum(int(row[2]) for row in rows.values()),
        "reversed_fen": sum(int(row[3]) for row in rows.values()),
        "held_fen": int(rows["held"][1]) if "held" in rows else 0,
    }
