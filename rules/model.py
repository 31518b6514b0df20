"""A ruleset as frozen values: features to read, rules over them, and bands that turn a score into an outcome.

Nothing here knows YAML, Redis or a clock. `severity` orders the outcomes; every comparison of outcomes goes through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from core.text import Text
from rules.lang import tree
from rules.lang.catalogue import Catalogue
from rules.lang.compile import CompiledRules
from rules.lang.kinds import Kind, Value
from rules.windows.spec import Feature, Window

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


FeatureValue: TypeAlias = Value | AtLeast | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Adds `score` when its condition holds, or asks for at least `verdict` (then `score` is 0).

    `lifts_to` is the severest outcome that the score may help to reach. In effect from `effective_from` up to, not including,
    `effective_to`. `source` is the condition as it was written, `pack` the id of the file that it stands in.
    """

    id: str
    when: tree.Node
    source: str
    score: int
    code: str
    text: Text
    verdict: str | None = None
    lifts_to: str = "reject"
    tags: tuple[str, ...] = ()
    owner: str = ""
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    pack: str = ""


@dataclass(frozen=True, slots=True)
class Bands:
    """The least score of each outcome above allow, for events that bring a value for all of `needs`."""

    needs: frozenset[str]
    cutoffs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Case:
    """A test beside the rules: events in their order (field → value, `at` in µs since 1970), and what the last of them must give.

    `expect` may have `features`, `rules` (id → result), `hits` (exactly these), `score` and `decision`. `path` leads to the case in its file.
    `listed` are the entries of lists that are kept outside of the file.
    """

    name: str
    events: tuple[Mapping[str, Any], ...]
    expect: Mapping[str, Any]
    path: tuple[str | int, ...] = ()
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One policy for one scene, compiled. `version` is its document's hash; `fields` are the declared custom fields."""

    id: str
    scene: str
    zone: ZoneInfo
    catalogue: Catalogue
    features: Mapping[str, Feature]
    lists: Mapping[str, frozenset[Value]]
    rules: tuple[Rule, ...]
    bands: tuple[Bands, ...]
    when_unavailable: str
    version: str
    compiled: CompiledRules
    cases: tuple[Case, ...] = ()
    # What follows from the rest, so that no verdict has to work it out anew.
    windows: Mapping[str, int] = field(init=False)
    inputs: tuple[tuple[str, Kind], ...] = field(init=False, compare=False, repr=False)
    recorded: tuple[str, ...] = field(init=False, compare=False, repr=False)
    rule_ids: tuple[str, ...] = field(init=False, compare=False, repr=False)
    timed_rules: tuple[Rule, ...] = field(init=False, compare=False, repr=False)
    # What others have worked out of a rule, by its id, so that they need not do it for every hit.
    worked_out: dict[str, Any] = field(init=False, compare=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        seconds = {name: feature.window_seconds for name, feature in self.features.items() if isinstance(feature, Window)}
        inputs = dict.fromkeys([*self.compiled.names, *(need for bands in self.bands for need in sorted(bands.needs))])
        found = {
            "windows": seconds,
            # What rules and bands read; that and all features are what a decision records.
            "inputs": tuple((name, self.catalogue.names[name].kind) for name in inputs),
            "recorded": tuple(sorted({*self.features, *inputs})),
            "rule_ids": tuple(sorted(rule.id for rule in self.rules)),
            "timed_rules": tuple(rule for rule in self.rules if rule.effective_from is not None or rule.effective_to is not None),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def outcome_when_unavailable(self) -> str:
        return UNAVAILABLE_OUTCOMES[self.when_unavailable]
