"""Whatever a shipped policy said of whatever values, its record alone says it again, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fraud.decision import Decision, from_record, recorded
from fraud.replaying import DIFFERENT, SAME, replay
from rules.enrich.derived import HIDDEN_FIELDS
from rules.evaluate import evaluate
from rules.model import AtLeast, Ruleset
from rules.replay import sample_records
from tests.conftest import START


def decided(ruleset: Ruleset, values: Mapping[str, Any], snoozed: frozenset[str] = frozenset(), stopped: frozenset[str] = frozenset()) -> Decision:
    verdict = evaluate(ruleset, values, now=START, snoozed=snoozed, stopped=stopped)
    made = {"outcome": verdict.outcome, "score": verdict.score, "reasons": verdict.reasons, "results": verdict.notable}
    names = {"id": "dec_1", "merchant": "m", "scene": ruleset.scene, "event_id": "e", "event_hash": "h", "campaign": None}
    rest = {"policy": ruleset.id, "policy_version": ruleset.version, "degraded": False, "at": START}
    return from_record(Decision(**names, **made, **rest, features=recorded(ruleset, values)).record())


def capped(record: Mapping[str, Any]) -> dict[str, Any]:
    """Some counts as a capped feature gives them."""
    return {name: AtLeast(value) if isinstance(value, int) and not isinstance(value, bool) and value == 2 else value for name, value in record.items()}


def test_every_record_of_every_shipped_policy_is_judged_the_same_again(policies: Any) -> None:
    for ruleset in policies:
        for number, record in enumerate(sample_records(ruleset)):
            values = capped(record)
            snoozed = frozenset(ruleset.rule_ids[: number % 3])
            stopped = frozenset(ruleset.rule_ids[number % 5 :]) if number % 2 else frozenset()
            decision = decided(ruleset, values, snoozed, stopped)
            again = replay(decision, ruleset, {name: values[name] for name in HIDDEN_FIELDS & values.keys()})
            assert (again.state, again.outcome, again.score) == (SAME, decision.outcome, decision.score)


def test_a_record_that_says_something_else_is_found_out(policies: Any) -> None:
    ruleset = next(iter(policies))
    values = next(iter(sample_records(ruleset)))
    decision = decided(ruleset, values)
    for lie in ({"outcome": "reject" if decision.outcome != "reject" else "allow"}, {"score": decision.score + 1}, {"results": {"ghost": "hit"}}):
        assert replay(replace(decision, **lie), ruleset, values).state == DIFFERENT
