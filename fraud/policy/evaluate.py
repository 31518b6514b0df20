"""The verdict: a pure function of a policy and feature values. Rules are independent of one another, so their order never changes a result.

A missing value is not false: a rule that needs it is *missing*, neither hit nor miss, and adds nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.text import Text
from fraud.policy.model import OUTCOMES, AtLeast, Compare, Condition, Every, FeatureValue, Policy, Rule, Scalar, severity

HIT, MISS, MISSING = "hit", "miss", "missing"

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
    "is": operator.eq,
}
# With "n or more" these hold at n and above …
_SURE_HITS = {"at_least", "above"}
# … and of these the opposite is sure once n itself fails from above.
_SURE_MISSES: Mapping[str, Callable[[Any, Any], bool]] = {"at_most": operator.gt, "below": operator.ge, "is": operator.gt}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison that a hit rule made; the window in seconds, None where the feature has none."""

    feature: str
    value: FeatureValue
    operator: str
    threshold: Scalar
    window_seconds: int | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score was added: a stable code, words for the customer, and the evidence for those who may see it."""

    code: str
    text: Text
    rule: str = ""
    score: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the policy says: results per rule id (hit, miss, missing), and reasons, the weightiest first."""

    score: int
    outcome: str
    results: Mapping[str, str]
    reasons: tuple[Reason, ...]


def evaluate(policy: Policy, features: Mapping[str, FeatureValue]) -> Evaluation:
    """Judge the feature values. A name that is absent counts as missing."""
    results = {rule.id: judge(rule.when, features) for rule in policy.rules}
    hits = [rule for rule in policy.rules if results[rule.id] == HIT]
    reasons = sorted((_reason(rule, policy, features) for rule in hits), key=lambda reason: (-reason.score, reason.rule))
    return Evaluation(sum(rule.score for rule in hits), _outcome(policy, hits), dict(sorted(results.items())), tuple(reasons))


def judge(condition: Condition, features: Mapping[str, FeatureValue]) -> str:
    """Three-valued truth (Kleene): hit, miss, or missing when the values that are there do not settle it."""
    if isinstance(condition, Compare):
        return _compare(condition, features.get(condition.feature))
    found = {judge(part, features) for part in condition.parts}
    decisive, other = (MISS, HIT) if isinstance(condition, Every) else (HIT, MISS)
    if decisive in found:
        return decisive
    return MISSING if MISSING in found else other


def _compare(condition: Compare, value: FeatureValue) -> str:
    if value is None:
        return MISSING
    if isinstance(value, AtLeast):
        return _compare_at_least(condition, value.count)
    if _family(value) is not _family(condition.threshold):
        return MISSING
    return HIT if OPERATORS[condition.operator](value, condition.threshold) else MISS


def _compare_at_least(condition: Compare, count: int) -> str:
    if _family(condition.threshold) is not float:
        return MISSING
    if condition.operator in _SURE_HITS:
        return HIT if OPERATORS[condition.operator](count, condition.threshold) else MISSING
    return MISS if _SURE_MISSES[condition.operator](count, condition.threshold) else MISSING


def _family(value: Scalar) -> type:
    # A bool is an int to Python, but "true" is no number to a rule.
    return bool if isinstance(value, bool) else str if isinstance(value, str) else float


def _outcome(policy: Policy, hits: list[Rule]) -> str:
    """The severest outcome whose cut-off is reached by the scores that may lift that far."""
    for outcome in reversed(OUTCOMES[1:]):
        score = sum(rule.score for rule in hits if severity(rule.lifts_to) >= severity(outcome))
        if outcome in policy.bands and score >= policy.bands[outcome]:
            return outcome
    return OUTCOMES[0]


def _reason(rule: Rule, policy: Policy, features: Mapping[str, FeatureValue]) -> Reason:
    found = [
        Evidence(part.feature, features.get(part.feature), part.operator, part.threshold, policy.windows.get(part.feature))
        for part in comparisons(rule.when)
        if _compare(part, features.get(part.feature)) == HIT
    ]
    return Reason(rule.code, rule.text, rule.id, rule.score, tuple(found))


def comparisons(condition: Condition) -> Iterator[Compare]:
    """Every comparison in the condition, in its written order."""
    if isinstance(condition, Compare):
        yield condition
        return
    for part in condition.parts:
        yield from comparisons(part)
