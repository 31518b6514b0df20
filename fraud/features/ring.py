"""Bucketed windows in Redis: a small value per bucket instead of a log. What is kept of an event, where it belongs, and the answer as a feature's value.

Sums travel in two parts, because a script counts in floats that are exact only up to 2^53.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from core.event import FUTURE_TOLERANCE
from rules.lang.kinds import MICROS, Kind
from rules.model import FeatureValue
from rules.windows.oracle import as_value
from rules.windows.spec import Aggregate, Window

# Different values that a set keeps over all of its buckets.
SET_MAX = 1_000
# Of how many events an entity knows that it counted them, at the least; a retry that comes later counts again.
IDS_MAX = 1_000
# Of a keyed hash: enough to tell a thousand apart.
HASH_BYTES = 6
# So many buckets are kept beyond the window, at most, for events that come late.
_SPARE_MAX = 60
_FUTURE_US = int(FUTURE_TOLERANCE.total_seconds()) * MICROS
_PART = 1 << 26
_WHOLE = frozenset({Kind.MONEY, Kind.DURATION})


def ring_kind(feature: Window) -> str | None:
    """How the feature is kept in a ring: "ring-count", "ring-sum" or "ring-set"; None for one that needs every single value."""
    if feature.bucket_us is None or feature.per is not None:
        return None
    if feature.aggregate in (Aggregate.SUM, Aggregate.MEAN):
        return "ring-sum" if feature.kind in _WHOLE else None
    return {Aggregate.COUNT: "ring-count", Aggregate.DISTINCT: "ring-set"}.get(feature.aggregate)


def slots_of(window_us: int, bucket_us: int) -> int:
    """How many buckets are kept: those that a window can touch, those that an event with a future time can open, and some for late events."""
    inside = window_us // bucket_us
    return inside + 1 + -(-_FUTURE_US // bucket_us) + min(inside, _SPARE_MAX)


def ring_reach(window_us: int, bucket_us: int, at_us: int) -> str:
    """The script's "bucket of the event|first bucket of the window|buckets kept|bytes of a value"."""
    return f"{at_us // bucket_us}|{(at_us - window_us + 1) // bucket_us}|{slots_of(window_us, bucket_us)}|{HASH_BYTES}"


def short_hash(token: str) -> bytes:
    """As a ring keeps it, in bytes: there may be a thousand for each entity."""
    return bytes.fromhex(token[: HASH_BYTES * 2])


def sum_member(value: Any) -> str | None:
    """An amount in its two parts; None for none."""
    if value is None:
        return None
    high, low = divmod(int(value), _PART)
    return f"{low} {high}"


def ring_value(feature: Window, answered: Any) -> FeatureValue:
    """The script's answer: a count, or "events low high"."""
    if isinstance(answered, int):
        return as_value(feature, answered)
    events, low, high = map(int, answered.split())
    total = Fraction(low + high * _PART)
    if feature.aggregate is Aggregate.SUM:
        return as_value(feature, total)
    return as_value(feature, total / events if events else None)
