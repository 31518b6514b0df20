"""The online form: one generated Python function for a set of rules, in two variants, for records with every value present and for others.

Only our own tree is written out: names become numbered variables, texts become numbered constants, so nothing of a rule file's text reaches
Python's compiler. Missing values are followed by hand; a rule that cannot be settled is reported as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from rules.lang import tree
from rules.lang.functions import FUNCTIONS
from rules.lang.kinds import Kind, Value
from rules.lang.meaning import ARITHMETIC

Found = tuple[list[int], list[int]]
# Python compiles a huge function slowly; rules are spread over several.
_RULES_MAX = 200


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """`run(values)` takes the values of `names` in order (None: missing) and gives the indexes of rules that hit, and of those missing a value."""

    names: tuple[str, ...]
    run: Callable[[tuple[Any, ...]], Found]
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]

    def judge(self, record: Mapping[str, Any]) -> Found:
        """The same for a mapping; a name that is absent from it is missing."""
        try:
            values = self.pick(record)
        except KeyError:
            values = tuple(map(record.get, self.names))
        return self.run(values)


def compile_rules(conditions: Sequence[tree.Node], lists: Mapping[str, Collection[Value]], zone: ZoneInfo) -> CompiledRules:
    """Compile conditions that the checker made. Lists are taken as they are now: a bundle is immutable."""
    names = tuple(dict.fromkeys(name for node in conditions for name in tree.names_of(node)))
    parts = [_Part(names, list(enumerate(conditions))[start : start + _RULES_MAX], lists, zone).function() for start in range(0, len(conditions), _RULES_MAX)]
    return CompiledRules(names, _together(parts), _picker(names))


def _together(parts: list[Callable[[Any, Any, Any], None]]) -> Callable[[tuple[Any, ...]], Found]:
    def run(values: tuple[Any, ...]) -> Found:
        hits: list[int] = []
        missing: list[int] = []
        for part in parts:
            part(values, hits.append, missing.append)
        return hits, missing

    return run


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda record: tuple(record[name] for name in names)


class _Part:
    """Writes one function over some of the rules."""

    def __init__(self, names: tuple[str, ...], rules: list[tuple[int, tree.Node]], lists: Mapping[str, Collection[Value]], zone: ZoneInfo) -> None:
        self._rules = rules
        self._lists, self._zone = lists, zone
        self._variables = {name: f"v{index}" for index, name in enumerate(names)}
        self._constants: dict[str, Any] = {}
        self._by_value: dict[tuple[type, Any], str] = {}
        self._temporaries = 0

    def function(self) -> Callable[[Any, Any, Any], None]:
        unpack = f"    ({''.join(f'{name}, ' for name in self._variables.values())}) = values\n" if self._variables else ""
        sparse, dense = self._body(sparse=True), self._body(sparse=False)
        # Tests by identity, one by one: `None in values` compares by equality and takes three times as long.
        some_missing = " or ".join(f"{self._variables[name]} is None" for name in self._names_read()) or "False"
        source = f"def part(values, h, m):\n{unpack}    if {some_missing}:\n{sparse}        return\n{dense}    return\n"
        space: dict[str, Any] = {"__builtins__": {}, **self._constants}
        exec(compile(source, "<rules>", "exec"), space)  # noqa: S102
        made: Callable[[Any, Any, Any], None] = space["part"]
        return made

    def _body(self, *, sparse: bool) -> str:
        writer = _Writer(self, sparse)
        pad = "        " if sparse else "    "
        return "".join(_statement(writer, number, node, pad) for number, node in self._rules) or f"{pad}pass\n"

    def _names_read(self) -> dict[str, None]:
        return dict.fromkeys(name for _, node in self._rules for name in tree.names_of(node))

    def variable(self, name: str) -> str:
        return self._variables[name]

    def constant(self, value: Any) -> str:
        """A name for a value in the function's own space. Told apart by type as well: 1 and 1.0 and True are three constants."""
        key = (type(value), value)
        if key not in self._by_value:
            self._by_value[key] = f"k{len(self._constants)}"
            self._constants[self._by_value[key]] = value
        return self._by_value[key]

    def members(self, node: tree.In) -> str:
        return self.constant(frozenset(self._lists.get(node.named, ()) if node.named else node.members))

    def called(self, run: Callable[..., Any], zoned: bool) -> tuple[str, str]:
        """The function's name, and its last argument."""
        return self.constant(run), f", {self.constant(self._zone)}" if zoned else ""

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"


def _statement(writer: _Writer, number: int, node: tree.Node, pad: str) -> str:
    if not writer.may_miss(node):
        return f"{pad}if {writer.perhaps(node)}: h({number})\n"
    return f"{pad}if {writer.perhaps(node)}:\n{pad} if {writer.surely_given_perhaps(node)}: h({number})\n{pad} else: m({number})\n"


class _Writer:
    """Expressions as text. With `sparse` any name may be missing; else all of them have values, and only results may be missing."""

    def __init__(self, part: _Part, sparse: bool) -> None:
        self._part, self._sparse = part, sparse

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

    def perhaps(self, node: tree.Node) -> str:
        """A test that fails only where the node is false. Most rules do not hold, so this is the one test that most of them cost."""
        return self._test(node, when_missing=True)

    def surely_given_perhaps(self, node: tree.Node) -> str:
        """A test that passes only where the node is true, in a place where `perhaps` has passed: often it is enough that the values are there."""
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
                return self._part.constant(node.value) if isinstance(node.value, str | float) else f"({node.value!r})"
            case tree.Name():
                return self._part.variable(node.name)
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
        name = self._part.temporary()
        return f"({self.text(node.other)} if ({name} := {inner}) is None else {name})"

    def _chain(self, parts: tuple[tree.Node, ...], *, decisive: bool) -> str:
        """`and` and `or` that a decisive part settles; where none does, a missing part leaves the whole missing."""
        texts = [(self.text(part), self.may_miss(part)) for part in parts]
        if not any(missing for _, missing in texts):
            return f"({(' or ' if decisive else ' and ').join(text for text, _ in texts)})"
        settled, open_ = [], []
        for text, missing in texts:
            if missing:
                name = self._part.temporary()
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
                name = self._part.temporary()
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
                return f"{values[0]} in {self._part.members(node)}"
            case tree.Arithmetic():
                name, _ = self._part.called(ARITHMETIC[node.operator, node.left.kind, node.right.kind][1], zoned=False)
                return f"{name}({values[0]}, {values[1]})"
            case tree.Call():
                function = FUNCTIONS[node.function]
                name, last = self._part.called(function.run, function.zoned)
                return f"{name}({', '.join(values)}{last})"
        raise TypeError(f"no code for {type(node).__name__}")


def _cost(node: tree.Node) -> int:
    """A rough measure of how long a test takes: the cheap parts of a chain come first, and often settle it. Parts have no effects, so any order will do."""
    return sum(_cost_alone(part) for part in tree.walk(node))


def _cost_alone(node: tree.Node) -> int:
    match node:
        case tree.Call() | tree.Arithmetic():
            return 20
        case tree.In():
            return 4
        case tree.Compare():
            return 3 if node.left.kind is Kind.TEXT else 2
    return 1
