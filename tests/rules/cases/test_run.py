"""Tests beside the rules: events are replayed, the last one is judged, and every difference is told in the words of the file."""

from __future__ import annotations

from typing import Any

import pytest

from rules.cases.results import CaseResult, Coverage, Difference
from rules.cases.run import run_case, run_cases
from rules.model import Ruleset
from tests.rules.build import rule, ruleset

FEATURES = {
    "accounts": {"distinct": "user", "by": "device", "window": "24h", "cap": 3},
    "spent": {"sum": "amount", "by": "user", "window": "10m"},
    "pause": {"time_since": "events", "by": "user", "window": "7d"},
}
RULES = (rule("farm", "accounts >= 3", 90), rule("pair", "accounts >= 2", 10), rule("rich", "spent >= ¥9.00", 5))
THREE = [{"at": "+0s", "user": "a"}, {"at": "+30s", "user": "b"}, {"at": "+60s", "user": "c"}]


def case(expect: dict[str, Any], *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "a case", "given": {"device": "d1"}, "events": list(events) or THREE, "expect": expect, **more}


def with_cases(*cases: dict[str, Any]) -> Ruleset:
    return ruleset(*RULES, features=FEATURES, tests=list(cases))


def result_of(expect: dict[str, Any], *events: dict[str, Any]) -> CaseResult:
    made = with_cases(case(expect, *events))
    return run_case(made, made.cases[0])


def test_a_case_passes_when_all_that_it_expects_comes() -> None:
    result = result_of(
        {
            "features": {"accounts": "3+", "spent": None, "pause": None, "device": "d1"},
            "rules": {"farm": "hit", "rich": "missing"},
            "hits": ["pair", "farm"],
            "score": 100,
            "decision": "reject",
        }
    )
    assert result == CaseResult("a case", True, (), ("farm", "pair"), ("tests", 0))


def test_what_is_not_expected_is_not_looked_at() -> None:
    assert result_of({"score": 100}).passed
    assert result_of({"decision": "reject"}).passed


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"features": {"accounts": 2}}, Difference("feature accounts", "2", "3+", ("expect", "features", "accounts"))),
        ({"features": {"spent": "¥4.50"}}, Difference("feature spent", "¥4.50", "missing", ("expect", "features", "spent"))),
        ({"rules": {"farm": "miss"}}, Difference("rule farm", "miss", "hit", ("expect", "rules", "farm"), (("accounts", "3+"),))),
        ({"hits": ["farm", "rich"]}, Difference("hits", "[farm, rich]", "[farm, pair]", ("expect", "hits"), (("accounts", "3+"), ("spent", "missing")))),
        ({"score": 90}, Difference("score", "90", "100", ("expect", "score"), (("accounts", "3+"),))),
        ({"decision": "allow"}, Difference("decision", "allow", "reject", ("expect", "decision"), (("accounts", "3+"),))),
    ],
)
def test_a_difference_says_what_came_and_what_the_rules_had_read(expect: dict[str, Any], difference: Difference) -> None:
    result = result_of(expect)
    assert not result.passed
    assert result.differences == (difference,)


def test_every_difference_is_told_at_once() -> None:
    result = result_of({"features": {"accounts": 1}, "rules": {"pair": "miss"}, "hits": [], "score": 0, "decision": "allow"})
    assert [one.what for one in result.differences] == ["feature accounts", "rule pair", "hits", "score", "decision"]


def test_money_and_durations_are_compared_in_their_own_words() -> None:
    events = [{"at": "+0s", "user": "a", "amount": "¥4.50"}, {"at": "+9m", "user": "a", "amount": "¥4.50"}]
    assert result_of({"features": {"spent": "¥9.00", "pause": "9m"}, "hits": ["rich"]}, *events).passed
    assert result_of({"features": {"spent": "¥4.50"}}, *events).differences[0].actual == "¥9.00"
    assert result_of({"features": {"pause": "10m"}}, *events).differences[0].actual == "9m"


def test_the_time_of_the_case_decides_which_rules_are_in_effect() -> None:
    seasonal = rule("season", "true", 10, effective={"from": "2026-11-01", "to": "2026-11-30"})
    inside = case({"rules": {"season": "hit"}}, start="2026-11-30T23:59:00+08:00", events=[{"at": "+59s", "user": "a"}])
    after = case({"rules": {"season": "inactive"}}, start="2026-11-30T23:59:00+08:00", events=[{"at": "+60s", "user": "a"}])
    assert run_cases(ruleset(seasonal, tests=[inside, after])).passed


def test_coverage_names_the_rules_that_no_case_makes_hit() -> None:
    report = run_cases(with_cases(case({"score": 10}, {"at": "+0s", "user": "a"}, {"at": "+1s", "user": "b"}), case({"score": 1}, {"at": "+0s", "user": "a"})))
    assert report.coverage == Coverage(1, 3, ("farm", "rich"))
    assert not report.passed
    assert report.failed == ("a case",)


def test_coverage_is_not_rounded() -> None:
    assert Coverage(2, 3, ("x",)).reaches(66.6)
    assert not Coverage(2, 3, ("x",)).reaches(66.7)
    assert Coverage(3, 3, ()).reaches(100)
    assert Coverage(0, 3, ()).reaches(0)
    assert Coverage(0, 0, ()).reaches(100)
    assert (Coverage(1, 2, ("x",)).percent, Coverage(0, 0, ()).percent) == (50.0, 100.0)


def test_a_ruleset_without_cases_passes_and_covers_nothing() -> None:
    report = run_cases(with_cases())
    assert report.passed
    assert report.coverage.missed == ("farm", "pair", "rich")
