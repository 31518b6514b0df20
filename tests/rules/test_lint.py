"""Lint: what it finds, and that it never claims what is not so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.files.load import is_pack, load_ruleset_file
from rules.lang.interpret import interpret
from rules.lint import CHECKS, lint
from rules.lint.findings import check
from rules.lint.logic import Reasoner, can_be, implies
from rules.model import Ruleset
from tests.fraud.conftest import PACKS
from tests.rules.build import rule, ruleset

FEATURES = {
    "accounts": {"distinct": "user", "by": "device", "window": "24h", "cap": 100},
    "claims": {"count": "events", "by": "user", "window": "24h", "cap": 10},
    "spent": {"sum": "fee", "by": "user", "window": "24h"},
    "rhythm": {"gap_cv": "events", "by": "session", "window": "30m"},
    "breath": {"gap_mean": "events", "by": "session", "window": "30m"},
    "looked": {"seen_before": "page.viewed", "by": "session", "window": "30m"},
}


def made(*rules: dict[str, Any], **more: Any) -> Ruleset:
    return ruleset(*rules, **{"features": FEATURES, **more})


def codes(*rules: dict[str, Any], **more: Any) -> set[tuple[str, Any]]:
    return {
        (finding.code, finding.path[1]) for finding in lint(made(*rules, **more)) if finding.code not in ("dangling_name", "missing_test", "unreachable_band")
    }


@pytest.mark.parametrize(
    "when",
    [
        "accounts < 0",
        "accounts > 3 and accounts < 4",
        "n > 3 and n <= 3",
        "n == 1 and n == 2",
        "n in [1, 2] and n > 2",
        "t == 'a' and t in ['b', 'c']",
        "b and not b",
        "exists(n) and not exists(n)",
        "not exists(n) and n > 3",
        "(n > 3 or m > 3) and n < 2 and m < 2",
        "lower(t) == 'a' and not (lower(t) == 'a')",
        "claims < 1",
        "false and b",
        "fee > ¥0.01 and fee < ¥0.02",
        "rhythm < 0",
        "breath < 1s - 1s",
        "looked and not looked",
    ],
)
def test_a_condition_that_can_never_hold(when: str) -> None:
    assert codes(rule("r", when)) == {("never_fires", 0)}


@pytest.mark.parametrize("when", ["accounts >= 0", "claims >= 1", "n > 3 or n <= 3", "b or not b", "n != 1 or n != 2", "not (accounts < 0)"])
def test_a_condition_that_never_fails(when: str) -> None:
    assert codes(rule("r", when)) == {("always_fires", 0)}


@pytest.mark.parametrize(
    "when",
    [
        "rhythm < 0.1",
        "not looked",
        "n > 3 and n < 4",
        "exists(n)",
        "accounts >= 1",
        "n > 3 or n < 3",
        "t == 'a' or t == 'b'",
        "n > m and n < m",
        "n + 0 > n",
        "n > 0.5 and n < 0.6",
    ],
)
def test_a_condition_that_depends(when: str) -> None:
    assert codes(rule("r", when)) == set()


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("accounts >= 100", None),
        ("accounts >= 101", "threshold_beyond_cap"),
        ("accounts > 99", None),
        ("accounts > 100", "threshold_beyond_cap"),
        ("accounts < 100", None),
        ("accounts < 101", "threshold_beyond_cap"),
        ("accounts <= 99", None),
        ("accounts <= 100", "threshold_beyond_cap"),
        ("100 <= accounts", None),
        ("101 <= accounts", "threshold_beyond_cap"),
        ("(accounts ?? 0) >= 101", "threshold_beyond_cap"),
        ("accounts != 100", "threshold_beyond_cap"),
        ("accounts / 2 > 3", "capped_use"),
        ("accounts > claims", "capped_use"),
        ("max(accounts, 3) > 3", "capped_use"),
        ("exists(accounts)", None),
        ("accounts == 3", "equals_on_count"),
        ("accounts == 1", None),
        ("accounts != 3", None),
        ("spent > ¥1000.00", None),
    ],
)
def test_what_a_capped_count_can_tell(when: str, code: str | None) -> None:
    assert {found for found, _ in codes(rule("r", when))} - {"always_fires"} == ({code} if code else set())


def test_rules_that_others_make_superfluous() -> None:
    assert codes(rule("a", "n >= 3"), rule("b", "n >= 3")) == {("shadowed", 1)}
    assert codes(rule("a", "n >= 5"), rule("b", "n >= 3", verdict="reject")) == {("shadowed", 0)}
    assert codes(rule("a", "n >= 5", verdict="review"), rule("b", "n >= 3 or b", verdict="review")) == {}.keys()  # b may be missing where n is not
    assert codes(rule("a", "n >= 5 and b", verdict="review"), rule("b", "n >= 3 or b", verdict="review")) == {("shadowed", 0)}
    assert codes(rule("a", "n >= 3"), rule("b", "n >= 5", verdict="reject")) == set()
    assert codes(rule("a", "n >= 5", verdict="reject"), rule("b", "n >= 3", verdict="review")) == set()
    assert codes(rule("a", "n >= 3", effective={"to": "2026-01-01"}), rule("b", "n >= 3", effective={"from": "2026-01-02"})) == set()


def test_verdicts_that_contradict() -> None:
    assert codes(rule("a", "n >= 5", verdict="allow"), rule("b", "n >= 3", verdict="reject")) == {("contradicting_verdicts", 1)}
    assert codes(rule("a", "n >= 3", verdict="allow"), rule("b", "n >= 3", verdict="review")) == {("contradicting_verdicts", 1)}
    assert codes(rule("a", "n >= 3", verdict="allow"), rule("b", "m >= 3", verdict="review")) == set()


def test_bands_beyond_reach() -> None:
    bands = [{"needs": [], "review": 40, "reject": 80}, {"needs": ["phone"], "review": 41}, {"needs": ["phone"], "review": 45}]
    found = lint(made(rule("a", "n > 0", 50), rule("b", "m > 0", 30, lifts_to="review"), bands=bands))
    assert [finding.path for finding in found if finding.code == "unreachable_band"] == [("bands", 0, "reject"), ("bands", 2)]


def test_names_that_nothing_uses_words_and_tests_that_are_missing() -> None:
    tests = [{"name": "x", "events": [{"at": "+0s"}], "expect": {"hits": ["a"]}}]
    bare = rule("b", "n > 1") | {"reason": {"code": "x", "zh": " ", "en": "x"}}
    found = lint(
        made(
            rule("a", "n > limit or t in used"),
            bare,
            parameters={"limit": 3, "idle": 4},
            lists={"used": {"items": ["x"]}, "unused": {"items": []}},
            tests=tests,
        )
    )
    assert {(finding.code, *finding.path) for finding in found} == {
        *(("dangling_name", "features", name) for name in FEATURES),
        ("dangling_name", "parameters", "idle"),
        ("dangling_name", "lists", "unused"),
        ("missing_reason_text", "rules", 1, "reason", "zh"),
        ("missing_test", "rules", 1, "id"),
        ("unreachable_band", "bands", 0, "review"),
        ("unreachable_band", "bands", 0, "reject"),
    }


def test_the_shipped_policies_are_clean() -> None:
    policies = [path for path in PACKS.glob("*.yaml") if not is_pack(path.read_bytes())]
    assert len(policies) > 10
    for path in policies:
        assert lint(load_ruleset_file(path).ruleset) == []


def test_no_two_checks_share_a_code_and_each_code_is_in_both_docs() -> None:
    with pytest.raises(ValueError, match="never_fires"):
        check("never_fires")(lambda _: iter(()))
    docs = Path(__file__).parents[2] / "docs"
    for name in ("lint.md", "lint.zh-CN.md"):
        written = (docs / name).read_text(encoding="utf-8")
        assert [code for codes_of in CHECKS for code in codes_of if f"## `{code}`" not in written] == []


ON_NUMBERS = ["n > 1", "n >= 1", "n < 1", "n <= 2", "n == 1", "n != 1", "n in [0, 1]", "2 > n", "accounts >= 1", "accounts < 2", "accounts == 1", "claims < 2"]
ON_OTHERS = [
    "b",
    "t == 'a'",
    "t in ['a', 'b']",
    "t != 'b'",
    "exists(n)",
    "exists(b)",
    "fee > ¥0.01",
    "fee < ¥0.03",
    "n > m",
    "n > 1 + 1",
    "n <= 1 / (1 - 1)",
    "1 + 1 > 1",
    "lower(t) == 'a'",
    "true",
    "false",
]
ATOMS = st.sampled_from([*ON_NUMBERS, *ON_OTHERS])
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda a: f"not ({a})"), st.builds(lambda a, word, b: f"({a}) {word} ({b})", inner, st.sampled_from(["and", "or"]), inner)
    ),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from([0, 0.5, 1, 1.5, 2, 3]),
        "m": st.integers(0, 3),
        "accounts": st.integers(0, 3),
        "claims": st.integers(1, 3),
        "b": st.booleans(),
        "t": st.sampled_from(["a", "b", "A"]),
        "fee": st.integers(0, 4),
    },
)


@settings(max_examples=300)
@given(CONDITIONS, CONDITIONS, st.lists(RECORDS, min_size=1, max_size=30))
def test_no_claim_is_ever_wrong(first: str, second: str, records: list[dict[str, Any]]) -> None:
    both = made(rule("a", first), rule("b", second))
    one, other = (each.when for each in both.rules)
    never, always, implied = can_be(both, one, True) is False, can_be(both, one, False) is False, implies(both, one, other)
    for record in records:
        value = interpret(one, record, {}, both.zone)
        assert not (never and value is True)
        assert not (always and value is False)
        assert not (implied and value is True and interpret(other, record, {}, both.zone) is not True)


@pytest.mark.parametrize("second", ["n <= 1 / (1 - 1)", "not (n <= 1 / (1 - 1))", "n <= 1 / (1 - 1) or n > m", "n > 1 and n <= 1 / (1 - 1)"])
def test_what_is_always_missing_is_implied_by_nothing(second: str) -> None:
    both = made(rule("a", "n > 2"), rule("b", second))
    assert not implies(both, both.rules[0].when, both.rules[1].when)


def test_a_condition_with_too_many_alternatives_is_left_alone() -> None:
    wide = " and ".join(f"(n > {number} or m > {number})" for number in range(20))
    assert codes(rule("r", wide)) == set()


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("1 + 1 > 3", "never_fires"),
        ("n > 1 + 2 and n < 3", "never_fires"),
        ("length('abc') == 2 and b", "never_fires"),
        ("n > 1 / (1 - 1)", "never_fires"),
        ("not (n > 1 / (1 - 1))", "never_fires"),
        ("n >= 10m / 5m or n < 2", "always_fires"),
        ("exists(1 / (1 - 1)) or b", None),
        ("n > 1 + m and n < 1 + m", None),
        ("t in names and n > 2 * 2", None),
    ],
)
def test_what_has_no_names_is_worked_out(when: str, code: str | None) -> None:
    assert codes(rule("r", when), lists={"names": {"items": []}}) == ({(code, 0)} if code else set())


def test_all_the_work_of_a_check_is_bounded() -> None:
    """Two conditions of 128 alternatives each, which no denial fits: told with enough work, and left alone with less."""
    narrow = "n > 100 and m > 0 and " + " and ".join(f"(n > {number} or m > {number})" for number in range(7))
    broad = "n > 50 or " + " or ".join(f"(n > {number} and m > {number})" for number in range(200, 207))
    both = made(rule("a", narrow), rule("b", broad))
    one, other = (each.when for each in both.rules)
    assert implies(both, one, other)
    hurried = Reasoner(both, work_max=10_000)
    assert not hurried.implies(one, other)
    assert hurried.can_be(one, True) is None
    assert Reasoner(both, work_max=100).ways(one, True) is None


def test_a_condition_is_taken_apart_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    together = Reasoner._together
    monkeypatch.setattr(Reasoner, "_together", lambda self, parts: (taken.append(parts), together(self, parts))[1])
    lint(made(*[rule(f"r{number}", f"n > {number} and m > {number}", verdict="review") for number in range(10)]))
    # Once in each of the two checks that ask; the denials are of another form.
    assert len(taken) == 20


def test_words_that_are_the_same_in_both_languages_are_told() -> None:
    same = rule("a", "n > 0") | {"reason": {"code": "x", "zh": "TODO", "en": " todo"}}
    found = [finding for finding in lint(made(same)) if finding.code == "missing_reason_text"]
    assert [(finding.severity, finding.path) for finding in found] == [("warning", ("rules", 0, "reason", "en"))]
