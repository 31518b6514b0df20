"""Replays made-up records through both forms of a ruleset, the generated function and the interpreter, and tells where they disagree.

The records come from a seed that is the ruleset's own, so the same document always gets the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from rules.lang import tree
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind, Value
from rules.lang.meaning import DAYS, EXACT_MAX
from rules.model import Ruleset

RECORDS_MAX = 300
# The interpreter visits some millions of nodes a second; this many leave most of a trial's seconds unused.
VISITS_MAX = 600_000
_WHOLE = (0, 1, -1, 2, 100, EXACT_MAX, -EXACT_MAX)
_DAY = 86_400_000_000
_EXTREMES: dict[Kind, tuple[Value, ...]] = {
    Kind.NUMBER: (*_WHOLE, 0.5, -0.0, 2.5, 1e-7),
    Kind.TEXT: ("", "a", "A", "羊毛", "e\u0301", "İ", "🐑", *DAYS),
    Kind.BOOLEAN: (True, False),
    Kind.MONEY: _WHOLE,
    Kind.DURATION: _WHOLE,
    Kind.INSTANT: (0, 1_767_585_600_000_000, 1_767_628_800_000_000, EXACT_MAX),
    Kind.CLOCK: (0, _DAY // 2, _DAY - 1),
}


def disagreements(ruleset: Ruleset) -> list[str]:
    """Ids of rules, in their order, for which the two forms differ on some record."""
    differing: set[int] = set()
    for record in sample_records(ruleset):
        hits, missing = ruleset.compiled.judge(record)
        compiled: dict[int, bool | None] = {**dict.fromkeys(hits, True), **dict.fromkeys(missing, None)}
        for index, rule in enumerate(ruleset.rules):
            if interpret(rule.when, record, ruleset.lists, ruleset.zone) is not compiled.get(index, False):
                differing.add(index)
    return [ruleset.rules[index].id for index in sorted(differing)]


def sample_records(ruleset: Ruleset) -> Iterator[dict[str, Any]]:
    """Records over the names that the rules read: extremes, and values at the rules' own thresholds; every second one lacks some."""
    random = Random(ruleset.version)
    known = _values_by_kind(ruleset)
    nodes = sum(1 for rule in ruleset.rules for _ in tree.walk(rule.when))
    for number in range(max(4, min(RECORDS_MAX, VISITS_MAX // max(1, nodes)))):
        lacks = 0.0 if number % 2 else random.choice((0.1, 0.5, 1.0))
        yield {name: None if random.random() < lacks else random.choice(known[ruleset.catalogue.names[name].kind]) for name in ruleset.compiled.names}


def _values_by_kind(ruleset: Ruleset) -> dict[Kind, list[Value]]:
    """Extremes of each kind, what the rules compare with, and its neighbours on both sides."""
    found: dict[Kind, list[Value]] = {kind: list(values) for kind, values in _EXTREMES.items()}
    for rule in ruleset.rules:
        for node in tree.walk(rule.when):
            if isinstance(node, tree.Const):
                found[node.kind] += _around(node.value)
            elif isinstance(node, tree.In):
                found[node.inner.kind] += (*node.members, *sorted(ruleset.lists.get(node.named, ()), key=str)[:50])
    return found


def _around(value: Value) -> list[Value]:
    if isinstance(value, bool):
        return [value]
    return [value, value + "x"] if isinstance(value, str) else [value - 1, value, value + 1]
