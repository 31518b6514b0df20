"""The verdict: a pure function of a ruleset and values. Rules are independent of one another, so their order never changes a result.

A missing value is not false: a rule that needs it is *missing*, neither hit nor miss, and adds nothing. A value of the wrong type counts as
missing, and a rule that could not be settled without it is an *error*.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rules.evidence import Reason, reason_of
from rules.lang import tree
from rules.lang.kinds import Kind
from rules.lang.meaning import EXACT_MAX, is_number
from rules.model import OUTCOMES, AtLeast, FeatureValue, Rule, Ruleset, severity

HIT, MISS, MISSING, SNOOZED, STOPPED, ERROR, INACTIVE = "hit", "miss", "missing", "snoozed", "stopped", "error", "inactive"
_NEVER_WHOLE = (Kind.TEXT, Kind.BOOLEAN)
RESULTS = (HIT, MISS, MISSING, SNOOZED, STOPPED, ERROR, INACTIVE)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the ruleset says: results per rule id where they are not `miss`, as most are, and reasons, the weightiest first."""

    score: int
    outcome: str
    notable: Mapping[str, str]
    reasons: tuple[Reason, ...]
    rule_ids: tuple[str, ...] = ()

    @property
    def results(self) -> dict[str, str]:
        """Of every rule."""
        return dict.fromkeys(self.rule_ids, MISS) | dict(self.notable)


def evaluate(ruleset: Ruleset, given: Mapping[str, FeatureValue], *, now: datetime, snoozed: Collection[str] = (), stopped: Collection[str] = ()) -> Evaluation:
    """Judge the values of event fields and features. A name that is absent is missing; `snoozed` are ids of rules that are set aside.

    `stopped` are ids of rules that one person has stopped: they refuse nobody, and what they would have refused is for review at most.
    """
    values, wrong = plain_values(ruleset, given)
    hits, missing = ruleset.compiled.judge(values)
    results = {ruleset.rules[index].id: HIT for index in hits}
    for index in missing:
        rule = ruleset.rules[index]
        results[rule.id] = ERROR if wrong and not wrong.isdisjoint(tree.names_of(rule.when)) else MISSING
    results.update((rule.id, SNOOZED) for rule in (ruleset.rules if snoozed else ()) if rule.id in snoozed)
    results.update((rule.id, INACTIVE) for rule in ruleset.timed_rules if not in_effect(rule, now))
    halted = _halt(ruleset, results, stopped) if stopped else ()
    counting = [rule for index in hits if results[(rule := ruleset.rules[index]).id] == HIT]
    outcome, telling = outcome_of(ruleset, counting, values), counting
    if halted and (held := _held(outcome, outcome_of(ruleset, [*counting, *halted], values))) != outcome:
        # Whoever looks at it must see what it is held for.
        outcome, telling = held, [*counting, *halted]
    reasons = sorted((reason_of(ruleset, rule, values, given) for rule in telling), key=lambda reason: (-reason.score, reason.rule))
    return Evaluation(sum(rule.score for rule in counting), outcome, results, tuple(reasons), ruleset.rule_ids)


def _halt(ruleset: Ruleset, results: dict[str, str], stopped: Collection[str]) -> list[Rule]:
    """Marks stopped rules that would hit; returns those that protect. One that lets through simply does so no more."""
    would = [rule for rule in ruleset.rules if rule.id in stopped and results.get(rule.id) == HIT]
    results.update((rule.id, STOPPED) for rule in would)
    return [rule for rule in would if rule.score > 0 or severity(rule.verdict or OUTCOMES[0]) > 0]


def _held(without: str, together: str) -> str:
    """Of what the rules say without the stopped ones and with them: nothing is paid because of a stop, and nothing is refused by a stopped rule."""
    return max(without, min(together, "review", key=severity), key=severity)


def plain_values(ruleset: Ruleset, given: Mapping[str, FeatureValue]) -> tuple[dict[str, Any], set[str]]:
    """What rules compute with: "n or more" as n, and wrong types as missing; the names of those are told."""
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for name, kind in ruleset.inputs:
        value = given.get(name)
        if value is None:
            values[name] = None
            continue
        if isinstance(value, AtLeast):
            value = value.count
        # As `fits`, without a call: most are counts.
        if value.__class__ is int and kind not in _NEVER_WHOLE and -EXACT_MAX <= value <= EXACT_MAX:
            values[name] = value
            continue
        if not fits(kind, value):
            wrong.add(name)
            value = None
        values[name] = value
    return values, wrong


def fits(kind: Kind, value: object) -> bool:
    """Whether a value from outside may stand as this kind."""
    # Most are counts, and whole numbers may stand as whatever is computed with.
    if value.__class__ is int and kind is not Kind.TEXT and kind is not Kind.BOOLEAN:
        return -EXACT_MAX <= value <= EXACT_MAX
    return _FITS[kind](value)


def in_effect(rule: Rule, now: datetime) -> bool:
    """From `effective_from` on and before `effective_to`."""
    return (rule.effective_from is None or rule.effective_from <= now) and (rule.effective_to is None or now < rule.effective_to)


def outcome_of(ruleset: Ruleset, hits: Collection[Rule], values: Mapping[str, Any]) -> str:
    """The severest of what verdicts ask and what the score reaches; a verdict `allow` sets the score's part aside."""
    verdicts = [rule.verdict for rule in hits if rule.verdict is not None]
    scored = OUTCOMES[0] if "allow" in verdicts else _scored(cutoffs_for(ruleset, values), hits)
    return max([scored, *verdicts], key=severity) if verdicts else scored


def cutoffs_for(ruleset: Ruleset, values: Mapping[str, Any]) -> dict[str, int]:
    """The cut-offs for the values that are there: of the bands whose needs are met those with most needs, and of equals the strictest."""
    met = [bands for bands in ruleset.bands if all(values.get(name) is not None for name in bands.needs)]
    most = max((len(bands.needs) for bands in met), default=0)
    strictest: dict[str, int] = {}
    for bands in met:
        if len(bands.needs) == most:
            for outcome, least in bands.cutoffs.items():
                strictest[outcome] = min(least, strictest.get(outcome, least))
    return strictest


def _scored(cutoffs: Mapping[str, int], hits: Collection[Rule]) -> str:
    """The severest outcome whose cut-off is reached by the scores that may lift that far."""
    for outcome in reversed(OUTCOMES[1:]):
        if outcome in cutoffs:
            level = severity(outcome)
            if sum(rule.score for rule in hits if severity(rule.lifts_to) >= level) >= cutoffs[outcome]:
                return outcome
    return OUTCOMES[0]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT_MAX


_FITS: dict[Kind, Callable[[object], bool]] = {
    Kind.NUMBER: is_number,
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.BOOLEAN: lambda value: isinstance(value, bool),
    Kind.MONEY: _is_whole,
    Kind.DURATION: _is_whole,
    Kind.INSTANT: _is_whole,
    Kind.CLOCK: _is_whole,
}
