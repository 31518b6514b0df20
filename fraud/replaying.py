"""A decision judged again from nothing but its record: the same rules give the same decision, and other rules say what they would have said.

Pure. What a record does not hold in clear (a phone, an address) comes from the event as far as its person is still there; a rule that needs more
cannot be judged again, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fraud.decision import Decision, reason_body
from rules.enrich.derived import HIDDEN_FIELDS
from rules.evaluate import HIT, SNOOZED, STOPPED, Evaluation, evaluate
from rules.evidence import PRESENT
from rules.lang import tree
from rules.model import FeatureValue, Ruleset, severity

SAME, DIFFERENT, PARTLY, IMPOSSIBLE = "same", "different", "partly", "impossible"
STATES = (SAME, DIFFERENT, PARTLY, IMPOSSIBLE)
UNAVAILABLE, PERSON_DECIDES = "risk_unavailable", "person_decides"
_UNJUDGED = Evaluation(0, "allow", {}, ())


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of the record, as it stands there and as it came out now, both JSON-able."""

    what: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of judging a decision again.

    `state`: same | different | partly (what could be judged is the same; `unjudged` names the rules that could not) | impossible (its ruleset is not
    there). `version` is the ruleset that judged now. `lacking` are inputs of another ruleset that the record does not have, which count as missing.
    """

    decision_id: str
    state: str
    version: str
    outcome: str
    score: int
    differences: tuple[Difference, ...] = ()
    unjudged: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


class Judge:
    """Judges again by one ruleset. What follows from the ruleset alone is worked out once."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self._readers = {name: frozenset(rule.id for rule in ruleset.rules if name in _read_in_clear(rule.when)) for name in HIDDEN_FIELDS}

    def replay(self, decision: Decision, clear: Mapping[str, FeatureValue] | None = None) -> Replay:
        """`clear` are the event's own personal values, as far as they are still there."""
        values = opened(decision, clear or {})
        unjudged = frozenset().union(*(self._readers[name] for name in HIDDEN_FIELDS.intersection(values) if values[name] == PRESENT))
        again = self._again(decision, values, unjudged)
        same_rules = self.ruleset.version == decision.policy_version
        found = tuple(_differences(decision, again, unjudged, same_rules))
        state = DIFFERENT if found else PARTLY if unjudged else SAME
        lacking = () if same_rules else tuple(sorted(name for name, _ in self.ruleset.inputs if name not in decision.features))
        return Replay(decision.id, state, self.ruleset.version, again.outcome, again.score, found, tuple(sorted(unjudged)), lacking)

    def _again(self, decision: Decision, values: Mapping[str, FeatureValue], unjudged: frozenset[str]) -> Decision:
        """The decision as the ruleset makes it of the same inputs at the same moment. Rules that cannot be judged are set aside like snoozed ones."""
        snoozed = unjudged.union(rule for rule, result in decision.results.items() if result == SNOOZED)
        stopped = {rule for rule, result in decision.results.items() if result == STOPPED}
        # Without inputs there was no verdict: Redis did not answer.
        judged = decision.features or not decision.degraded
        verdict = evaluate(self.ruleset, values, now=decision.at, snoozed=snoozed, stopped=stopped) if judged else _UNJUDGED
        outcome, reasons = verdict.outcome, verdict.reasons
        if decision.degraded:
            outcome = max(self.ruleset.outcome_when_unavailable, outcome, key=severity)
        # What the engine itself said beside the rules: that Redis did not answer, that the customer asked for a person.
        said = [reason for reason in decision.reasons if reason.code in (UNAVAILABLE, PERSON_DECIDES) and not reason.rule]
        if outcome == "reject" and any(reason.code == PERSON_DECIDES for reason in said):
            outcome = "review"
        reasons = (*reasons, *said)
        return replace(decision, outcome=outcome, score=verdict.score, reasons=reasons, results=verdict.notable)


def replay(decision: Decision, ruleset: Ruleset, clear: Mapping[str, FeatureValue] | None = None) -> Replay:
    """One decision by one ruleset."""
    return Judge(ruleset).replay(decision, clear)


def impossible(decision: Decision) -> Replay:
    """Its ruleset is not there."""
    return Replay(decision.id, IMPOSSIBLE, decision.policy_version, decision.outcome, decision.score)


def needs_clear(decision: Decision) -> bool:
    """Whether its record says of some value only that there was one."""
    return PRESENT in decision.features.values()


def opened(decision: Decision, clear: Mapping[str, FeatureValue]) -> dict[str, FeatureValue]:
    """The recorded values, hidden ones in clear where they are known; where not, the mark says that there was one, which is all that `exists` asks."""
    values = dict(decision.features)
    values.update((name, clear[name]) for name in HIDDEN_FIELDS.intersection(values) if values[name] == PRESENT and name in clear)
    return values


def _read_in_clear(node: tree.Node) -> set[str]:
    """The names whose value is needed, and not only whether there is one."""
    if isinstance(node, tree.Name):
        return {node.name}
    if isinstance(node, tree.Exists) and isinstance(node.inner, tree.Name):
        return set()
    return set().union(*(_read_in_clear(part) for part in tree.children(node)))


def _differences(recorded: Decision, again: Decision, unjudged: frozenset[str], same_rules: bool) -> list[Difference]:
    before, after = (_told(one, unjudged, same_rules) for one in (recorded, again))
    return [Difference(name, _shown(before[name]), _shown(after[name])) for name in before if before[name] != after[name]]


def _told(decision: Decision, unjudged: frozenset[str], whole: bool) -> dict[str, Any]:
    """What two decisions are compared by. Other rules have other results and reasons, so of theirs only those that hit are told."""
    # What rules that could not be judged added cannot be told apart any more.
    said: dict[str, Any] = {} if unjudged else {"outcome": decision.outcome, "score": decision.score}
    if not whole:
        return {**said, "hits": sorted(rule for rule, result in decision.results.items() if result == HIT and rule not in unjudged)}
    if not unjudged:
        return {**said, "results": dict(decision.results), "reasons": tuple(decision.reasons)}
    results = {rule: result for rule, result in decision.results.items() if rule not in unjudged}
    return {**said, "results": results, "reasons": tuple(reason for reason in decision.reasons if reason.rule not in unjudged)}


def _shown(value: Any) -> Any:
    return [reason_body(reason) for reason in value] if isinstance(value, tuple) else value
