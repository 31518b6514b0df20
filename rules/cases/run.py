"""Runs the tests that stand beside the rules: the events are replayed through the definition of the windows, and the last one is judged.

Nothing here needs a store or a clock, so a test gives the same answer on every machine and at every time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.clock import from_micros
from rules.cases.results import CaseResult, Coverage, Difference, Report
from rules.cases.values import matches, shown, written_as
from rules.enrich.derived import derived
from rules.evaluate import HIT, Evaluation, evaluate
from rules.lang import tree
from rules.model import Case, FeatureValue, Ruleset
from rules.windows.oracle import features_at


def run_cases(ruleset: Ruleset) -> Report:
    """Every case of the ruleset, and how many of the rules they reach."""
    results = tuple(run_case(ruleset, case) for case in ruleset.cases)
    return Report(results, _coverage(ruleset, results, frozenset()))


def with_packs(ruleset: Ruleset, report: Report, reached: Collection[tuple[str, str]]) -> Report:
    """The report where a pack's rule counts as reached when a test of any policy in the run reached it: `reached` are pairs of pack and rule."""
    return Report(report.results, _coverage(ruleset, report.results, reached))


def reached_in_packs(ruleset: Ruleset, report: Report) -> set[tuple[str, str]]:
    """The pack's rules that these tests reached."""
    hits = {rule for result in report.results for rule in result.hits}
    return {(rule.pack, rule.id) for rule in ruleset.rules if rule.pack and rule.id in hits}


def _coverage(ruleset: Ruleset, results: Sequence[CaseResult], elsewhere: Collection[tuple[str, str]]) -> Coverage:
    reached = {rule for result in results for rule in result.hits}
    missed = tuple(sorted(rule.id for rule in ruleset.rules if rule.id not in reached and (rule.pack, rule.id) not in elsewhere))
    return Coverage(len(ruleset.rules) - len(missed), len(ruleset.rules), missed)


def run_case(ruleset: Ruleset, case: Case) -> CaseResult:
    """Judge the case's last event and compare with everything that the case expects."""
    values = values_at(ruleset, case.events, case.listed)
    evaluation = evaluate(ruleset, values, now=from_micros(case.events[-1]["at"]))
    differences = tuple(_Comparison(ruleset, values, evaluation).differences(case.expect))
    return CaseResult(case.name, not differences, differences, tuple(_hits(evaluation)), case.path)


def values_at(ruleset: Ruleset, events: Collection[Mapping[str, Any]], listed: Mapping[str, Sequence[str]] | None = None) -> dict[str, FeatureValue]:
    """Fields and features of the last event; what follows from fields is worked out, whatever was written. `listed`: entries of lists by name."""
    told = [{**event, **derived(event)} for event in events]
    return {**told[-1], **features_at(ruleset.features, ruleset.lists, told, told[-1], ruleset.zone, listed)}


def _hits(evaluation: Evaluation) -> list[str]:
    return sorted(rule for rule, result in evaluation.results.items() if result == HIT)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Holds what a case expects against what came out."""

    ruleset: Ruleset
    values: Mapping[str, FeatureValue]
    evaluation: Evaluation

    def differences(self, expect: Mapping[str, Any]) -> Iterator[Difference]:
        for name, written in expect.get("features", {}).items():
            yield from self._feature(name, written)
        for rule, wanted in expect.get("rules", {}).items():
            yield from self._differs(f"rule {rule}", wanted, self.evaluation.results[rule], ("rules", rule), (rule,))
        if "hits" in expect:
            yield from self._all_hits(expect["hits"])
        if "score" in expect:
            yield from self._differs("score", str(expect["score"]), str(self.evaluation.score), ("score",), _hits(self.evaluation))
        if "decision" in expect:
            yield from self._differs("decision", expect["decision"], self.evaluation.outcome, ("decision",), _hits(self.evaluation))

    def _feature(self, name: str, written: Any) -> Iterator[Difference]:
        kind, actual, zone = self.ruleset.catalogue.names[name].kind, self.values.get(name), self.ruleset.zone
        if not matches(kind, written, actual, zone):
            yield Difference(f"feature {name}", written_as(written), shown(kind, actual, zone), ("expect", "features", name))

    def _all_hits(self, wanted: Collection[str]) -> Iterator[Difference]:
        actual = _hits(self.evaluation)
        others = sorted(set(wanted) ^ set(actual))
        if others:
            yield from self._differs("hits", f"[{', '.join(sorted(wanted))}]", f"[{', '.join(actual)}]", ("hits",), others)

    def _differs(self, what: str, wanted: str, actual: str, path: tuple[str, ...], rules: Collection[str]) -> Iterator[Difference]:
        if wanted != actual:
            yield Difference(what, wanted, actual, ("expect", *path), tuple(self._read_by(rules)))

    def _read_by(self, rules: Collection[str]) -> Iterator[tuple[str, str]]:
        """Each value that these rules read, once."""
        names = dict.fromkeys(name for rule in self.ruleset.rules if rule.id in rules for name in tree.names_of(rule.when))
        for name in names:
            yield name, shown(self.ruleset.catalogue.names[name].kind, self.values.get(name), self.ruleset.zone)
