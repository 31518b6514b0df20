"""All forms of one tree agree on random trees and records: the interpreter is the oracle."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.lang import tree
from rules.lang.compile import compile_rules
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind
from tests.rules.lang.strategies import LISTS, ZONE, full_records, nodes, records

_RULES = st.lists(nodes(Kind.BOOLEAN, 3), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(_RULES, st.one_of(records(), full_records()))
def test_the_compiled_form_agrees_with_the_interpreter(rules: list[tree.Node], record: dict[str, Any]) -> None:
    results = [interpret(node, record, LISTS, ZONE) for node in rules]
    hits, missing = compile_rules(rules, LISTS, ZONE).judge(record)
    assert hits == [number for number, result in enumerate(results) if result]
    assert missing == [number for number, result in enumerate(results) if result is None]
