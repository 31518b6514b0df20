"""A tree, or a value of a kind, back as the text that a person would write; what is shown reads back as the same tree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core.clock import from_micros
from rules.lang import tree
from rules.lang.kinds import MICROS, Kind

_UNITS = (("d", 86_400 * MICROS), ("h", 3600 * MICROS), ("m", 60 * MICROS), ("s", MICROS), ("ms", MICROS // 1000))
# How tightly each form holds its parts together; loosest first, as the parser reads them.
_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _DEFAULT, _ATOM = range(9)
_SUMS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}


def show(node: tree.Node) -> str:
    """The expression's canonical spelling."""
    return _show(node)[0]


def show_value(value: Any, kind: Kind) -> str:
    """A value for people: ¥49.50, 10m, 20:00, 'text', true; a dash where it is missing."""
    if value is None:
        return "–"
    match kind:
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case Kind.MONEY:
            return f"{'-' if value < 0 else ''}¥{Decimal(abs(value)) / 100:.2f}"
        case Kind.DURATION:
            return _duration(value)
        case Kind.CLOCK:
            return _clock(value)
        case Kind.INSTANT:
            return _instant(value)
        case Kind.TEXT:
            return _quoted(value)
    return _number(value)


def _number(value: int | float) -> str:
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _duration(value: int) -> str:
    for unit, micros in _UNITS:
        if value and value % micros == 0:
            return f"{value // micros}{unit}"
    return "0s" if value == 0 else f"{format(Decimal(value) / MICROS, 'f')}s"


def _clock(value: int) -> str:
    minutes, rest = divmod(value, 60 * MICROS)
    shown = f"{minutes // 60:02}:{minutes % 60:02}"
    return shown if rest == 0 else f"{shown}:{format(Decimal(rest) / MICROS, 'f').zfill(2)}"


def _instant(value: int) -> str:
    try:
        return from_micros(value).isoformat()
    except OverflowError:
        return f"{value} µs"


def _show(node: tree.Node) -> tuple[str, int]:
    """Text and how tightly it holds."""
    match node:
        case tree.Const():
            return _constant(node)
        case tree.Name():
            return node.name, _ATOM
        case tree.All() | tree.Some():
            word, level = ("and", _AND) if isinstance(node, tree.All) else ("or", _OR)
            return f" {word} ".join(_at(part, level + 1) for part in node.parts), level
        case tree.Not():
            return f"not {_at(node.inner, _NOT)}", _NOT
        case tree.Compare():
            return f"{_at(node.left, _SUM)} {node.operator} {_at(node.right, _SUM)}", _COMPARISON
        case tree.In():
            members = node.named or f"[{', '.join(show_value(member, node.inner.kind) for member in node.members)}]"
            return f"{_at(node.inner, _SUM)} in {members}", _COMPARISON
        case tree.Arithmetic():
            level = _SUMS[node.operator]
            return f"{_at(node.left, level)} {node.operator} {_at(node.right, level + 1)}", level
        case tree.Negate():
            return f"-{_at(node.inner, _SIGN)}", _SIGN
        case tree.Default():
            return f"{_at(node.inner, _DEFAULT)} ?? {_at(node.other, _ATOM)}", _DEFAULT
        case tree.Exists():
            return f"exists({show(node.inner)})", _ATOM
        case tree.Call():
            return f"{node.function}({', '.join(show(argument) for argument in node.arguments)})", _ATOM


def _constant(node: tree.Const) -> tuple[str, int]:
    if node.name:
        return node.name, _ATOM
    text = show_value(node.value, node.kind)
    return text, _SIGN if text.startswith("-") else _ATOM


def _at(node: tree.Node, level: int) -> str:
    text, holds = _show(node)
    return text if holds >= level else f"({text})"
