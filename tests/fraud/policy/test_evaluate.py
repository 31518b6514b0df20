"""The verdict: boundaries, missing values, capped counts, bands, and that the order of rules means nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import Text
from fraud.policy.evaluate import OPERATORS, evaluate, judge
from fraud.policy.model import AtLeast, Compare, Every, FeatureValue, Policy, Rule, Some

WORDS = Text(zh="词", en="words")


def compare(operator: str, threshold: float = 3, feature: str = "n") -> Compare:
    return Compare(feature, operator, threshold)


@pytest.mark.parametrize(
    ("operator", "at_two", "at_three", "at_four"),
    [
        ("at_least", "miss", "hit", "hit"),
        ("above", "miss", "miss", "hit"),
        ("at_most", "hit", "hit", "miss"),
        ("below", "hit", "miss", "miss"),
        ("is", "miss", "hit", "miss"),
    ],
)
def test_each_operator_around_its_threshold(operator: str, at_two: str, at_three: str, at_four: str) -> None:
    assert [judge(compare(operator), {"n": value}) for value in (2, 3, 4)] == [at_two, at_three, at_four]


@pytest.mark.parametrize(
    ("operator", "at_least_two", "at_least_three", "at_least_four"),
    [
        ("at_least", "missing", "hit", "hit"),
        ("above", "missing", "missing", "hit"),
        ("at_most", "missing", "missing", "miss"),
        ("below", "missing", "miss", "miss"),
        ("is", "missing", "missing", "miss"),
    ],
)
def test_a_capped_count_says_only_what_is_sure(operator: str, at_least_two: str, at_least_three: str, at_least_four: str) -> None:
    found = [judge(compare(operator), {"n": AtLeast(count)}) for count in (2, 3, 4)]
    assert found == [at_least_two, at_least_three, at_least_four]


@pytest.mark.parametrize("operator", sorted(OPERATORS))
@pytest.mark.parametrize("value", [None, True, "3"])
def test_a_missing_or_foreign_value_is_missing_not_false(operator: str, value: FeatureValue) -> None:
    assert judge(compare(operator), {"n": value}) == "missing"
    assert judge(compare(operator), {}) == "missing"


@pytest.mark.parametrize(
    ("first", "second", "every", "some"),
    [
        (3, 3, "hit", "hit"),
        (3, 0, "miss", "hit"),
        (0, 0, "miss", "miss"),
        (3, None, "missing", "hit"),
        (0, None, "miss", "missing"),
        (None, None, "missing", "missing"),
    ],
)
def test_all_and_any_with_missing_parts(first: int | None, second: int | None, every: str, some: str) -> None:
    parts = (compare("at_least"), compare("at_least", feature="m"))
    values: dict[str, FeatureValue] = {"n": first, "m": second}
    assert (judge(Every(parts), values), judge(Some(parts), values)) == (every, some)


def policy_of(*rules: Rule) -> Policy:
    return Policy("p", "s", {}, rules, {"review": 40, "reject": 80}, "hold", "v")


def rule(name: str, score: int, lifts_to: str = "reject", feature: str = "n") -> Rule:
    return Rule(name, compare("at_least", feature=feature), score, name, WORDS, lifts_to)


@pytest.mark.parametrize(("score", "outcome"), [(39, "allow"), (40, "review"), (41, "review"), (79, "review"), (80, "reject"), (81, "reject")])
def test_bands_begin_at_their_score(score: int, outcome: str) -> None:
    assert evaluate(policy_of(rule("r", score)), {"n": 3}).outcome == outcome


def test_a_score_that_lifts_to_review_never_helps_to_reject() -> None:
    address, device = rule("address", 1000, "review"), rule("device", 79)
    assert evaluate(policy_of(address), {"n": 3}).outcome == "review"
    assert evaluate(policy_of(address, device), {"n": 3}).outcome == "review"
    assert evaluate(policy_of(address, rule("device", 80)), {"n": 3}).outcome == "reject"


def test_every_rule_is_reported_and_reasons_come_weightiest_first() -> None:
    policy = policy_of(rule("a", 10), rule("b", 20), rule("c", 5, feature="absent"))
    found = evaluate(policy, {"n": 4})
    assert found.results == {"a": "hit", "b": "hit", "c": "missing"}
    assert [reason.code for reason in found.reasons] == ["b", "a"]
    assert found.score == 30


values = st.one_of(st.none(), st.integers(-2, 150), st.booleans(), st.integers(0, 100).map(AtLeast), st.floats(0, 10))


@given(st.randoms(use_true_random=False), st.data())
def test_the_order_of_rules_never_changes_a_result(policy: Policy, shuffler: random.Random, data: st.DataObject) -> None:
    features = {name: data.draw(values) for name in policy.features}
    rules = list(policy.rules)
    shuffler.shuffle(rules)
    assert evaluate(replace(policy, rules=tuple(rules)), features) == evaluate(policy, features)


@given(st.data())
def test_addresses_alone_never_hold_anyone(policy: Policy, data: st.DataObject) -> None:
    names = {"accounts_on_ip_10m", "accounts_on_ip_24h"}
    features: dict[str, FeatureValue] = {name: data.draw(st.one_of(st.integers(0, 100), st.just(AtLeast(100)))) for name in names}
    assert evaluate(policy, features | {"accounts_on_device_24h": 1, "virtual_carrier": data.draw(st.booleans())}).outcome == "allow"


@pytest.mark.parametrize(("accounts", "outcome"), [(1, "allow"), (2, "allow"), (3, "reject"), (4, "reject")])
def test_accounts_on_one_device(policy: Policy, accounts: int, outcome: str) -> None:
    assert evaluate(policy, {"accounts_on_device_24h": accounts}).outcome == outcome


@pytest.mark.parametrize(
    ("feature", "code", "threshold"),
    [
        ("accounts_on_ip_10m", "address_burst", 3),
        ("accounts_on_ip_24h", "address_crowd", 21),
        ("devices_of_user_5m", "device_hopping", 3),
        ("claims_by_user_10m", "claim_burst", 6),
    ],
)
def test_counting_rules_begin_at_their_threshold(policy: Policy, feature: str, code: str, threshold: int) -> None:
    spoken = [code in {reason.code for reason in evaluate(policy, {feature: n}).reasons} for n in (threshold - 1, threshold, threshold + 1)]
    assert spoken == [False, True, True]
