"""What the parser makes: the shape of the text, without kinds and without knowing any name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rules.lang.faults import Span
from rules.lang.kinds import Kind, Value


@dataclass(frozen=True, slots=True)
class Literal:
    kind: Kind
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Word:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Prefix:
    """`not` or `-`."""

    operator: str
    inner: Shape
    span: Span


@dataclass(frozen=True, slots=True)
class Infix:
    """Arithmetic, a comparison, or `??`."""

    operator: str
    left: Shape
    right: Shape
    span: Span


@dataclass(frozen=True, slots=True)
class Chain:
    """`and` or `or` over all its parts."""

    operator: str
    parts: tuple[Shape, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    """`inner in list`: literals, or one word that names a list."""

    inner: Shape
    members: tuple[Shape, ...] | Word
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Apply:
    """A function call."""

    function: Word
    arguments: tuple[Shape, ...]
    span: Span


Shape: TypeAlias = Literal | Word | Prefix | Infix | Chain | Member | Apply
