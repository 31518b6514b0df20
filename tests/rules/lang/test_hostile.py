"""Expressions that were never meant well: each is refused at its place and with a reason, and Python's compiler sees none of their words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.lang import compile as compiling
from rules.lang import lexer, tree
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.faults import BadExpression, Flaw
from rules.lang.kinds import Kind
from tests.rules.lang.strategies import CATALOGUE, LISTS, ZONE, nodes

PYTHONS = ["None", "class", "exec", "eval", "lambda", "import", "def", "__import__", "__builtins__", "print", "self", "values", "part", "h", "m", "v0", "k0"]


def flaws_of(source: str) -> list[Flaw]:
    """What it is refused for; each flaw has its place within the text, and a reason in both languages."""
    with pytest.raises(BadExpression) as caught:
        typed(source, CATALOGUE)
    assert caught.value.flaws
    for flaw in caught.value.flaws:
        assert 0 <= flaw.span.start <= flaw.span.end <= max(len(source), 1)
        assert flaw.text.zh
        assert flaw.text.en
    return caught.value.flaws


@pytest.mark.parametrize(
    ("source", "code", "start"),
    [
        ("__import__('os').system('ls')", "unreadable", 16),
        ("__import__('os')", "unknown_function", 0),
        ("number_0.__class__ == 1", "unknown_name", 0),
        ("text_0.upper() == 'A'", "unknown_function", 0),
        ("9**9**9 > 1", "value_expected", 2),
        ("lambda: true", "unreadable", 6),
        ("(lambda x: x)(1)", "unreadable", 9),
        ("exec('x')", "unknown_function", 0),
        ("None == number_0", "unknown_name", 0),
        ("class", "unknown_name", 0),
        ("number_0\x00 > 3", "unreadable", 8),
        ("text_0 == 'a\x00'", "bad_literal", 10),
        ("number_0 \ud83d", "unreadable", 9),
        ("text_0 == '\ud800'", "bad_literal", 10),
        ("number_0 > 3 and number_0 \u202e< 1", "unreadable", 26),
        ("(" * 5_000 + "true" + ")" * 5_000, "expression_too_long", 0),
        ("(" * 41 + "true" + ")" * 41, "too_deep", 40),
        ("(" * 1_900, "expression_too_long", 1_500),
        ("true or " * 131_072 + "true", "expression_too_long", 0),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_it_is_refused_where_it_stops_to_make_sense(source: str, code: str, start: int) -> None:
    first = flaws_of(source)[0]
    assert (first.code, first.span.start) == (code, start)


def test_a_megabyte_is_refused_before_a_single_word_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexer, "_TOKEN", None)
    assert [flaw.code for flaw in flaws_of("a" * 1_000_000)] == ["expression_too_long"]


@pytest.mark.parametrize(
    ("source", "at", "fix"),
    [
        ("number_0 \uff1e 3", 9, ">"),
        ("number_0 \uff1d 3", 9, "=="),
        ("min\uff08number_0, 3) > 1", 3, "("),
        ("min(number_0\uff0c 3) > 1", 12, ","),
        ("number_0 \u2265 3", 9, ">="),
        ("text_0 == \u2018a\u2019", 10, "'"),
        ("boolean_0 \uff06 boolean_1", 10, "and"),
    ],
)
def test_a_character_of_a_chinese_keyboard_gets_the_one_to_write(source: str, at: int, fix: str) -> None:
    [flaw] = flaws_of(source)
    assert (flaw.code, flaw.span.start) == ("unreadable", at)
    assert flaw.fix is not None
    assert (flaw.fix.en, flaw.fix.zh) == (f"write {fix}", f"改用 {fix}")


def test_the_full_width_yuan_sign_is_a_yuan_sign() -> None:
    assert typed("money_0 > \uffe55.00", CATALOGUE) == typed("money_0 > ¥5.00", CATALOGUE)


@given(st.text(max_size=60) | st.text(alphabet="number_0text()[]'\"\\.<>=!?*/+-% 39mshd¥:,andornti\n", max_size=60))
@example("'\\")
@example("¥")
def test_any_text_is_read_or_refused_at_a_place_in_it(source: str) -> None:
    try:
        typed(source, CATALOGUE)
    except BadExpression:
        flaws_of(source)


@contextmanager
def sources_seen() -> Iterator[list[str]]:
    """What Python's compiler is given meanwhile."""
    seen: list[str] = []

    def watching(source: str, *args: Any) -> Any:
        seen.append(source)
        return compile(source, *args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compiling, "compile", watching, raising=False)
        yield seen


def require_ours(source: str) -> None:
    """Only identifiers that we number ourselves, only numbers and truth values as constants, and nothing that reaches into an object but two appends."""
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, ast.Attribute | ast.Lambda | ast.Import | ast.Subscript)
        if isinstance(node, ast.Name):
            assert re.fullmatch(r"[vkt][0-9]+|values|h|m", node.id), node.id
        if isinstance(node, ast.arg):
            assert node.arg in ("values", "h", "m")
        if isinstance(node, ast.Constant):
            assert node.value is None or type(node.value) in (bool, int)


@settings(max_examples=100, deadline=None)
@given(st.lists(nodes(), min_size=1, max_size=3))
def test_generated_code_holds_our_own_identifiers_only(rules: list[tree.Node]) -> None:
    with sources_seen() as seen:
        compile_rules(rules, LISTS, ZONE)
    assert len(seen) == 1
    require_ours(seen[0])


@pytest.mark.parametrize("name", PYTHONS)
def test_a_feature_may_be_called_like_a_word_of_python(name: str) -> None:
    catalogue = Catalogue({name: Known(Kind.NUMBER), "other": Known(Kind.TEXT)}, lists={name + "_list": Kind.TEXT})
    node = typed(f"{name} > 3 and (other == '{name}' or other in {name}_list)", catalogue)
    with sources_seen() as seen:
        compiled = compile_rules([node], {name + "_list": frozenset({"x"})}, ZONE)
    require_ours(seen[0])
    assert compiled.judge({name: 4, "other": name}) == ([0], [])
    assert compiled.judge({name: 4, "other": "x"}) == ([0], [])
    assert compiled.judge({name: None, "other": "x"}) == ([], [0])
