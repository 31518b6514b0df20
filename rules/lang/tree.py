"""The typed tree: small, frozen, complete. Whatever runs or explains an expression works on this and never on its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from rules.lang.faults import Span
from rules.lang.kinds import Kind, Value


@dataclass(frozen=True, slots=True)
class Const:
    """A literal; `name` when it is a parameter of the file."""

    kind: Kind
    value: Value
    span: Span
    name: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """An event field or a feature. Its value may be missing."""

    kind: Kind
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    inner: Node
    span: Span
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class All:
    """`and` over two or more parts: one false part decides, whatever is missing."""

    parts: tuple[Node, ...]
    span: Span
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Some:
    """`or` over two or more parts: one true part decides, whatever is missing."""

    parts: tuple[Node, ...]
    span: Span
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Compare:
    """`==`, `!=`, `<`, `<=`, `>` or `>=` between two values of one kind."""

    operator: str
    left: Node
    right: Node
    span: Span
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class In:
    """Whether the value is among the members, or on the named list (then `members` is empty)."""

    inner: Node
    members: tuple[Value, ...]
    named: str
    span: Span
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-`, `*`, `/` or `%`; `kind` is the result's."""

    operator: str
    left: Node
    right: Node
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class Negate:
    """`-x`."""

    inner: Node
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether there is a value. Never missing itself."""

    inner: Node
    span: Span
    kind: Kind = Kind.BOOLEAN


@dataclass(frozen=True, slots=True)
class Default:
    """`inner ?? other`: the other value where the first is missing."""

    inner: Node
    other: Node
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the language, see `functions`."""

    function: str
    arguments: tuple[Node, ...]
    kind: Kind
    span: Span


Node: TypeAlias = Const | Name | Not | All | Some | Compare | In | Arithmetic | Negate | Exists | Default | Call


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts, in the order of the text."""
    match node:
        case Const() | Name():
            return ()
        case All() | Some():
            return node.parts
        case Compare() | Arithmetic():
            return (node.left, node.right)
        case Default():
            return (node.inner, node.other)
        case Call():
            return node.arguments
    return (node.inner,)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything inside it."""
    yield node
    for child in children(node):
        yield from walk(child)


def names_of(node: Node) -> list[str]:
    """The fields and features that are read, each once, in the order of the text."""
    if isinstance(node, Name):
        return [node.name]
    return list(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name)))


NODES = (Const, Name, Not, All, Some, Compare, In, Arithmetic, Negate, Exists, Default, Call)
