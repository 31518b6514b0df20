"""The meaning of a tree, by walking it: slow and plain. Every other form is tested against this one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rules.lang import tree
from rules.lang.functions import FUNCTIONS
from rules.lang.kinds import Value
from rules.lang.meaning import ARITHMETIC

Lists = Mapping[str, Collection[Value]]


def interpret(node: tree.Node, values: Mapping[str, Value | None], lists: Lists, zone: ZoneInfo) -> Value | None:
    """The node's value, None when it is missing. A name that is absent from `values` is missing."""
    found: Value | None = _Walk(values, lists, zone).value(node)
    return found


class _Walk:
    def __init__(self, values: Mapping[str, Value | None], lists: Lists, zone: ZoneInfo) -> None:
        self._values, self._lists, self._zone = values, lists, zone

    def value(self, node: tree.Node) -> Any:
        match node:
            case tree.Const():
                return node.value
            case tree.Name():
                return self._values.get(node.name)
            case tree.Not():
                inner = self.value(node.inner)
                return None if inner is None else not inner
            case tree.All():
                return _settled([self.value(part) for part in node.parts], decisive=False)
            case tree.Some():
                return _settled([self.value(part) for part in node.parts], decisive=True)
            case tree.Exists():
                return self.value(node.inner) is not None
            case tree.Default():
                inner = self.value(node.inner)
                return self.value(node.other) if inner is None else inner
            case _:
                return self._of_present(node)

    def _of_present(self, node: tree.Node) -> Any:
        """Operators whose result is missing when one of their parts is."""
        parts = [self.value(child) for child in tree.children(node)]
        if any(part is None for part in parts):
            return None
        match node:
            case tree.Compare():
                return _compare(node.operator, *parts)
            case tree.In():
                return any(parts[0] == member for member in (self._lists.get(node.named, ()) if node.named else node.members))
            case tree.Negate():
                return -parts[0]
            case tree.Arithmetic():
                return ARITHMETIC[node.operator, node.left.kind, node.right.kind][1](*parts)
            case tree.Call():
                function = FUNCTIONS[node.function]
                return function.run(*parts, self._zone) if function.zoned else function.run(*parts)
        raise TypeError(f"no meaning for {type(node).__name__}")


def _settled(parts: list[bool | None], decisive: bool) -> bool | None:
    """Three-valued logic (Kleene): one decisive part settles it; else a missing one leaves it open."""
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive


def _compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "==":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
    return bool(left >= right)
