"""The text of a part, cut out by its span, reads back alone: brackets inside it are whole."""

from __future__ import annotations

import pytest

from rules.lang import tree
from rules.lang.check import typed
from tests.rules.lang.strategies import CATALOGUE


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("not (boolean_0 or boolean_1) and boolean_1", ["not (boolean_0 or boolean_1)", "boolean_1"]),
        ("number_0 < (1 + 2) and boolean_0", ["number_0 < (1 + 2)", "boolean_0"]),
        ("(number_0 + 1) * 2 >= 3 and boolean_0", ["(number_0 + 1) * 2 >= 3", "boolean_0"]),
        ("(number_0 + 1) in [1, 2] and boolean_0", ["(number_0 + 1) in [1, 2]", "boolean_0"]),
        ("(boolean_0 ?? (boolean_1)) and boolean_0", ["boolean_0 ?? (boolean_1)", "boolean_0"]),
        ("-(number_0 + 1) < 0 and not not (boolean_0)", ["-(number_0 + 1) < 0", "not not (boolean_0)"]),
        ("(boolean_0 and (boolean_1)) and (boolean_1 or boolean_0)", ["boolean_0 and (boolean_1)", "boolean_1 or boolean_0"]),
    ],
)
def test_a_part_is_cut_out_with_the_brackets_that_it_needs(source: str, parts: list[str]) -> None:
    node = typed(source, CATALOGUE)
    assert isinstance(node, tree.All)
    assert [source[part.span.start : part.span.end] for part in node.parts] == parts
    for part in parts:
        typed(part, CATALOGUE)
