"""What to record and read for a type of event: the union of all policies' features, one stored series per distinct declaration.

A series is named by all that decides its content: policies with the same feature share it, those with different ones never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rules.model import Ruleset
from rules.windows.spec import Aggregate, SinceSessionStart, Window

SESSION_KEEP_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Series:
    """One stored series of an entity kind. `kind` is seen, count or first; `of` names the members of a seen series."""

    kind: str
    by: str
    of: str | None
    window_ms: int
    cap: int
    on: tuple[str, ...]

    @property
    def name(self) -> str:
        """The end of its key."""
        if self.kind == "first":
            return "first"
        return f"{self.kind}.{self.of or 'event'}.{self.window_ms}.{self.cap}.{','.join(self.on)}"

    def takes(self, event_type: str) -> bool:
        return self.kind == "first" or event_type in self.on


SESSION_START = Series("first", "session", None, SESSION_KEEP_SECONDS * 1000, 0, ())


@dataclass(frozen=True, slots=True)
class Plan:
    """Series per entity kind with whether this event is recorded there, and for each feature of the reading policy its series."""

    by_entity: Mapping[str, Sequence[tuple[Series, bool]]]
    reads: Mapping[str, Series]


def series_of(feature: object) -> Series | None:
    """The series behind a feature; None for one that needs no memory."""
    if isinstance(feature, SinceSessionStart):
        return SESSION_START
    if isinstance(feature, Window) and feature.cap is not None:
        kind = "count" if feature.aggregate is Aggregate.COUNT else "seen"
        return Series(kind, feature.by[0], feature.of, feature.window_us // 1000, feature.cap, feature.on)
    return None


def make_plan(policies: Iterable[Ruleset], reading: Ruleset | None, event_type: str) -> Plan:
    """Every series that takes this event, and every one that the reading policy asks."""
    taking = {series for policy in policies for series in _all_series(policy).values() if series.takes(event_type)}
    reads = {} if reading is None else _all_series(reading)
    grouped: dict[str, list[tuple[Series, bool]]] = {}
    for series in sorted(taking | set(reads.values()), key=lambda series: (series.by, series.name)):
        grouped.setdefault(series.by, []).append((series, series in taking))
    return Plan(grouped, reads)


def _all_series(policy: Ruleset) -> dict[str, Series]:
    return {name: series for name, feature in policy.features.items() if (series := series_of(feature)) is not None}
