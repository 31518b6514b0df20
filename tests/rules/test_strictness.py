"""Which way a change goes: told through the rules that it touches, and not told at all where the shape does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diff import diff
from rules.evaluate import evaluate
from rules.strictness import condition_moves, weigh
from tests.conftest import START as NOW
from tests.rules.build import rule, ruleset
from tests.rules.test_diff import BASE, document

TABLE = [
    ("accounts >= 3 and", "accounts >= 5 and", ["rule farm when: accounts >= 3 → 5 (loosened)"]),
    ("accounts >= 3 and", "accounts >= 2 and", ["rule farm when: accounts >= 3 → 2 (tightened)"]),
    ("accounts >= 3 and claims < 50", "claims < 60 and accounts >= 3", ["rule farm when: claims < 50 → 60 (tightened)"]),
    ("accounts >= 3 and", "accounts > 3 and", ["rule farm when: accounts >= 3 and claims < 50 → accounts > 3 and claims < 50 (loosened)"]),
    # One constant goes one way and the other the other: nothing is said.
    ("accounts >= 3 and claims < 50", "accounts >= 4 and claims < 60", ["rule farm when: claims < 50 → 60", "rule farm when: accounts >= 3 → 4"]),
    ("accounts >= 3 and claims < 50", "accounts >= 3", ["rule farm when: accounts >= 3 and claims < 50 → accounts >= 3 (tightened)"]),
    ("score: 100", "score: 90", ["rule farm score: 100 → 90 (loosened)"]),
    ("verdict: challenge", "verdict: reject", ["rule odd verdict: challenge → reject (tightened)"]),
    ("verdict: challenge", "score: 7", ["rule odd score: — → 7", "rule odd verdict: challenge → —"]),
    ("farm: 3", "farm: 4", ["parameter farm: 3 → 4 (loosened)"]),
    # Only one rule reads it, and it protects; of the other feature one rule wants much and another little.
    ("window: 24h", "window: 48h", ["feature accounts window: 24h → 48h (longer, tightened)"]),
    ("window: 10m", "window: 5m", ["feature claims window: 10m → 5m (shorter)"]),
    ("window: 24h}", 'window: 24h, where: "amount > ¥1.00"}', ["feature accounts where: — → amount > ¥1.00 (loosened)"]),
    ('items: ["162", "165"]', 'items: ["162"]', ["list segments items removed (1): 165 (loosened)"]),
    ('items: ["162", "165"]', 'items: ["162", "165", "170"]', ["list segments items added (1): 170 (tightened)"]),
    ("review: 40", "review: 50", ["bands review: 40 → 50 (loosened)"]),
    ("when_unavailable: hold", "when_unavailable: allow", ["when_unavailable: hold → allow (loosened)"]),
    ("tags: [pace, user]", "tags: [user]", ["rule burst tags: [pace, user] → [user]"]),
    (
        "  - {id: burst, when: claims >= farm, score: 30, tags: [pace, user], reason: {code: burst, zh: 频繁, en: many claims}}\n",
        "",
        ["rule burst removed (claims >= farm) (loosened)"],
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), TABLE, ids=[f"{old[:20]}→{new[:20]}" for old, new, _ in TABLE])
def test_each_change_is_told_with_its_way(old: str, new: str, said: list[str]) -> None:
    assert old in BASE
    before, after = document(BASE), document(BASE.replace(old, new))
    weighed = weigh(diff(before, after), before, after)
    assert [one.words("en") for one in weighed] == said
    # The way back goes the other way.
    back = {"tightened": "loosened", "loosened": "tightened", None: None}
    assert [one.effect for one in weigh(diff(after, before), after, before)] == [back[one.effect] for one in weighed]


def test_in_chinese() -> None:
    before, after = document(BASE), document(BASE.replace("accounts >= 3 and", "accounts >= 5 and").replace("24h", "48h"))
    assert [one.words("zh") for one in weigh(diff(before, after), before, after)] == [
        "规则 farm 条件:accounts >= 3 → 5(放宽)",
        "特征 accounts 窗口:24h → 48h(更长、收紧)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("a > 3", "a > 5", -1),
        ("not a > 3", "not a > 5", 1),
        ("3 < a", "5 < a", -1),
        ("a < 3", "a <= 3", 1),
        ("a == 3", "a == 4", None),
        ("a > 3 or b", "a > 5 or b", -1),
        ("a > 3 and b > 1", "b > 0 and a > 3", 1),
        ("a > 3", "a > 3 or b", 1),
        ("a > 3", "b and a > 3", -1),
        ("a > 3", "a > 4 or b", None),
        ("a > 3 or b", "a > 3 or b or c", 1),
        ("a > 3 and b", "a > 3 and b and c", -1),
        ("a - 2 > b", "a - 3 > b", -1),
        ("t in ['x']", "t in ['x', 'y']", 1),
        ("t not in ['x']", "t not in ['x', 'y']", -1),
        ("t in ['x']", "t in ['y']", None),
        ("contains(t, 'x')", "contains(t, 'y')", None),
        ("a > 3", "b > 3", None),
        ("a > 3s", "a > 3", None),
    ],
)
def test_how_often_a_condition_holds(old: str, new: str, moves: int | None) -> None:
    assert condition_moves(old, new) == moves


_numbers = st.integers(0, 4)
_conditions = st.recursive(
    st.builds(lambda name, sign, number: f"{name} {sign} {number}", st.sampled_from(["n", "m"]), st.sampled_from(["<", "<=", ">", ">="]), _numbers),
    lambda inner: st.one_of(
        st.builds(lambda one: f"not ({one})", inner),
        st.builds(lambda one, word, other: f"({one}) {word} ({other})", inner, st.sampled_from(["and", "or"]), inner),
    ),
    max_leaves=4,
)


@given(_conditions, _conditions, _numbers, st.data())
def test_what_is_told_is_true_of_every_value(one: str, other: str, number: int, data: st.DataObject) -> None:
    # Half of the pairs differ in one constant, where something can nearly always be told.
    new = other if data.draw(st.booleans()) else one.replace(one[-1] if one[-1].isdigit() else "2", str(number))
    moves = condition_moves(one, new)
    policies = [ruleset(rule("r", when, 10)) for when in (one, new)]
    for n in range(-1, 6):
        for m in range(-1, 6):
            before, after = (evaluate(policy, {"n": n, "m": m}, now=NOW).results["r"] == "hit" for policy in policies)
            assert moves is None or (before == after if moves == 0 else before <= after if moves > 0 else before >= after)
