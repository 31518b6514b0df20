"""The values of windows from a log of one entity's events, in time that grows with the events, not with their square. Equal to the oracle's.

A log has the times of the events in order, with the aggregated value and the `per` value of each, None where an event lacks it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from rules.model import FeatureValue
from rules.windows.oracle import GAPS, as_value, begin_of, gap_value, plain_value
from rules.windows.spec import Aggregate, Window

# Aggregates that can be followed from one end of a window to the next.
FOLLOWED = frozenset({Aggregate.COUNT, Aggregate.SUM, Aggregate.DISTINCT, Aggregate.MEAN})


@dataclass(frozen=True, slots=True)
class Log:
    """Events that count: `at` in microseconds, ascending; `of` and `per` beside each."""

    at: Sequence[int]
    of: Sequence[Any]
    per: Sequence[Any]


def value_in(feature: Window, log: Log, now: int) -> FeatureValue:
    """The value at `now` (microseconds) of a feature other than `last`, `time_since` and `seen_before`; the log holds nothing after `now`."""
    if feature.any_us is None:
        first = bisect_left(log.at, begin_of(feature, now))
        if feature.aggregate in GAPS:
            return as_value(feature, gap_value(feature.aggregate, log.at[first:]))
        return as_value(feature, _among(feature, log.of[first:], log.per[first:]))
    return as_value(feature, _largest(feature, log, now, feature.any_us))


def _among(feature: Window, of: Sequence[Any], per: Sequence[Any]) -> Any:
    values = [value for value in of if value is not None] if feature.of is not None else of
    if feature.per is not None:
        parts = len({part for part in per if part is not None})
        whole = len(of) if feature.aggregate is Aggregate.COUNT else _sum(values)
        return Fraction(whole, parts) if parts else None
    if feature.aggregate is Aggregate.SUM:
        return Fraction(_sum(values))
    if feature.aggregate is Aggregate.MEAN:
        return Fraction(_sum(values), len(values)) if values else None
    return plain_value(feature, values)


def _sum(values: Sequence[Any]) -> int | Fraction:
    """Exact: whole numbers as such, because a thousand fractions cost milliseconds."""
    return sum(values) if all(type(value) is int for value in values) else sum(map(Fraction, values), Fraction(0))


def _largest(feature: Window, log: Log, now: int, any_us: int) -> Any:
    """Over all windows that end in (now − any, now]; a value changes only where an event enters or leaves."""
    first = now - any_us + 1
    ends = {now, first, *(end for at in log.at for end in (at, at + feature.window_us) if first <= end <= now)}
    if feature.aggregate not in FOLLOWED:
        edges = ((bisect_right(log.at, end - feature.window_us), bisect_right(log.at, end)) for end in ends)
        found = [_among(feature, log.of[low:high], log.per[low:high]) for low, high in edges]
        return max((value for value in found if value is not None), default=None)
    held, low, high, best = _Held(feature), 0, 0, None
    for end in sorted(ends):
        while high < len(log.at) and log.at[high] <= end:
            held.enter(log.of[high], log.per[high], 1)
            high += 1
        while low < high and log.at[low] <= end - feature.window_us:
            held.enter(log.of[low], log.per[low], -1)
            low += 1
        value = held.value()
        best = value if best is None or (value is not None and value > best) else best
    return best


@dataclass(slots=True)
class _Held:
    """What a window holds, as events enter (1) and leave (−1)."""

    feature: Window
    events: int = 0
    values: int = 0
    total: int | Fraction = 0
    kinds: Counter[Any] = field(default_factory=Counter)
    parts: Counter[Any] = field(default_factory=Counter)

    def enter(self, of: Any, per: Any, step: int) -> None:
        self.events += step
        if self.feature.of is not None and of is not None:
            self.values += step
            if self.feature.aggregate is Aggregate.DISTINCT:
                _count(self.kinds, of, step)
            else:
                self.total += step * (of if type(of) is int else Fraction(of))
        if self.feature.per is not None and per is not None:
            _count(self.parts, per, step)

    def value(self) -> Any:
        aggregate = self.feature.aggregate
        whole: int | Fraction = self.events if aggregate is Aggregate.COUNT else self.total
        if self.feature.per is not None:
            return Fraction(whole, len(self.parts)) if self.parts else None
        if aggregate is Aggregate.MEAN:
            return Fraction(self.total, self.values) if self.values else None
        if aggregate is Aggregate.DISTINCT:
            return len(self.kinds)
        return whole if aggregate is Aggregate.COUNT else Fraction(whole)


def _count(counter: Counter[Any], key: Any, step: int) -> None:
    counter[key] += step
    if not counter[key]:
        del counter[key]
