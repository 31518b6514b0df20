"""Decisions on record, judged again: one by its id, or all that a filter finds. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from core.privacy.vault import Vault
from fraud.decision import Decision, from_record
from fraud.events import stored_event
from fraud.features.read import record_of
from fraud.queries import PLATFORM, find_decision
from fraud.replaying import Judge, Replay, impossible, needs_clear
from fraud.rulesets.pinned import Pinned
from fraud.store.tables import decisions
from rules.enrich.derived import HIDDEN_FIELDS, derived
from rules.model import FeatureValue, Ruleset

_FETCH = 1_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions; what is None is not asked. From `since` on, before `until`."""

    policy: str | None = None
    version: str | None = None
    scene: str | None = None
    campaign: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, merchant: str) -> list[ColumnElement[bool]]:
        columns = decisions.c
        asked: list[tuple[Any, Any]] = [
            (columns.policy, self.policy),
            (columns.policy_version, self.version),
            (columns.scene, self.scene),
            (columns.campaign, self.campaign),
            (columns.outcome, self.outcome),
            (columns.merchant, None if merchant == PLATFORM else merchant),
        ]
        found = [column == value for column, value in asked if value is not None]
        found += [columns.at >= self.since] if self.since else []
        return found + ([columns.at < self.until] if self.until else [])


class Replayer:
    """Judges decisions of the record again. One for a command or a request."""

    def __init__(self, connection: Connection, vault: Vault, pinned: Pinned) -> None:
        self._connection = connection
        self._vault = vault
        self._pinned = pinned
        self._judges: dict[str, Judge] = {}

    def one(self, decision_id: str, merchant: str, other: str | None = None) -> tuple[Decision, Replay]:
        """By the rules that judged, or by the version that `other` names. Raises `NotFound`, also for a version."""
        decision = find_decision(self._connection, decision_id, merchant)
        ruleset = None if other is None else self._pinned.choose(self._connection, decision.merchant, decision.policy, other)
        return decision, self.again(decision, ruleset)

    def again(self, decision: Decision, other: Ruleset | None = None) -> Replay:
        """By the rules that judged, or by `other`."""
        ruleset = other or self._pinned.find(self._connection, decision.policy_version)
        if ruleset is None:
            return impossible(decision)
        if ruleset.version not in self._judges:
            self._judges[ruleset.version] = Judge(ruleset)
        return self._judges[ruleset.version].replay(decision, self._clear(decision))

    def count(self, merchant: str, wanted: Filter) -> int:
        return int(self._connection.execute(select(func.count()).select_from(decisions).where(*wanted.conditions(merchant))).scalar_one())

    def many(self, merchant: str, wanted: Filter, most: int, other: Ruleset | None = None) -> Iterator[tuple[Decision, Replay]]:
        """The newest `most`, newest first."""
        query = select(decisions.c.body).where(*wanted.conditions(merchant)).order_by(decisions.c.at.desc(), decisions.c.id.desc()).limit(most)
        for body in self._connection.execution_options(yield_per=_FETCH).execute(query).scalars():
            decision = from_record(body)
            yield decision, self.again(decision, other)

    def _clear(self, decision: Decision) -> dict[str, FeatureValue]:
        """The event's values that the record does not hold in clear; empty where nothing of it is hidden, or its person is gone."""
        if not needs_clear(decision):
            return {}
        stored = stored_event(self._connection, self._vault, decision.merchant, decision.event_id, decision.scene)
        if stored is None or stored.event is None:
            return {}
        own = record_of(stored.event)
        return {name: value for name, value in {**own, **derived(own)}.items() if name in HIDDEN_FIELDS and value is not None}
