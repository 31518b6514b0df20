"""What every feature means, computed slowly and plainly from a list of events. Whatever computes features is tested against this.

An event is a record: field → value, with `id`, `type` and `at` (microseconds since 1970) always there. A window is (t − W, t].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, isqrt
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from rules.enrich.derived import one_spelling
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind, Value
from rules.lang.meaning import EXACT_MAX
from rules.model import AtLeast, FeatureValue
from rules.windows.listed import is_on, match_of, one_entry
from rules.windows.phone import starts_with
from rules.windows.spec import Aggregate, Feature, Listed, PhoneIn, SinceSessionStart, Window

Record: TypeAlias = Mapping[str, Any]
_UTC = ZoneInfo("UTC")
GAPS = frozenset({Aggregate.GAP_MEAN, Aggregate.GAP_CV})


def features_at(
    features: Mapping[str, Feature],
    lists: Mapping[str, frozenset[Value]],
    events: Iterable[Record],
    now: Record,
    zone: ZoneInfo,
    listed: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, FeatureValue]:
    """All features at one event; `events` may be in any order and hold `now` or not. Filters read clocks in `zone`, the policy's. None is missing.

    `listed` are the entries of lists that are kept outside of the file, by name.
    """
    known = _each_once(events, now)
    found = {name: _on_list(feature, listed or {}, now) for name, feature in features.items() if isinstance(feature, Listed)}
    return {name: found[name] if name in found else _one(feature, lists, known, now, zone) for name, feature in features.items()}


def _on_list(feature: Listed, listed: Mapping[str, Sequence[str]], now: Record) -> bool | None:
    value = entity(now, feature.by)
    if value is None:
        return None
    kinds = ((match_of(feature.by, written), written) for written in listed.get(feature.named, ()))
    return any(is_on(match, feature.by, value, [one_entry(match, feature.by, written)]) for match, written in kinds)


def value_of(feature: Window, events: Iterable[Record], now: Record, zone: ZoneInfo = _UTC) -> FeatureValue:
    """One window's value at the event `now`. The zone matters to a filter that asks for the time of day or the day of the week."""
    return _window(feature, _each_once(events, now), now, zone)


def _each_once(events: Iterable[Record], now: Record) -> list[Record]:
    """Without retries: events with one id are one event. Those after `now` have not happened yet."""
    by_id = {event["id"]: event for event in events}
    by_id[now["id"]] = now
    return sorted((event for event in by_id.values() if event["at"] <= now["at"]), key=lambda event: (event["at"], event["id"]))


def _one(feature: Feature, lists: Mapping[str, frozenset[Value]], events: Sequence[Record], now: Record, zone: ZoneInfo) -> FeatureValue:
    if isinstance(feature, PhoneIn):
        return starts_with(now.get("phone"), map(str, lists[feature.named]))
    if isinstance(feature, SinceSessionStart):
        return _since_session_start(events, now)
    assert isinstance(feature, Window)
    return _window(feature, events, now, zone)


def _since_session_start(events: Sequence[Record], now: Record) -> FeatureValue:
    start = _given_start(now)
    if start is None:
        session = now.get("session")
        starts = [_started(event) for event in events if session is not None and event.get("session") == session and event["id"] != now["id"]]
        if not starts:
            return None
        start = min(starts)
    millis = int(now["at"] // 1000 - start // 1000)
    return millis // 1000 if millis % 1000 == 0 else millis / 1000


def _given_start(event: Record) -> int | None:
    """The start that the shop gave with the event; one after the event itself is not believed."""
    start: int | None = event.get("session_started_at")
    return None if start is None or start > event["at"] else start


def _started(event: Record) -> int:
    """When the session had started, as far as this event tells."""
    start = _given_start(event)
    return int(event["at"]) if start is None else start


def _window(feature: Window, events: Sequence[Record], now: Record, zone: ZoneInfo) -> FeatureValue:
    if any(entity(now, name) is None for name in feature.by):
        return None
    mine = [event for event in events if _counts(feature, event, now, zone)]
    if feature.aggregate is Aggregate.SINCE:
        earlier = [event["at"] for event in mine if event["id"] != now["id"] and event["at"] > now["at"] - feature.window_us]
        return int(now["at"] - max(earlier)) if earlier else None
    if feature.aggregate is Aggregate.SEEN:
        return any(event["id"] != now["id"] for event in _inside(feature, mine, now["at"]))
    if feature.any_us is not None:
        return _any_window(feature, mine, now["at"])
    return as_value(feature, _aggregate(feature, _inside(feature, mine, now["at"])))


def entity(event: Record, name: str) -> Any:
    """What an entity is known by: texts in their one spelling, so that `+86 138…` and `138…` are one phone."""
    given = event.get(name)
    return one_spelling(name, given) if isinstance(given, str) else given


def _counts(feature: Window, event: Record, now: Record, zone: ZoneInfo) -> bool:
    if event["type"] not in feature.on or any(entity(event, name) != entity(now, name) for name in feature.by):
        return False
    return feature.where is None or interpret(feature.where, event, {}, zone) is True


def _inside(feature: Window, events: Sequence[Record], until: int) -> list[Record]:
    """Events of the window that ends at `until`. A bucketed window begins where its oldest bucket does, so it holds up to one bucket more."""
    begin = begin_of(feature, until)
    return [event for event in events if begin <= event["at"] <= until]


def begin_of(feature: Window, until: int) -> int:
    """The first microsecond of the window that ends at `until`."""
    begin = until - feature.window_us + 1
    # Bucket k holds k·b ≤ at < (k+1)·b; the oldest that the exact window touches counts whole.
    return begin if feature.bucket_us is None else begin // feature.bucket_us * feature.bucket_us


def _any_window(feature: Window, events: Sequence[Record], now: int) -> FeatureValue:
    """The largest value over all windows that end in (now − any, now].

    The value changes only where an event enters (at its time) or leaves (a window's length later), so these ends and `now` are all there are.
    """
    assert feature.any_us is not None
    first = now - feature.any_us + 1
    ends = {event["at"] for event in events} | {event["at"] + feature.window_us for event in events} | {now, first}
    found = [_aggregate(feature, _inside(feature, events, end)) for end in sorted(ends) if first <= end <= now]
    # Only the largest is rounded and held against ±2^53: a window too large to tell must not give way to a smaller one.
    return as_value(feature, max((value for value in found if value is not None), default=None))


def as_value(feature: Window, exact: Any) -> FeatureValue:
    """What was computed exactly, as the language has it: rounded, or "cap or more"."""
    return _capped(feature, _given(feature, exact))


def _capped(feature: Window, value: Any) -> FeatureValue:
    """Exact below the cap; from there on only "cap or more" is known, since the oldest may be forgotten."""
    if feature.cap is not None and value is not None and value >= feature.cap:
        return AtLeast(feature.cap)
    told: FeatureValue = value
    return told


def _aggregate(feature: Window, events: Sequence[Record]) -> Any:
    """Before rounding: rationals are exact. None where there is nothing to tell."""
    if feature.aggregate in GAPS:
        return gap_value(feature.aggregate, [event["at"] for event in events])
    values = events if feature.of is None else [value for event in events if (value := _value(feature, event)) is not None]
    if feature.per is not None:
        parts = len({value for event in events if (value := entity(event, feature.per)) is not None})
        whole = len(events) if feature.aggregate is Aggregate.COUNT else sum(map(_exact, values))
        return None if parts == 0 else Fraction(whole, parts)
    return plain_value(feature, values)


def _value(feature: Window, event: Record) -> Any:
    """Different things are told apart as entities are; of others the value counts."""
    assert feature.of is not None
    return entity(event, feature.of) if feature.aggregate is Aggregate.DISTINCT else event.get(feature.of)


def plain_value(feature: Window, values: Sequence[Any]) -> Any:
    """The aggregate of these values, exact; None where there is nothing to tell."""
    if feature.aggregate is Aggregate.PERCENTILE:
        return _nearest_rank(values, feature.percentile or 100.0)
    return _AGGREGATES[feature.aggregate](values)


def gap_value(aggregate: Aggregate, at: Sequence[int]) -> Fraction | None:
    """Of the pauses between events at these times, in order: their mean, or how even they are. One pause alone is neither even nor uneven."""
    gaps = [later - earlier for earlier, later in pairwise(at)]
    if aggregate is Aggregate.GAP_MEAN:
        return Fraction(sum(gaps), len(gaps)) if gaps else None
    total = sum(gaps)
    if len(gaps) < 2 or total == 0:
        return None
    # Deviation over mean, both times the number of gaps: whole numbers under the root, since a thousand fractions cost milliseconds.
    return _root(Fraction(len(gaps) * sum(gap * gap for gap in gaps) - total * total)) / total


def _exact(value: Any) -> Any:
    return Fraction(value)


def _given(feature: Window, value: Any) -> Any:
    """Rationals as the language has numbers: whole where whole, money and durations rounded half to even, beyond ±2^53 missing."""
    if not isinstance(value, Fraction):
        return value
    if abs(value) > EXACT_MAX:
        return None
    if value.denominator == 1 or feature.kind in (Kind.MONEY, Kind.DURATION):
        return round(value)
    return float(value)


def _mean(values: Sequence[Any]) -> Fraction | None:
    return sum(map(_exact, values), Fraction(0)) / len(values) if values else None


def _variance(values: Sequence[Any]) -> Fraction | None:
    """Of the population: the mean of the squared distances from the mean."""
    mean = _mean(values)
    return None if mean is None else sum(((_exact(value) - mean) ** 2 for value in values), Fraction(0)) / len(values)


def _stddev(values: Sequence[Any]) -> Fraction | None:
    variance = _variance(values)
    return None if variance is None else _root(variance)


def _cv(values: Sequence[Any]) -> Fraction | None:
    """Standard deviation over mean; missing where the mean is zero."""
    mean, deviation = _mean(values), _stddev(values)
    return None if mean is None or deviation is None or mean == 0 else deviation / abs(mean)


def _root(value: Fraction) -> Fraction:
    """The square root, exact to about 2^-64 of its value and whole where it is whole."""
    scale = 1 << 128
    return Fraction(isqrt(value.numerator * value.denominator * scale * scale), value.denominator * scale)


def _nearest_rank(values: Sequence[Any], rank: float) -> Any:
    """The smallest value that `rank` per cent of the values do not exceed (nearest rank)."""
    if not values:
        return None
    # The rank as it is written: the float next to 99.9 lies above it, and would ask for one value more.
    return sorted(values)[max(0, ceil(Fraction(str(rank)) * len(values) / 100) - 1)]


_AGGREGATES: Mapping[Aggregate, Callable[[Sequence[Any]], Any]] = {
    Aggregate.COUNT: len,
    Aggregate.SUM: lambda values: sum(map(_exact, values), Fraction(0)),
    Aggregate.DISTINCT: lambda values: len(set(values)),
    Aggregate.MEAN: _mean,
    Aggregate.STDDEV: _stddev,
    Aggregate.CV: _cv,
    Aggregate.MIN: lambda values: min(values, default=None),
    Aggregate.MAX: lambda values: max(values, default=None),
    Aggregate.LAST: lambda values: values[-1] if values else None,
}
