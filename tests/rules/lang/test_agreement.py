"""All forms of one tree agree on random trees and records: the interpreter is the oracle."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.lang import tree
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind
from tests.rules.lang.strategies import CATALOGUE, LISTS, ZONE, full_records, nodes, records

_RULES = st.lists(nodes(Kind.BOOLEAN, 3), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(_RULES, st.one_of(records(), full_records()))
def test_the_compiled_form_agrees_with_the_interpreter(rules: list[tree.Node], record: dict[str, Any]) -> None:
    results = [interpret(node, record, LISTS, ZONE) for node in rules]
    hits, missing = compile_rules(rules, LISTS, ZONE).judge(record)
    assert hits == [number for number, result in enumerate(results) if result]
    assert missing == [number for number, result in enumerate(results) if result is None]


@st.composite
def _rules_that_share_parts(draw: st.DrawFn) -> list[tree.Node]:
    parts = draw(st.lists(nodes(Kind.BOOLEAN, 2), min_size=2, max_size=5))
    at = parts[0].span
    chosen = st.lists(st.sampled_from(parts), min_size=1, max_size=3)
    return [its[0] if len(its) == 1 else tree.All(tuple(its), at) for its in draw(st.lists(chosen, min_size=2, max_size=9))]


@settings(max_examples=150, deadline=None)
@given(_rules_that_share_parts(), st.one_of(records(), full_records()))
def test_rules_that_share_parts_are_found_in_their_order(rules: list[tree.Node], record: dict[str, Any]) -> None:
    results = [interpret(node, record, LISTS, ZONE) for node in rules]
    hits, missing = compile_rules(rules, LISTS, ZONE).judge(record)
    assert hits == [number for number, result in enumerate(results) if result]
    assert missing == [number for number, result in enumerate(results) if result is None]


def test_a_large_set_is_found_whole_and_in_order() -> None:
    """It is spread over several functions."""
    rules = [typed(f"number_0 >= {number % 7} and number_1 > {number % 3}", CATALOGUE) for number in range(450)]
    compiled = compile_rules(rules, LISTS, ZONE)
    assert compiled.judge({"number_0": 3, "number_1": 2})[0] == [number for number in range(450) if number % 7 <= 3 and number % 3 < 2]
    assert compiled.judge({"number_0": 3})[1] == [number for number in range(450) if number % 7 <= 3]
