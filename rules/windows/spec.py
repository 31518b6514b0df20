"""What a feature is: a declaration with one meaning, whoever computes it. The oracle in `rules.windows.oracle` defines the values.

A window is (t − W, t] and includes the event at t itself. An entity that the event lacks makes the feature missing, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rules.lang import tree
from rules.lang.kinds import Kind


class Aggregate(StrEnum):
    """What is made of the values in a window; of the last four, what the times of the events tell."""

    COUNT = "count"
    SUM = "sum"
    DISTINCT = "distinct"
    MEAN = "mean"
    STDDEV = "stddev"
    CV = "cv"
    MIN = "min"
    MAX = "max"
    PERCENTILE = "percentile"
    LAST = "last"
    SINCE = "time_since"
    GAP_MEAN = "gap_mean"
    GAP_CV = "gap_cv"
    SEEN = "seen_before"


@dataclass(frozen=True, slots=True)
class Window:
    """An aggregate over the events of types `on` that share the event's `by` (one entity field, or a pair) in (t − W, t].

    `of` is the field that is aggregated (None for count and what only times tell); `where` filters by the events' own fields; `per` divides a count
    or a sum by the number of different values of that field. `bucket_us` None is `exact`; otherwise the window begins at a multiple of the
    bucket since 1970: the oldest bucket that the window touches counts whole. `cap`: the value is exact below it and "cap or more" from
    there on. `any_us` asks for the largest value over every window of this length that ends in (t − any_us, t]. `kind` is the result's.
    """

    aggregate: Aggregate
    of: str | None
    by: tuple[str, ...]
    window_us: int
    on: tuple[str, ...]
    kind: Kind = Kind.NUMBER
    where: tree.Node | None = None
    where_source: str = ""
    per: str | None = None
    percentile: float | None = None
    bucket_us: int | None = None
    cap: int | None = None
    any_us: int | None = None

    @property
    def window_seconds(self) -> int:
        return self.window_us // 1_000_000


@dataclass(frozen=True, slots=True)
class SinceSessionStart:
    """Seconds (a number) from the session's first event, or from the start the shop gave, to this event. Missing at a session's first event."""


@dataclass(frozen=True, slots=True)
class PhoneIn:
    """Whether the phone number starts with one of the segments of a list of texts. Missing without a readable phone number."""

    named: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Whether the event's `by` is on a list that people keep outside of the file. Missing without the field; false while there is no such list."""

    named: str
    by: str


Feature: TypeAlias = Window | SinceSessionStart | PhoneIn | Listed
