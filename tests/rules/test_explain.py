"""The explanation form: it agrees with the interpreter everywhere, and says what a person needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings

from rules.evaluate import evaluate
from rules.explain import as_dict, comparison_text, explain_node, explain_ruleset
from rules.lang import tree
from rules.lang.interpret import interpret
from rules.model import AtLeast
from tests.rules.build import rule, ruleset
from tests.rules.lang.strategies import LISTS, ZONE, nodes, records

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@settings(max_examples=200)
@given(nodes(), records())
def test_every_node_has_the_interpreters_value(node: tree.Node, record: dict[str, Any]) -> None:
    explained = explain_node(node, record, LISTS, ZONE)
    stack = [(explained, node)]
    while stack:
        shown, part = stack.pop()
        assert shown.value == interpret(part, record, LISTS, ZONE)
        stack += zip(shown.parts, tree.children(part), strict=True)


def explained(values: dict[str, Any]) -> Any:
    made = ruleset(
        rule("farm", "accounts >= limit and (n > 1 or not b)", 80),
        rule("late", "n > 0", 5, effective={"to": "2026-01-01"}),
        rule("wrong", "m > 0"),
        parameters={"limit": 3},
        features={"accounts": {"distinct": "user", "by": "device", "window": "24h", "cap": 100}},
    )
    return explain_ruleset(made, values, evaluate(made, values, now=NOW, snoozed=()))


def test_each_rule_says_its_result_its_window_and_what_it_lacked() -> None:
    found = explained({"accounts": AtLeast(100), "n": 2, "m": "three"})
    farm, late, wrong = found.rules
    assert (farm.result, farm.windows, farm.missing) == ("hit", {"accounts": 86_400}, ("b",))
    assert (late.result, wrong.result, wrong.wrong) == ("inactive", "error", ("m",))
    assert comparison_text(farm.condition.parts[0], found.given) == "accounts >= limit  (100+ >= 3)"
    assert (found.outcome, found.score, found.cutoffs) == ("reject", 80, {"review": 40, "reject": 80})


def test_programs_get_every_operand_with_operator_and_threshold() -> None:
    body = as_dict(explained({"accounts": 2, "n": 2}), "zh")
    compared = body["rules"][0]["condition"]["parts"][0]
    assert (body["rules"][0]["result"], compared["operator"], compared["value"]) == ("miss", ">=", False)
    assert [part["value"] for part in compared["parts"]] == [2, 3]
    assert [part["shown"] for part in compared["parts"]] == ["2", "3"]
    assert body["rules"][2]["missing"] == ["m"]
