"""Random catalogues' trees and records: every node, missing values, Unicode, extremes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from rules.lang import tree
from rules.lang.catalogue import Catalogue, Known
from rules.lang.faults import Span
from rules.lang.functions import FUNCTIONS, Function
from rules.lang.kinds import AMOUNTS, ORDERED, Kind
from rules.lang.meaning import ARITHMETIC, EXACT_MAX

ZONE = ZoneInfo("Asia/Shanghai")
LISTS = {"bad_words": frozenset({"", "羊毛", "a", "Z"}), "bad_numbers": frozenset({0, 1, 2.5, EXACT_MAX})}
LIST_KINDS = {"bad_words": Kind.TEXT, "bad_numbers": Kind.NUMBER}
NAMES: dict[str, Kind] = {f"{kind.name.lower()}_{number}": kind for kind in Kind for number in range(2)}
CATALOGUE = Catalogue({name: Known(kind) for name, kind in NAMES.items()}, lists=LIST_KINDS)
_AT = Span(0, 0)
Maker: TypeAlias = Callable[[st.DrawFn, Kind, int], tree.Node]

_WHOLE = st.one_of(st.integers(-5, 5), st.sampled_from([0, 1, EXACT_MAX, -EXACT_MAX, EXACT_MAX - 1]), st.integers(-EXACT_MAX, EXACT_MAX))
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.NUMBER: st.one_of(_WHOLE, st.sampled_from([0.0, -0.0, 0.5, 2.5, 1e-07, 1e15, 5e-324]), st.floats(-1e15, 1e15, allow_nan=False)),
    Kind.TEXT: st.one_of(st.sampled_from(["", "a", "A", "羊毛", "é", "e\u0301", "İ", "ß", "🐑"]), st.text(max_size=4)),
    Kind.BOOLEAN: st.booleans(),
    Kind.MONEY: _WHOLE,
    Kind.DURATION: _WHOLE,
    Kind.INSTANT: st.one_of(_WHOLE, st.integers(0, 4_000_000_000_000_000)),
    Kind.CLOCK: st.integers(0, 86_400_000_000),
}


def records() -> st.SearchStrategy[dict[str, Any]]:
    """Values by name: None or absent for missing ones."""
    return st.fixed_dictionaries({}, optional={name: st.one_of(st.none(), _VALUES[kind], _VALUES[kind]) for name, kind in NAMES.items()})


def full_records() -> st.SearchStrategy[dict[str, Any]]:
    """Every value present."""
    return st.fixed_dictionaries({name: _VALUES[kind] for name, kind in NAMES.items()})


@st.composite
def nodes(draw: st.DrawFn, kind: Kind = Kind.BOOLEAN, depth: int = 3) -> tree.Node:
    """Trees of a kind."""
    return _node(draw, kind, depth)


def _node(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    makers = _LEAVES if depth == 0 else [*_LEAVES, *_makers(kind)]
    return makers[draw(st.integers(0, len(makers) - 1))](draw, kind, depth - 1)


def _const(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    return tree.Const(kind, draw(_VALUES[kind]), _AT)


def _name(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    return tree.Name(kind, draw(st.sampled_from([name for name, its in NAMES.items() if its is kind])), _AT)


def _default(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    return tree.Default(_node(draw, kind, depth), _node(draw, kind, depth), kind, _AT)


def _negate(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    return tree.Negate(_node(draw, kind, depth), kind, _AT)


def _arithmetic(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    operator, left, right = draw(st.sampled_from([key for key, (gives, _) in ARITHMETIC.items() if gives is kind]))
    return tree.Arithmetic(operator, _node(draw, left, depth), _node(draw, right, depth), kind, _AT)


def _call(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    function = draw(st.sampled_from([one for one in FUNCTIONS.values() if _gives(one, kind)]))
    takes = function.takes * draw(st.integers(2, 3)) if function.alike else function.takes
    kinds = [kind if function.gives is None else min(kinds) for kinds in takes]
    return tree.Call(function.name, tuple(_node(draw, one, depth) for one in kinds), kind, _AT)


def _gives(function: Function, kind: Kind) -> bool:
    return function.gives is kind or (function.gives is None and kind in function.takes[0])


def _logic(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    parts = tuple(_node(draw, Kind.BOOLEAN, depth) for _ in range(draw(st.integers(1, 3))))
    if len(parts) == 1:
        return tree.Not(parts[0], _AT)
    return draw(st.sampled_from([tree.All, tree.Some]))(parts, _AT)


def _exists(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    return tree.Exists(_node(draw, draw(_KINDS), depth), _AT)


def _compare(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    compared = draw(_KINDS)
    operators = ["==", "!="] + (["<", "<=", ">", ">="] if compared in ORDERED else [])
    return tree.Compare(draw(st.sampled_from(operators)), _node(draw, compared, depth), _node(draw, compared, depth), _AT)


def _member(draw: st.DrawFn, kind: Kind, depth: int) -> tree.Node:
    if draw(st.booleans()):
        named = draw(st.sampled_from(sorted(LISTS)))
        return tree.In(_node(draw, LIST_KINDS[named], depth), (), named, _AT)
    its = draw(_KINDS)
    return tree.In(_node(draw, its, depth), tuple(draw(st.lists(_VALUES[its], min_size=1, max_size=3))), "", _AT)


_KINDS = st.sampled_from(list(Kind))
_LEAVES: list[Maker] = [_const, _name]


@cache
def _makers(kind: Kind) -> list[Maker]:
    found: list[Maker] = [_default]
    found += [_arithmetic] * 2 if any(gives is kind for gives, _ in ARITHMETIC.values()) else []
    found += [_negate] if kind in AMOUNTS else []
    found += [_call] if any(_gives(one, kind) for one in FUNCTIONS.values()) else []
    return found + ([_logic, _logic, _logic, _compare, _compare, _compare, _exists, _member] if kind is Kind.BOOLEAN else [])
