"""Two expressions side by side: the same, of one shape with other constants, or different. Spaces, brackets and the order of `and`, `or` mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rules.lang.faults import Span
from rules.lang.parser import parse
from rules.lang.syntax import Apply, Chain, Infix, Literal, Member, Prefix, Shape, Word

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant that changed, as each text writes it; `before` is what stands before it in its comparison, such as `count >=`."""

    before: str
    old: str
    new: str


def changed_constants(old: str, new: str) -> list[Constant] | None:
    """Constants that differ between two expressions of one shape, in the order of the text; empty when they mean the same, None when the shapes differ.

    Raises `BadExpression` when one of them is no expression.
    """
    pair = _Pair(old, new)
    return pair.found if pair.same(parse(old), parse(new), "") else None


class _Pair:
    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new
        self.found: list[Constant] = []

    def same(self, old: Shape, new: Shape, before: str) -> bool:
        """Whether the shapes agree; constants that differ are noted."""
        match old, new:
            case Literal(), Literal():
                return self._literals(old, new, before)
            case Word(), Word():
                return old.name == new.name
            case Prefix(), Prefix():
                return old.operator == new.operator and self.same(old.inner, new.inner, before)
            case Infix(), Infix():
                inner = f"{_cut(self._old, old.left.span)} {old.operator}" if old.operator in _COMPARISONS else before
                return old.operator == new.operator and self.same(old.left, new.left, before) and self.same(old.right, new.right, inner)
            case Chain(), Chain():
                return old.operator == new.operator and self._all(_ordered(old.parts), _ordered(new.parts), before)
            case Apply(), Apply():
                return old.function.name == new.function.name and self._all(old.arguments, new.arguments, before)
            case Member(), Member():
                return old.negated == new.negated and self.same(old.inner, new.inner, before) and self._members(old.members, new.members, before)
        return False

    def _literals(self, old: Literal, new: Literal, before: str) -> bool:
        if old.kind is not new.kind:
            return False
        if old.value != new.value:
            self.found.append(Constant(before, _cut(self._old, old.span), _cut(self._new, new.span)))
        return True

    def _members(self, old: tuple[Shape, ...] | Word, new: tuple[Shape, ...] | Word, before: str) -> bool:
        if isinstance(old, Word) or isinstance(new, Word):
            return isinstance(old, Word) and isinstance(new, Word) and old.name == new.name
        return self._all(_ordered(old), _ordered(new), before)

    def _all(self, old: tuple[Shape, ...], new: tuple[Shape, ...], before: str) -> bool:
        return len(old) == len(new) and all(self.same(one, other, before) for one, other in zip(old, new, strict=True))


def _ordered(parts: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """By their shape first, so that a part meets the one whose constant has changed."""
    return tuple(sorted(parts, key=lambda part: (repr(_plain(part, constants=False)), repr(_plain(part, constants=True)))))


def _plain(shape: Any, *, constants: bool) -> Any:
    """The shape without places, and without the values of constants unless they are asked for."""
    match shape:
        case Literal():
            return ("literal", shape.kind, shape.value if constants else None)
        case Word():
            return ("word", shape.name)
        case Prefix():
            return (shape.operator, _plain(shape.inner, constants=constants))
        case Infix():
            return (shape.operator, _plain(shape.left, constants=constants), _plain(shape.right, constants=constants))
        case Chain():
            return (shape.operator, *(_plain(part, constants=constants) for part in _ordered(shape.parts)))
        case Member():
            return ("in", shape.negated, _plain(shape.inner, constants=constants), _plain(shape.members, constants=constants))
        case Apply():
            return ("call", shape.function.name, *(_plain(part, constants=constants) for part in shape.arguments))
        case tuple():
            return tuple(sorted((_plain(part, constants=constants) for part in shape), key=repr))
    return shape


def _cut(source: str, span: Span) -> str:
    return source[span.start : span.end]
