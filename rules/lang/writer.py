"""Nodes of the tree as Python text: tests for the conditions of rules, and values for what stands inside them.

A test is true or false, never missing; a node that may be missing has two: one passes where it is missing, the other does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from rules.lang import tree
from rules.lang.functions import FUNCTIONS
from rules.lang.kinds import Kind, Value
from rules.lang.meaning import ARITHMETIC

# What a call costs, where reading a value costs 1.
COSTLY = 20


class Test(NamedTuple):
    """The text of a test, and a rough measure of how long it takes."""

    text: str
    cost: int


class Space:
    """The names that a generated function may use: numbered variables for values, numbered constants, and temporaries."""

    def __init__(self, names: Sequence[str], lists: Mapping[str, Collection[Value]], zone: ZoneInfo) -> None:
        self._lists, self._zone = lists, zone
        self.variables = {name: f"v{index}" for index, name in enumerate(names)}
        self.constants: dict[str, Any] = {}
        self._by_value: dict[tuple[type, Any], str] = {}
        self._temporaries = 0

    def constant(self, value: Any) -> str:
        """A name for a value in the function's own space. Told apart by type as well: 1 and 1.0 and True are three constants."""
        key = (type(value), value)
        if key not in self._by_value:
            self._by_value[key] = f"k{len(self.constants)}"
            self.constants[self._by_value[key]] = value
        return self._by_value[key]

    def members(self, node: tree.In) -> str:
        return self.constant(frozenset(self._lists.get(node.named, ()) if node.named else node.members))

    def called(self, run: Callable[..., Any], zoned: bool) -> tuple[str, str]:
        """The function's name, and its last argument."""
        return self.constant(run), f", {self.constant(self._zone)}" if zoned else ""

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"


class Writer:
    """Expressions as text. With `sparse` any name may be missing; else all of them have values, and only results may be missing."""

    def __init__(self, space: Space, sparse: bool) -> None:
        self._space, self._sparse = space, sparse

    def may_miss(self, node: tree.Node) -> bool:
        match node:
            case tree.Const() | tree.Exists():
                return False
            case tree.Name():
                return self._sparse
            case tree.Default():
                return self.may_miss(node.inner) and self.may_miss(node.other)
            case tree.Arithmetic():
                return True
            case tree.Call() if FUNCTIONS[node.function].zoned:
                return True
        return any(self.may_miss(child) for child in tree.children(node))

    def tests(self, node: tree.Node) -> list[Test]:
        """The tests that all pass wherever the node is not false, cheap ones first: most rules do not hold, so the first is often all that runs."""
        parts = node.parts if isinstance(node, tree.All) else (node,)
        return list(dict.fromkeys(Test(self._test(part, when_missing=True), _cost(part)) for part in sorted(parts, key=_cost)))

    def surely_given_perhaps(self, node: tree.Node) -> str:
        """Where the node is true or missing: what tells that it is true, "" if it cannot be missing. Often it is enough that values are there."""
        if not self.may_miss(node):
            return ""
        match node:
            case tree.All():
                return " and ".join(self.surely_given_perhaps(part) for part in node.parts if self.may_miss(part))
            case tree.Name():
                return f"{self.text(node)} is not None"
            case tree.Compare() | tree.In() if self._misses_names_only(node):
                return " and ".join(f"{self.text(child)} is not None" for child in tree.children(node) if self.may_miss(child))
        return self._test(node, when_missing=False)

    def _test(self, node: tree.Node, *, when_missing: bool) -> str:
        match node:
            case tree.All() | tree.Some():
                word = " and " if isinstance(node, tree.All) else " or "
                return f"({word.join(self._test(part, when_missing=when_missing) for part in sorted(node.parts, key=_cost))})"
            case tree.Not():
                return f"(not {self._test(node.inner, when_missing=not when_missing)})"
            case _ if not self.may_miss(node):
                return self.text(node)
            case tree.Compare() | tree.In() if self._misses_names_only(node):
                return self._test_of_names(node, when_missing)
        return f"({self.text(node)} {'is not False' if when_missing else 'is True'})"

    def _misses_names_only(self, node: tree.Node) -> bool:
        return all(isinstance(child, tree.Name) or not self.may_miss(child) for child in tree.children(node))

    def _test_of_names(self, node: tree.Node, when_missing: bool) -> str:
        values = [self.text(child) for child in tree.children(node)]
        maybe = [value for value, child in zip(values, tree.children(node), strict=True) if self.may_miss(child)]
        tests = [f"{value} is None" if when_missing else f"{value} is not None" for value in maybe]
        return f"({(' or ' if when_missing else ' and ').join([*tests, self._applied(node, values)])})"

    def text(self, node: tree.Node) -> str:
        match node:
            case tree.Const():
                return self._space.constant(node.value) if isinstance(node.value, str | float) else f"({node.value!r})"
            case tree.Name():
                return self._space.variables[node.name]
            case tree.All():
                return self._chain(node.parts, decisive=False)
            case tree.Some():
                return self._chain(node.parts, decisive=True)
            case tree.Exists():
                return f"({self.text(node.inner)} is not None)" if self.may_miss(node.inner) else "True"
            case tree.Default():
                return self._default(node)
        return self._of_present(node)

    def _default(self, node: tree.Default) -> str:
        inner = self.text(node.inner)
        if not self.may_miss(node.inner):
            return inner
        name = self._space.temporary()
        return f"({self.text(node.other)} if ({name} := {inner}) is None else {name})"

    def _chain(self, parts: tuple[tree.Node, ...], *, decisive: bool) -> str:
        """`and` and `or` that a decisive part settles; where none does, a missing part leaves the whole missing."""
        texts = [(self.text(part), self.may_miss(part)) for part in parts]
        if not any(missing for _, missing in texts):
            return f"({(' or ' if decisive else ' and ').join(text for text, _ in texts)})"
        settled, open_ = [], []
        for text, missing in texts:
            if missing:
                name = self._space.temporary()
                settled.append(f"({name} := {text}) is {decisive}")
                open_.append(f"{name} is None")
            else:
                settled.append(text if decisive else f"not {text}")
        return f"({decisive} if {' or '.join(settled)} else None if {' or '.join(open_)} else {not decisive})"

    def _of_present(self, node: tree.Node) -> str:
        """Operators whose result is missing when one of their parts is."""
        tests, values = [], []
        for child in tree.children(node):
            text = self.text(child)
            if self.may_miss(child) and not isinstance(child, tree.Name):
                name = self._space.temporary()
                tests.append(f"({name} := {text}) is None")
                text = name
            elif self.may_miss(child):
                tests.append(f"{text} is None")
            values.append(text)
        applied = self._applied(node, values)
        return f"(None if {' or '.join(tests)} else {applied})" if tests else f"({applied})"

    def _applied(self, node: tree.Node, values: list[str]) -> str:
        match node:
            case tree.Not():
                return f"not {values[0]}"
            case tree.Negate():
                return f"-{values[0]}"
            case tree.Compare():
                return f"{values[0]} {node.operator} {values[1]}"
            case tree.In():
                return f"{values[0]} in {self._space.members(node)}"
            case tree.Arithmetic():
                name, _ = self._space.called(ARITHMETIC[node.operator, node.left.kind, node.right.kind][1], zoned=False)
                return f"{name}({values[0]}, {values[1]})"
            case tree.Call():
                function = FUNCTIONS[node.function]
                name, last = self._space.called(function.run, function.zoned)
                return f"{name}({', '.join(values)}{last})"
        raise TypeError(f"no code for {type(node).__name__}")


def _cost(node: tree.Node) -> int:
    """A rough measure of how long a test takes: the cheap parts of a chain come first, and often settle it. Parts have no effects, so any order will do."""
    return sum(_cost_alone(part) for part in tree.walk(node))


def _cost_alone(node: tree.Node) -> int:
    match node:
        case tree.Call() | tree.Arithmetic():
            return COSTLY
        case tree.In():
            return 4
        case tree.Compare():
            return 3 if node.left.kind is Kind.TEXT else 2
    return 1
