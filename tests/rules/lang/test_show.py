"""What is shown reads back as the same tree."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules.lang import tree
from rules.lang.check import typed
from rules.lang.faults import BadExpression, Span
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind
from rules.lang.show import show, show_value
from tests.rules.lang.strategies import CATALOGUE, LISTS, ZONE, nodes, records

NOWHERE = Span(0, 0)


def placeless(node: Any) -> Any:
    """The tree without its places."""
    changes: dict[str, Any] = {"span": NOWHERE}
    for spec in fields(node):
        value = getattr(node, spec.name)
        if isinstance(value, tree.NODES):
            changes[spec.name] = placeless(value)
        elif isinstance(value, tuple) and any(isinstance(part, tree.NODES) for part in value):
            changes[spec.name] = tuple(placeless(part) for part in value)
    return replace(node, **changes)


EXPRESSIONS = [
    "number_0 >= 3 and not boolean_0 or boolean_1",
    "not (boolean_0 and boolean_1)",
    "(boolean_0 or boolean_1) and number_0 < 3",
    "1 - (2 - number_0) * 3 % 4 == -5",
    "-(number_0 + 1) < 0",
    "(number_0 ?? 3) + 1 > 2",
    "(number_0 + number_1) ?? 0 >= 2",
    "text_0 in ['a', \"b'c\", 'd\\\\e'] or text_0 in bad_words",
    "text_0 not in bad_words",
    "money_0 >= ¥49.50 and duration_0 < 10m and duration_1 < 1500ms",
    "time_of_day(instant_0) >= 20:00 and day_of_week(instant_0) in ['sat', 'sun']",
    "min(number_0, number_1, 3) == abs(number_0)",
    "exists(text_0) and lower(text_0) == 'x'",
    "instant_0 - instant_1 < 24h",
]


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_what_is_shown_reads_back_as_the_same_tree(source: str) -> None:
    node = typed(source, CATALOGUE)
    again = typed(show(node), CATALOGUE)
    assert placeless(again) == placeless(node)
    assert show(again) == show(node)


PIECES = st.recursive(
    st.sampled_from(["number_0", "number_1", "3", "0.5", "-2"]),
    lambda inner: st.one_of(
        st.builds(lambda a, o, b: f"({a}) {o} ({b})", inner, st.sampled_from(["+", "-", "*", "/", "%", "??"]), inner), inner.map(lambda a: f"-({a})")
    ),
    max_leaves=8,
)


@given(PIECES, PIECES)
def test_brackets_are_kept_where_they_mean_something(left: str, right: str) -> None:
    try:
        node = typed(f"({left}) <= ({right})", CATALOGUE)
    except BadExpression:
        assume(False)
        return
    assert placeless(typed(show(node), CATALOGUE)) == placeless(node)


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (4950, Kind.MONEY, "¥49.50"),
        (-5, Kind.MONEY, "-¥0.05"),
        (600_000_000, Kind.DURATION, "10m"),
        (86_400_000_000, Kind.DURATION, "1d"),
        (1, Kind.DURATION, "0.000001s"),
        (0, Kind.DURATION, "0s"),
        (72_000_000_000, Kind.CLOCK, "20:00"),
        (72_000_500_000, Kind.CLOCK, "20:00:0.5"),
        (0, Kind.INSTANT, "1970-01-01T00:00:00+00:00"),
        (2**53, Kind.INSTANT, "2255-06-05T23:47:34.740992+00:00"),
        ("羊'\\", Kind.TEXT, "'羊\\'\\\\'"),
        (True, Kind.BOOLEAN, "true"),
        (1e-07, Kind.NUMBER, "0.0000001"),
        (None, Kind.NUMBER, "–"),
    ],
)
def test_values_as_people_write_them(value: Any, kind: Kind, shown: str) -> None:
    assert show_value(value, kind) == shown


@settings(max_examples=200, deadline=None)
@given(nodes(), records())
def test_any_tree_that_can_be_written_means_the_same_when_read_again(node: tree.Node, record: dict[str, Any]) -> None:
    try:
        again = typed(show(node), CATALOGUE)
    except BadExpression:  # A constant that no one can write, such as an instant.
        assume(False)
        return
    assert interpret(again, record, LISTS, ZONE) is interpret(node, record, LISTS, ZONE)
    assert placeless(typed(show(again), CATALOGUE)) == placeless(again)
