"""What Redis answered, as feature values: missing is None, and a capped count says "at least"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.clock import to_micros, to_millis
from core.event import Event
from fraud.features.plan import Series
from fraud.features.ring import ring_value
from rules.model import AtLeast, FeatureValue, Ruleset
from rules.windows.fast import Log, value_in
from rules.windows.phone import starts_with
from rules.windows.spec import Aggregate, PhoneIn, SinceSessionStart, Window

# Enough of an event's keyed hash to tell the events of one entity apart.
EVENT_CHARS = 24


def log_member(event_token: str, of: Any, per: Any) -> str:
    """How a log holds an event."""
    return f"{event_token[:EVENT_CHARS]}{json.dumps([of, per], separators=(',', ':'), ensure_ascii=True)}"


def log_reach(series: Series, at_us: int) -> str:
    """Which part of a log is read at a moment: after `at − window`, up to it. A bucket may begin later, which the reader sees to."""
    return f"({at_us - series.window_ms * 1000}|{at_us}|2"


def counted(raw: int) -> FeatureValue:
    """A count as the script tells it: twice, and one more where older ones were forgotten."""
    return AtLeast(raw >> 1) if raw & 1 else raw >> 1


def value_of(policy: Ruleset, feature: object, event: Event, raw: Any, event_token: str) -> FeatureValue:
    """One feature's value; `raw` is what its series answered, None where the event lacks the entity; no count. What lists hold is no business of Redis."""
    if isinstance(feature, PhoneIn):
        return starts_with(event.phone, map(str, policy.lists[feature.named]))
    if isinstance(feature, SinceSessionStart):
        return _since_start(event, raw)
    if raw is None or not isinstance(feature, Window):
        return None
    if not isinstance(raw, list):
        return ring_value(feature, raw)
    return _from_log(feature, raw, to_micros(event.occurred_at), event_token[:EVENT_CHARS])


def _since_start(event: Event, raw: Any) -> FeatureValue:
    start = given_start(event)
    started = start if start != "" or raw is None else raw
    return None if started == "" else _seconds(to_millis(event.occurred_at) - int(started))


def given_start(event: Event) -> int | str:
    """The session's start as the shop gave it, in ms; "" when it gave none, or one after the event."""
    start = event.session_started_at
    return "" if start is None or start > event.occurred_at else to_millis(start)


def _from_log(feature: Window, answered: Sequence[Any], now_us: int, own: str) -> FeatureValue:
    events = [(_text(member), int(float(score))) for member, score in zip(answered[::2], answered[1::2], strict=True)]
    if feature.aggregate is Aggregate.SINCE:
        earlier = [at for member, at in events if not member.startswith(own)]
        return now_us - max(earlier) if earlier else None
    if feature.aggregate is Aggregate.SEEN:
        return any(not member.startswith(own) for member, _ in events)
    # Read as one text: a thousand small ones cost ten times as much.
    values = json.loads(f"[{','.join(member[EVENT_CHARS:] for member, _ in events)}]")
    if feature.aggregate is Aggregate.LAST:
        return values[0][0] if values else None
    log = Log([at for _, at in events], [of for of, _ in values], [per for _, per in values])
    return value_in(feature, log, now_us)


def _text(member: bytes | str) -> str:
    return member.decode() if isinstance(member, bytes) else member


def _seconds(millis: int) -> int | float:
    return millis // 1000 if millis % 1000 == 0 else millis / 1000
