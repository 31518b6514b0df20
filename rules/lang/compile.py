"""The online form: one generated Python function for a set of rules, in two variants, for records with every value present and for others.

Only our own tree is written out: names become numbered variables, texts become numbered constants, so nothing of a rule file's text reaches
Python's compiler. Missing values are followed by hand; a rule that cannot be settled is reported as missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from rules.lang import tree
from rules.lang.kinds import Value
from rules.lang.writer import COSTLY, Space, Test, Writer

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
    numbered = list(enumerate(conditions))
    parts = [_Part(Space(names, lists, zone), numbered[start : start + _RULES_MAX]).function() for start in range(0, len(numbered), _RULES_MAX)]
    return CompiledRules(names, _together(parts), _picker(names))


def _together(parts: list[Callable[[Any, Any, Any], None]]) -> Callable[[tuple[Any, ...]], Found]:
    def run(values: tuple[Any, ...]) -> Found:
        hits: list[int] = []
        missing: list[int] = []
        for part in parts:
            part(values, hits.append, missing.append)
        hits.sort()
        missing.sort()
        return hits, missing

    return run


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda record: tuple(record[name] for name in names)


class _Part:
    """Writes one function over some of the rules."""

    def __init__(self, space: Space, rules: list[tuple[int, tree.Node]]) -> None:
        self._space, self._rules = space, rules

    def function(self) -> Callable[[Any, Any, Any], None]:
        variables = list(self._space.variables.values())
        unpack = f"    ({''.join(f'{name}, ' for name in variables)}) = values\n" if variables else ""
        sparse, dense = self._body(sparse=True), self._body(sparse=False)
        # Tests by identity, one by one: `None in values` compares by equality and takes three times as long.
        some_missing = " or ".join(f"{self._space.variables[name]} is None" for name in self._names_read()) or "False"
        source = f"def part(values, h, m):\n{unpack}    if {some_missing}:\n{sparse}        return\n{dense}    return\n"
        space: dict[str, Any] = {"__builtins__": {}, **self._space.constants}
        exec(compile(source, "<rules>", "exec"), space)  # noqa: S102
        made: Callable[[Any, Any, Any], None] = space["part"]
        return made

    def _names_read(self) -> dict[str, None]:
        return dict.fromkeys(name for _, node in self._rules for name in tree.names_of(node))

    def _body(self, *, sparse: bool) -> str:
        """Rules that share a test stand below it: where it fails, none of them costs anything."""
        writer = Writer(self._space, sparse)
        pad = "        " if sparse else "    "
        tests = [writer.tests(node) for _, node in self._rules]
        groups: dict[Test, list[str]] = {}
        for (number, node), its, shared in zip(self._rules, tests, _shared(tests), strict=True):
            rest = [test for test in its if test != shared]
            groups.setdefault(shared, []).append(_statement(rest, number, writer.surely_given_perhaps(node), pad + " "))
        return "".join(f"{pad}if {shared.text}:\n{''.join(statements)}" for shared, statements in groups.items()) or f"{pad}pass\n"


def _shared(rules: list[list[Test]]) -> list[Test]:
    """For each rule the test that most rules have, or its cheapest. A shared test runs for every record, so a costly one must spare several."""
    counts = Counter(test for tests in rules for test in tests)
    worth = {test: count if count >= (4 if test.cost >= COSTLY else 2) else 0 for test, count in counts.items()}
    return [max(tests, key=worth.__getitem__) for tests in rules]


def _statement(tests: list[Test], number: int, surely: str, pad: str) -> str:
    """What is done below the shared test: the rule's other tests, and where all pass, a hit, or a miss of values."""
    first = f"{pad}if {' and '.join(test.text for test in tests) or 'True'}:"
    return f"{first}\n{pad} if {surely}: h({number})\n{pad} else: m({number})\n" if surely else f"{first} h({number})\n"
