"""From an event to feature values: the script calls that record and read it, and the answers turned into a mapping for the evaluator.

A feature whose entity the event lacks is missing, never zero. A late event sees what was last seen up to its own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import to_micros
from core.event import DEVICE_FLAGS, FUTURE_TOLERANCE, PERSONAL_FIELDS, PLAIN_FIELDS, Event
from core.hotstate.scripts import Argument, Call, Script
from core.privacy.vault import Vault
from fraud.features.custom import custom_values, declared_fields, derived_names
from fraud.features.entities import entity_tag, entity_token
from fraud.features.plan import Filter, Part, Plan, Series, make_plan
from fraud.features.ring import ring_reach, short_hash, sum_member
from fraud.features.values import counted, given_start, log_member, log_reach, value_of
from rules.enrich.derived import HIDDEN_FIELDS, derived
from rules.lang.interpret import interpret
from rules.model import FeatureValue, Ruleset

_HERE = Path(__file__).parent
_PARTS = {name: _HERE / f"{name}.lua" for name in ("packed", "logs", "ring")}
RECORD = Script(_HERE / "record.lua", *_PARTS.values())
# The same with fewer functions, where nothing calls them: the server makes all of them anew for each call.
_RECORD_PACKED = Script(_HERE / "record.lua", _PARTS["packed"])
PEEK = Script(_HERE / "peek.lua", _PARTS["packed"], _PARTS["ring"])
CANCEL = Script(_HERE / "cancel.lua", _PARTS["packed"])
_FUTURE_MS = int(FUTURE_TOLERANCE.total_seconds() * 1000)
_NO_TYPE = ""
_HAPPENED = "1"
# Of a keyed hash, in a packed log: 8 bytes, enough to tell thousands apart.
_MEMBER_CHARS = 16
# A publication reaches every process within two seconds; what happened meanwhile may not have been recorded.
_SEEN_US = 5_000_000
LOGS = frozenset({"log", "newest"})
_TEXTS = ("id", "type", "merchant", *PLAIN_FIELDS, *PERSONAL_FIELDS)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The calls of one event, the kind of entity that each of them is about, and what was made of the event for them."""

    calls: Sequence[Call]
    kinds: Sequence[str]
    tokens: _Tokens

    def record(self) -> dict[str, FeatureValue]:
        """The event's fields as expressions name them; made once for a check."""
        return self.tokens.fields()


class FeatureReader:
    """Builds calls and reads answers for a fixed set of policies. Holds no connection."""

    def __init__(self, vault: Vault, policies: Sequence[Ruleset], lateness_seconds: int) -> None:
        self._vault = vault
        self._policies = tuple(policies)
        self._grace_ms = lateness_seconds * 1000 + _FUTURE_MS
        self._types = {kind for policy in policies for feature in policy.features.values() for kind in getattr(feature, "on", ())}
        self._plans: dict[tuple[str | None, str], Plan] = {}
        self._reach: dict[str, Sequence[tuple[str, str, int, bool]]] = {}
        self._declared = declared_fields(policies)
        self._derived = derived_names(policies)

    def prepare(self, event: Event, event_type: str, policy: Ruleset | None, script: Script = RECORD) -> Prepared:
        """The calls that record the event everywhere it belongs and read what `policy` asks, one per entity; with `PEEK` nothing is recorded,
        and `CANCEL` takes it back."""
        calls: list[Call] = []
        kinds: list[str] = []
        tokens = _Tokens(self._vault, event, self._event_token(event, event_type), self.record)
        for kind, kept in self._plan(event_type, policy).by_entity.items():
            token = tokens.of(kind)
            if token is not None:
                tag = entity_tag(event.merchant, kind, token)
                fitting = _RECORD_PACKED if script is RECORD and kept.is_packed else script
                told = _told(kept.parts, tokens) if kept.members is None else map(tokens.stamped, kept.members)
                calls.append((fitting, [tag + key for key in kept.keys], [tokens.at_us // 1000, self._grace_ms, tokens.event, kept.spec, *told]))
                kinds.append(kind)
        return Prepared(calls, kinds, tokens)

    def values(self, event: Event, event_type: str, policy: Ruleset, prepared: Prepared, answers: Sequence[Any]) -> dict[str, FeatureValue]:
        """Feature values by name; None is missing."""
        found = dict(zip(prepared.kinds, answers, strict=True))
        plan, own = self._plan(event_type, policy), prepared.tokens.event
        values: dict[str, FeatureValue] = {}
        for name, kind, number in plan.counts:
            values[name] = None if (answer := found.get(kind)) is None else counted(answer[number])
        if len(values) < len(policy.features):
            for name, feature in policy.features.items():
                if name not in values:
                    place = plan.places.get(name)
                    answer = None if place is None else found.get(place[0])
                    raw = None if answer is None or place is None else answer[place[1]]
                    values[name] = value_of(policy, feature, event, raw, own)
        return values

    def cold(self, event: Event, policy: Ruleset, late: Mapping[str, int]) -> tuple[str, ...]:
        """The policy's features that this event finds missing because their window reaches back before `late`, when their series began."""
        if not late:
            return ()
        at = to_micros(event.occurred_at)
        # What the shop itself told of the session's start needs no memory.
        known = given_start(event) != ""
        return tuple(
            name
            for name, key, reach_us, is_start in self._reaches(policy)
            if (began := late.get(key)) is not None and at - reach_us < began + _SEEN_US and not (is_start and known)
        )

    def record(self, event: Event) -> dict[str, FeatureValue]:
        """The event's fields as expressions name them, custom ones as they are declared, and what follows from them as far as anything reads it."""
        own = record_of(event)
        return {**custom_values(self._declared, event.custom), **own, **derived(own, self._derived)}

    def _reaches(self, policy: Ruleset) -> Sequence[tuple[str, str, int, bool]]:
        if policy.id not in self._reach:
            reads = self._plan(policy.scene, policy).reads.items()
            self._reach[policy.id] = [(name, one.key, one.reach_us, one.kind == "first") for name, one in reads]
        return self._reach[policy.id]

    def _event_token(self, event: Event, event_type: str) -> str:
        # One id in two scenes are two events: a shop may call its check of an order as it calls the order.
        return self._vault.token(event.merchant, "event", f"{event_type}\x00{event.id}")

    def _plan(self, event_type: str, policy: Ruleset | None) -> Plan:
        # Types that no policy names share one plan: callers choose type names, and the cache must not grow with them.
        key = (None if policy is None else policy.id, event_type if event_type in self._types else _NO_TYPE)
        if key not in self._plans:
            self._plans[key] = make_plan(self._policies, policy, key[1], self._grace_ms)
        return self._plans[key]


def _told(parts: Sequence[Part], tokens: _Tokens) -> Iterator[Argument]:
    """What the script hears of this event: for each part its member, and what its kind needs besides."""
    for part in parts:
        one = part.series
        if one.is_packed:
            yield tokens.entry(one) if part.records else b""
        elif one.kind == "ids":
            # An event that no ring counts need not be remembered.
            counted = any(other.records and other.series.is_ring and tokens.member(other.series) for other in parts)
            yield short_hash(tokens.event) if counted else b""
        else:
            yield (tokens.member(one) or b"") if part.records else b""
            yield _extra(one, tokens)


class _Tokens:
    """The keyed hashes of one event, and what of it each series holds; each computed once."""

    def __init__(self, vault: Vault, event: Event, event_token: str, record: Callable[[Event], dict[str, Any]]) -> None:
        self._vault, self._event, self._read = vault, event, record
        self._known: dict[str, str | None] = {}
        self._record: dict[str, Any] | None = None
        self._passed: dict[Filter, bool] = {}
        self._entries: dict[str | None, bytes] = {}
        self.event = event_token
        self.at_us = to_micros(event.occurred_at)
        self.given_start = given_start(event)

    def of(self, kind: str) -> str | None:
        """The entity: a field's value, or a pair's."""
        if kind not in self._known:
            self._known[kind] = self._pair(kind) if "+" in kind else self._one(kind)
        return self._known[kind]

    def member(self, series: Series) -> str | bytes | None:
        """What the series holds of this event; None where the event does not count in it."""
        if series.where is not None and not self._passes(series.where):
            return None
        if series.kind in LOGS:
            of, per = (None if name is None else self._held(name) for name in (series.of, series.per))
            return None if series.kind == "newest" and series.of is not None and of is None else log_member(self.event, of, per)
        if series.is_ring:
            return _HAPPENED if series.of is None else self._in_ring(series, series.of)
        return _HAPPENED

    def entry(self, series: Series) -> bytes:
        """The entry of a packed series: when, and who or which event; empty where the event does not count in it."""
        return b"" if series.where is not None and not self._passes(series.where) else self.stamped(series.of)

    def stamped(self, of: str | None) -> bytes:
        """The time and the keyed hash of a field, or of the event itself; empty where the event lacks the field."""
        found = self._entries.get(of)
        if found is None:
            token = self.event if of is None else self.of(of)
            found = self._entries[of] = b"" if token is None else (self.at_us // 1000).to_bytes(6) + bytes.fromhex(token[:_MEMBER_CHARS])
        return found

    def _in_ring(self, series: Series, of: str) -> str | bytes | None:
        if series.kind == "ring-sum":
            return sum_member(self.fields().get(of))
        token = self.of(of)
        return None if token is None else short_hash(token)

    def _one(self, kind: str) -> str | None:
        if kind in PERSONAL_FIELDS:
            return entity_token(self._vault, self._event, kind)
        value = self.fields().get(kind)
        # 2.0 and 2 are one number, however it was written.
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        return None if value is None or value == "" else self._vault.token(self._event.merchant, kind, str(value))

    def _pair(self, kind: str) -> str | None:
        parts = [self.of(name) for name in kind.split("+")]
        return None if None in parts else self._vault.token(self._event.merchant, kind, "\x00".join(map(str, parts)))

    def _held(self, name: str) -> Any:
        """A value as a log holds it: what tells of a person only as its keyed hash."""
        return self.of(name) if name in HIDDEN_FIELDS else self.fields().get(name)

    def _passes(self, where: Filter) -> bool:
        if where not in self._passed:
            self._passed[where] = interpret(where.node, self.fields(), {}, ZoneInfo(where.zone)) is True
        return self._passed[where]

    def fields(self) -> dict[str, Any]:
        if self._record is None:
            self._record = self._read(self._event)
        return self._record


def _extra(series: Series, tokens: _Tokens) -> Argument:
    """What the script must know besides, by the kind of series."""
    if series.kind == "first":
        return tokens.given_start
    if series.is_ring:
        return ring_reach(series.window_ms * 1000, series.bucket_ms * 1000, tokens.at_us)
    return log_reach(series, tokens.at_us)


def record_of(event: Event) -> dict[str, FeatureValue]:
    """The event's own fields as expressions name them; absent ones are missing."""
    record: dict[str, FeatureValue] = {name: getattr(event, name) for name in _TEXTS}
    start = event.session_started_at
    record["at"] = to_micros(event.occurred_at)
    record["session_started_at"] = None if start is None else to_micros(start)
    record["amount"] = event.amount_fen
    if event.device_flags is not None:
        record |= {f"device_{flag}": flag in event.device_flags for flag in DEVICE_FLAGS}
    return record
