"""A risk policy as frozen values: features to read, rules over them, and bands that turn a score into an outcome.

Nothing here knows YAML, Redis or a clock. `severity` orders the outcomes; every comparison of outcomes goes through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from core.text import Text

OUTCOMES: tuple[str, ...] = ("allow", "challenge", "review", "reject")
# What a policy's `when_unavailable` means for a request that could not be judged.
UNAVAILABLE_OUTCOMES: Mapping[str, str] = {"allow": "allow", "hold": "review", "reject": "reject"}


def severity(outcome: str) -> int:
    """0 for allow up to 3 for reject."""
    return OUTCOMES.index(outcome)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """What a capped feature answers: `count` or more, since the oldest were forgotten."""

    count: int


Scalar: TypeAlias = bool | int | float | str
FeatureValue: TypeAlias = Scalar | AtLeast | None


@dataclass(frozen=True, slots=True)
class Window:
    """How many different `of` (or events, when `of` is None) the entity `by` had in (t − seconds, t], exact up to `cap`.

    `on` lists the types of events that are counted.
    """

    of: str | None
    by: str
    window_seconds: int
    cap: int
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SinceSessionStart:
    """Seconds from the session's first event, or from the start the shop gave, to this event. Missing at a session's first event."""


@dataclass(frozen=True, slots=True)
class PhoneStarts:
    """Whether the phone number starts with one of the segments. Missing without a readable phone number."""

    segments: frozenset[str]


Feature: TypeAlias = Window | SinceSessionStart | PhoneStarts


@dataclass(frozen=True, slots=True)
class Compare:
    """`feature operator threshold`; the operators and what they do with a missing value stand in `evaluate`."""

    feature: str
    operator: str
    threshold: Scalar


@dataclass(frozen=True, slots=True)
class Every:
    """Holds when all parts hold; one part that does not hold decides, whatever is missing."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Holds when one part holds, whatever is missing."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = Compare | Every | Some


@dataclass(frozen=True, slots=True)
class Rule:
    """Adds `score` when its condition holds. `lifts_to` is the severest outcome this score may help to reach."""

    id: str
    when: Condition
    score: int
    code: str
    text: Text
    lifts_to: str = "reject"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy for one scene. `bands` gives the least score of each outcome above allow; `version` is its document's hash."""

    id: str
    scene: str
    features: Mapping[str, Feature]
    rules: tuple[Rule, ...]
    bands: Mapping[str, int]
    when_unavailable: str
    version: str
    windows: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        seconds = {name: feature.window_seconds for name, feature in self.features.items() if isinstance(feature, Window)}
        object.__setattr__(self, "windows", seconds)

    @property
    def outcome_when_unavailable(self) -> str:
        return UNAVAILABLE_OUTCOMES[self.when_unavailable]
