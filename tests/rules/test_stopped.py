"""A rule that one person has stopped: it refuses nobody, nothing is let through because of it, and one that lets through does so no more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.evaluate import Evaluation, evaluate
from rules.model import OUTCOMES, severity
from tests.rules.build import rule, ruleset

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RULES = (
    rule("reject", "n >= 4", verdict="reject"),
    rule("review", "n >= 3", verdict="review"),
    rule("challenge", "n >= 2", verdict="challenge"),
    rule("some", "b", 50),
    rule("more", "m >= 1", 50),
    rule("trusted", "t == 'vip'", verdict="allow"),
)
POLICY = ruleset(*RULES)


def judge(stopped: set[str], snoozed: set[str] = frozenset(), **values: object) -> Evaluation:  # type: ignore[assignment]
    return evaluate(POLICY, {"n": 0, "m": 0, "b": False, "t": "x", **values}, now=NOW, stopped=stopped, snoozed=snoozed)  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("stopped", "values", "outcome"),
    [
        ({"reject"}, {"n": 4}, "review"),
        ({"reject", "review", "challenge"}, {"n": 4}, "review"),
        ({"challenge"}, {"n": 2}, "challenge"),
        ({"some"}, {"b": True}, "review"),
        ({"some"}, {"b": True, "m": 1}, "review"),
        ({"some", "more"}, {"b": True, "m": 1}, "review"),
        ({"some"}, {"b": True, "n": 4}, "reject"),
        ({"some"}, {"b": False}, "allow"),
        # One that lets through: what it set aside counts again.
        (set(), {"b": True, "t": "vip"}, "allow"),
        ({"trusted"}, {"b": True, "t": "vip"}, "review"),
        ({"trusted", "some"}, {"b": True, "t": "vip"}, "review"),
    ],
)
def test_what_a_stopped_rule_would_refuse_waits_for_a_person(stopped: set[str], values: dict[str, object], outcome: str) -> None:
    assert judge(stopped, **values).outcome == outcome


def test_only_a_rule_that_would_hit_is_told_as_stopped_and_its_score_is_not_counted() -> None:
    found = judge({"some", "reject"}, b=True, m=1)
    assert (found.results["some"], found.results["reject"], found.score) == ("stopped", "miss", 50)
    # Whoever looks at the case sees what it is held for; where the rest would hold it anyway, the stopped rule has nothing to say.
    assert [reason.rule for reason in judge({"reject"}, n=4, m=1).reasons] == ["more", "challenge", "review"]
    assert [reason.rule for reason in judge({"some"}, b=True).reasons] == ["some"]


def test_a_snooze_for_a_value_goes_before_a_stop() -> None:
    found = judge({"some"}, {"some"}, b=True)
    assert (found.results["some"], found.outcome) == ("snoozed", "allow")


_names = st.sets(st.sampled_from([one["id"] for one in RULES]))
_values = st.fixed_dictionaries({"n": st.integers(0, 5), "m": st.integers(0, 2), "b": st.booleans(), "t": st.sampled_from(["x", "vip"])})


@given(_names, _values)
def test_no_stop_lets_through_what_was_held_and_none_makes_a_refusal(stopped: set[str], values: dict[str, object]) -> None:
    before, after = judge(set(), **values).outcome, judge(stopped, **values).outcome
    assert severity(after) >= min(severity(before), OUTCOMES.index("review"))
    if "trusted" not in stopped:
        assert severity(after) <= severity(before)
