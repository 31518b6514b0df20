"""What to record and read for a type of event: the union of all policies' features, one stored series per distinct declaration.

A series is named by all that decides its content: policies with the same feature share it, those with different ones never do. Counts that differ in
their window alone stand in one log, which is kept for the longest of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from struct import Struct

from fraud.features.ring import IDS_MAX, SET_MAX, ring_kind
from rules.lang import tree
from rules.model import Ruleset
from rules.windows.fast import FOLLOWED
from rules.windows.spec import Aggregate, SinceSessionStart, Window

SESSION_KEEP_SECONDS = 2 * 86_400
# The newest events of one entity that a log keeps; a value over more of them is that of the newest.
LOG_MAX = 1_000
# Where every window must be looked at anew, time grows with the square.
ANY_MAX = 100
# Those that ask for the newest event only keep a few more, for events that come late.
NEWEST_MAX = 50
_PACKED = frozenset({"count", "seen"})
# By which the scripts know the kinds.
_LETTERS = {
    "seen": b"s",
    "count": b"c",
    "first": b"f",
    "log": b"l",
    "newest": b"n",
    "ids": b"i",
    "ring-count": b"r",
    "ring-sum": b"a",
    "ring-set": b"d",
}
# More than 255 windows over one content are no fault: all policies' are in one part.
_SPEC = Struct(">cI6sH")
_NEWEST = frozenset({Aggregate.LAST, Aggregate.SINCE, Aggregate.SEEN})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events count: a condition over the event's own fields, read by the clocks of a zone."""

    source: str
    zone: str
    node: tree.Node = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        return blake2b(f"{self.zone}\x00{self.source}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Series:
    """One stored series of an entity kind. `kind` is seen (last sighting of each `of`), count (events), first (time of the first event), log (events
    with the values of `of` and `per`), newest (the same, of which only the newest are read), ring-… (a value per bucket) or ids (the events that
    the entity's rings have counted)."""

    kind: str
    by: tuple[str, ...]
    of: str | None
    window_ms: int
    cap: int
    on: tuple[str, ...]
    per: str | None = None
    where: Filter | None = None
    bucket_ms: int = 0
    name: str = field(init=False, compare=False)
    number: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self._named())
        object.__setattr__(self, "number", hash((self.by, self.name)))

    def __hash__(self) -> int:
        # Worked out once: series are looked up for every feature of every check.
        return self.number

    def _named(self) -> str:
        """The end of its key."""
        if self.kind in ("first", "ids"):
            return self.kind
        more = [f"per-{self.per}"] if self.per else []
        more += [f"bucket-{self.bucket_ms}"] if self.bucket_ms else []
        more += [f"where-{self.where.name}"] if self.where else []
        return ".".join([self.kind, self.of or "event", str(self.window_ms), str(self.cap), ",".join(self.on), *more])

    @property
    def is_ring(self) -> bool:
        return self.bucket_ms > 0

    @property
    def is_packed(self) -> bool:
        return self.kind in _PACKED

    @property
    def entity(self) -> str:
        """The kind of entity that it is counted by: a field, or a pair."""
        return "+".join(self.by)

    @property
    def key(self) -> str:
        """What it is among all series of a merchant."""
        return f"{self.entity}:{self.name}"

    @property
    def reach_us(self) -> int:
        """How far back it tells."""
        return (self.window_ms + self.bucket_ms) * 1000

    def takes(self, event_type: str) -> bool:
        return self.kind == "first" or event_type in self.on


SESSION_START = Series("first", ("session",), None, SESSION_KEEP_SECONDS * 1000, 0, ())


@dataclass(frozen=True, slots=True)
class Part:
    """What stands under one key: a series, or packed ones that differ in their windows alone. `records` tells whether this event is recorded there."""

    series: Series
    windows_ms: tuple[int, ...]
    records: bool

    @property
    def key(self) -> str:
        """The end of its key: a digest, because names of series hold all types of events that they count."""
        one = self.series
        if one.kind in ("first", "ids"):
            return one.kind
        said = f"{one.of}.{one.cap}.{','.join(one.on)}" if one.is_packed else one.name
        return f"{one.kind}.{blake2b((said + (one.where.name if one.where else '')).encode(), digest_size=8).hexdigest()}"

    def spec(self, grace_ms: int) -> bytes:
        """As the scripts read it."""
        one = self.series
        longest = max(self.windows_ms, default=one.window_ms)
        head = _SPEC.pack(_LETTERS[one.kind], one.cap, (longest + grace_ms).to_bytes(6), len(self.windows_ms))
        return head + b"".join(window.to_bytes(6) for window in self.windows_ms)


@dataclass(frozen=True, slots=True)
class Kept:
    """All that one kind of entity keeps of a type of event, the scripts' word for it, and the ends of its keys. `is_packed` tells whether all of it is
    packed; where all of it takes every event besides, `members` are the fields that it holds of one."""

    parts: Sequence[Part]
    spec: bytes
    keys: Sequence[str]
    is_packed: bool
    members: Sequence[str | None] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """By entity kind what it keeps; for each feature of the reading policy its series, and of which kind's answers it is which. Of those the `counts`,
    name, kind and number, stand by themselves: they are most, and read without a look at the feature."""

    by_entity: Mapping[str, Kept]
    reads: Mapping[str, Series]
    places: Mapping[str, tuple[str, int]]
    counts: Sequence[tuple[str, str, int]]


def series_of(feature: object, zone: str) -> Series | None:
    """The series behind a feature of a policy with this zone; None for one that needs no memory."""
    if isinstance(feature, SinceSessionStart):
        return SESSION_START
    if not isinstance(feature, Window):
        return None
    where = None if feature.where is None else Filter(feature.where_source, zone, feature.where)
    window_ms = feature.window_us // 1000
    if feature.cap is not None and feature.per is None and feature.any_us is None and feature.bucket_us is None:
        kind = "count" if feature.aggregate is Aggregate.COUNT else "seen"
        return Series(kind, feature.by, feature.of, window_ms, feature.cap, feature.on, None, where)
    if feature.aggregate in _NEWEST:
        return Series("newest", feature.by, feature.of, window_ms, NEWEST_MAX, feature.on, None, where)
    ring = ring_kind(feature)
    if ring is not None and feature.bucket_us is not None:
        return Series(ring, feature.by, feature.of, window_ms, SET_MAX, feature.on, None, where, feature.bucket_us // 1000)
    # What a window, a bucket and any window may reach back to.
    reach_ms = window_ms + ((feature.bucket_us or 0) + (feature.any_us or 0)) // 1000
    most = LOG_MAX if feature.any_us is None or feature.aggregate in FOLLOWED else ANY_MAX
    return Series("log", feature.by, feature.of, reach_ms, most, feature.on, feature.per, where)


def make_plan(policies: Iterable[Ruleset], reading: Ruleset | None, event_type: str, grace_ms: int) -> Plan:
    """Every series that takes this event, and every one that the reading policy asks; each is kept for `grace_ms` beyond its window."""
    taking = {series for policy in policies for series in _all_series(policy).values() if series.takes(event_type)}
    reads = {} if reading is None else _all_series(reading)
    by_entity, where = {}, {}
    for entity, found in groupby(sorted(taking | set(reads.values()), key=_order), key=lambda series: series.entity):
        parts = _parts(list(found), taking)
        by_entity[entity] = _kept(parts, grace_ms)
        answers = [(part.series, window) for part in parts if part.series.kind != "ids" for window in part.windows_ms or (part.series.window_ms,)]
        where.update({(entity, _content(series), window): (entity, place) for place, (series, window) in enumerate(answers)})
    places = {name: where[one.entity, _content(one), one.window_ms] for name, one in reads.items()}
    return Plan(by_entity, reads, places, [(name, *places[name]) for name, one in reads.items() if one.is_packed])


def _kept(parts: Sequence[Part], grace_ms: int) -> Kept:
    is_packed = all(part.series.is_packed for part in parts)
    takes_all = is_packed and all(part.records and part.series.where is None for part in parts)
    keys = [f":{key}" for key in (*(part.key for part in parts), "cancelled")]
    return Kept(parts, b"".join(part.spec(grace_ms) for part in parts), keys, is_packed, [part.series.of for part in parts] if takes_all else None)


def _order(series: Series) -> tuple[str, ...]:
    return (series.entity, *map(str, _content(series)), series.name)


def _content(series: Series) -> tuple[object, ...]:
    """Series of one content stand under one key."""
    if not series.is_packed:
        return (series.kind, series.name)
    return (series.kind, series.of, series.cap, series.on, series.where and series.where.name)


def _parts(series: Sequence[Series], taking: Collection[Series]) -> list[Part]:
    """Rings hold no events, so the entity remembers which it has counted; before the rings, which ask."""
    parts = []
    for _, same in groupby(series, key=_content):
        first, *others = same
        windows = tuple(sorted({first.window_ms, *(one.window_ms for one in others)})) if first.is_packed else ()
        parts.append(Part(first, windows, first in taking))
    rings = [part.series for part in parts if part.records and part.series.is_ring]
    if not rings:
        return parts
    return [Part(Series("ids", rings[0].by, None, max(one.window_ms + one.bucket_ms for one in rings), IDS_MAX, ()), (), True), *parts]


def series_names(policy: Ruleset) -> frozenset[str]:
    """The keys of all series that the policy records."""
    return frozenset(one.key for one in _all_series(policy).values())


def _all_series(policy: Ruleset) -> dict[str, Series]:
    zone = policy.zone.key
    return {name: series for name, feature in policy.features.items() if (series := series_of(feature, zone)) is not None}
