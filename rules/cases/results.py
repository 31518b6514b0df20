"""What running the tests beside the rules gives: a result per case with every difference, and which rules the cases reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that did not come true, in words that can be written into the file.

    `what` names it ("feature x", "rule y", "hits", "score", "decision"), `path` leads from the case to it, and `because` has the values
    that the rules concerned have read.
    """

    what: str
    expected: str
    actual: str
    path: Path = ()
    because: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went. `hits` are the ids of all rules that hit, sorted; `path` leads to the case in its file."""

    name: str
    passed: bool
    differences: tuple[Difference, ...]
    hits: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the rules hit in at least one case, and the ids of those that never do, sorted."""

    hit: int
    rules: int
    missed: tuple[str, ...]

    @property
    def percent(self) -> float:
        """100 where there is no rule."""
        return 100 * self.hit / self.rules if self.rules else 100.0

    def reaches(self, percent: float) -> bool:
        """Whether it is at least this; exact, so that 2 of 3 rules do not fail 66 % or reach 67 % by rounding."""
        return 100 * self.hit >= percent * self.rules


@dataclass(frozen=True, slots=True)
class Report:
    """All cases of a ruleset, in the order of the file."""

    results: tuple[CaseResult, ...]
    coverage: Coverage

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the cases that failed."""
        return tuple(result.name for result in self.results if not result.passed)
