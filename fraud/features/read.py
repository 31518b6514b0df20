"""From an event to feature values: the script calls that record and read it, and the answers turned into a mapping for the evaluator.

A feature whose entity the event lacks is missing, never zero. A late event sees what was last seen up to its own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.clock import to_micros, to_millis
from core.event import FUTURE_TOLERANCE, PERSONAL_FIELDS, Event
from core.hotstate.scripts import Argument, Call, Script
from core.privacy.vault import Vault
from fraud.features.entities import entity_tag, entity_token
from fraud.features.plan import Plan, Series, make_plan
from rules.model import AtLeast, FeatureValue, Ruleset
from rules.windows.phone import starts_with
from rules.windows.spec import PhoneIn, SinceSessionStart

RECORD, PEEK = (Script(Path(__file__).parent / f"{name}.lua") for name in ("record", "peek"))
_FUTURE_MS = int(FUTURE_TOLERANCE.total_seconds() * 1000)
_NO_TYPE = ""
_TEXTS = ("id", "type", "merchant", "campaign", "order_id", *PERSONAL_FIELDS)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The calls of one event, and which series each of them answers, in order."""

    calls: Sequence[Call]
    asked: Sequence[Sequence[Series]]


class FeatureReader:
    """Builds calls and reads answers for a fixed set of policies. Holds no connection."""

    def __init__(self, vault: Vault, policies: Sequence[Ruleset], lateness_seconds: int) -> None:
        self._vault = vault
        self._policies = tuple(policies)
        self._grace_ms = lateness_seconds * 1000 + _FUTURE_MS
        self._types = {kind for policy in policies for feature in policy.features.values() for kind in getattr(feature, "on", ())}
        self._plans: dict[tuple[str | None, str], Plan] = {}

    def prepare(self, event: Event, event_type: str, policy: Ruleset | None, script: Script = RECORD) -> Prepared:
        """The calls that record the event everywhere it belongs and read what `policy` asks, one per entity; with `PEEK` nothing is recorded."""
        calls: list[Call] = []
        asked: list[Sequence[Series]] = []
        tokens = _Tokens(self._vault, event)
        for kind, series in self._plan(event_type, policy).by_entity.items():
            token = tokens.of(kind)
            if token is not None:
                calls.append(self._call(script, event, tokens, entity_tag(event.merchant, kind, token), series))
                asked.append([one for one, _ in series])
        return Prepared(calls, asked)

    def values(self, event: Event, event_type: str, policy: Ruleset, prepared: Prepared, answers: Sequence[Any]) -> dict[str, FeatureValue]:
        """Feature values by name; None is missing."""
        found = {one: raw for series, answer in zip(prepared.asked, answers, strict=True) for one, raw in zip(series, answer, strict=True)}
        reads = self._plan(event_type, policy).reads
        return {name: _value(policy, feature, event, found, reads.get(name)) for name, feature in policy.features.items()}

    def _plan(self, event_type: str, policy: Ruleset | None) -> Plan:
        # Types that no policy names share one plan: callers choose type names, and the cache must not grow with them.
        key = (None if policy is None else policy.id, event_type if event_type in self._types else _NO_TYPE)
        if key not in self._plans:
            self._plans[key] = make_plan(self._policies, policy, key[1])
        return self._plans[key]

    def _call(self, script: Script, event: Event, tokens: _Tokens, tag: str, series: Sequence[tuple[Series, bool]]) -> Call:
        arguments: list[Argument] = [to_millis(event.occurred_at), self._grace_ms, tokens.event]
        for one, records in series:
            member = tokens.member(one) if records else None
            arguments += [one.kind, one.window_ms, one.cap, member or "", _given_start(event) if one.kind == "first" else ""]
        return script, [f"{tag}:{one.name}" for one, _ in series], arguments


class _Tokens:
    """The keyed hashes of one event, each computed once."""

    def __init__(self, vault: Vault, event: Event) -> None:
        self._vault, self._event = vault, event
        self._known: dict[str, str | None] = {}
        self.event = vault.token(event.merchant, "event", event.id)

    def of(self, kind: str) -> str | None:
        if kind not in self._known:
            self._known[kind] = entity_token(self._vault, self._event, kind)
        return self._known[kind]

    def member(self, series: Series) -> str | None:
        return self.event if series.of is None else self.of(series.of)


def _given_start(event: Event) -> int | str:
    """The session's start as the shop gave it, in ms; "" when it gave none, or one after the event."""
    start = event.session_started_at
    return "" if start is None or start > event.occurred_at else to_millis(start)


def record_of(event: Event) -> dict[str, FeatureValue]:
    """The event's fields as expressions name them; absent ones are missing."""
    record: dict[str, FeatureValue] = {name: getattr(event, name) for name in _TEXTS}
    start = event.session_started_at
    record["at"] = to_micros(event.occurred_at)
    record["session_started_at"] = None if start is None else to_micros(start)
    record["amount"] = event.amount_fen
    return {**event.custom, **record}


def _value(policy: Ruleset, feature: object, event: Event, found: Mapping[Series, Any], series: Series | None) -> FeatureValue:
    if isinstance(feature, PhoneIn):
        return starts_with(event.phone, map(str, policy.lists[feature.named]))
    raw = None if series is None else found.get(series)
    if isinstance(feature, SinceSessionStart):
        start = _given_start(event)
        started = start if start != "" else raw[0] if raw is not None else ""
        return None if started == "" else _seconds(to_millis(event.occurred_at) - int(started))
    if raw is None:
        return None
    count, capped = int(raw[0]), int(raw[1])
    return AtLeast(count) if capped else count


def _seconds(millis: int) -> int | float:
    return millis // 1000 if millis % 1000 == 0 else millis / 1000
