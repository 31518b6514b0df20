"""What to record and read for a type of event: the union of all policies' features, one stored series per distinct declaration.

A series is named by all that decides its content: policies with the same feature share it, those with different ones never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

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
class Plan:
    """Series per entity kind with whether this event is recorded there, and for each feature of the reading policy its series."""

    by_entity: Mapping[str, Sequence[tuple[Series, bool]]]
    reads: Mapping[str, Series]


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


def make_plan(policies: Iterable[Ruleset], reading: Ruleset | None, event_type: str) -> Plan:
    """Every series that takes this event, and every one that the reading policy asks."""
    taking = {series for policy in policies for series in _all_series(policy).values() if series.takes(event_type)}
    reads = {} if reading is None else _all_series(reading)
    grouped: dict[str, list[tuple[Series, bool]]] = {}
    for series in sorted(taking | set(reads.values()), key=lambda series: (series.entity, series.name)):
        grouped.setdefault(series.entity, []).append((series, series in taking))
    # The same objects on both sides: one that is itself need not be compared field by field.
    same = {series: series for kept in grouped.values() for series, _ in kept}
    by_entity = {entity: _ids_of(series) + series for entity, series in grouped.items()}
    return Plan(by_entity, {name: same[series] for name, series in reads.items()})


def _ids_of(series: Sequence[tuple[Series, bool]]) -> list[tuple[Series, bool]]:
    """Rings hold no events, so the entity remembers which it has counted; before the rings, which ask."""
    rings = [one for one, records in series if records and one.is_ring]
    if not rings:
        return []
    return [(Series("ids", rings[0].by, None, max(one.window_ms + one.bucket_ms for one in rings), IDS_MAX, ()), True)]


def series_names(policy: Ruleset) -> frozenset[str]:
    """The keys of all series that the policy records."""
    return frozenset(one.key for one in _all_series(policy).values())


def _all_series(policy: Ruleset) -> dict[str, Series]:
    zone = policy.zone.key
    return {name: series for name, feature in policy.features.items() if (series := series_of(feature, zone)) is not None}
