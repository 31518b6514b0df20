"""The engines behind one shape: built from the same rules, each run on one record at a time in the form that suits it best.

A peer's run is timed as it returns; turning its answer into a list of hits is not, so the comparison leans to the peer's side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import ZoneInfo

from bench.workload import CATALOGUE, Condition, Record, Rule
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.interpret import interpret

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Engine:
    """`run` is what is timed; `hits` reads the indexes of the rules that hold from what it returned."""

    name: str
    run: Callable[[Record], Any]
    hits: Callable[[Any], list[int]]


@dataclass(frozen=True, slots=True)
class Entrant:
    """How an engine is built for rules; `package` is the one it needs. With `sparse` its rules are guarded against missing values where they must be."""

    name: str
    package: str
    build: Callable[[Sequence[Rule], bool], Engine]

    def version(self) -> str | None:
        """The installed version; None where it is not installed."""
        try:
            return version(self.package) if self.package else "ours"
        except PackageNotFoundError:
            return None


def source_of(rule: Rule) -> str:
    """The rule in our language."""
    return _joined(rule, " and ", sparse=False, null="")


def _generated(rules: Sequence[Rule], sparse: bool) -> Engine:
    compiled = compile_rules([typed(source_of(rule), CATALOGUE) for rule in rules], {}, ZONE)
    return Engine("generated", compiled.judge, lambda found: found[0])


def _interpreter(rules: Sequence[Rule], sparse: bool) -> Engine:
    nodes = [typed(source_of(rule), CATALOGUE) for rule in rules]
    return Engine("interpreter", lambda record: [interpret(node, record, {}, ZONE) for node in nodes], _holding)


def _zen_list(rules: Sequence[Rule], sparse: bool) -> Engine:
    import zen

    expression = zen.compile_expression(f"[{', '.join(_joined(rule, ' and ', sparse=sparse, null='null') for rule in rules)}]")
    return Engine("zen list", expression.evaluate, _holding)


def _zen_table(rules: Sequence[Rule], sparse: bool) -> Engine:
    """A decision table with a column for each field; an empty cell does not matter."""
    import zen

    fields = sorted({condition.field for rule in rules for condition in rule})
    rows = [{"_id": f"r{n}", "o": str(n), **dict.fromkeys(fields, ""), **{c.field: _cell(c) for c in rule}} for n, rule in enumerate(rules)]
    columns = [{"id": field, "name": field, "field": field} for field in fields]
    content = {"hitPolicy": "collect", "inputs": columns, "outputs": [{"id": "o", "name": "rule", "field": "rule"}], "rules": rows}
    kinds = {"in": "inputNode", "table": "decisionTableNode", "out": "outputNode"}
    nodes = [
        {"id": key, "name": key, "type": kind, "position": {"x": 0, "y": 0}, **({"content": content} if key == "table" else {})} for key, kind in kinds.items()
    ]
    edges = [{"id": f"{a}-{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in (("in", "table"), ("table", "out"))]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))
    return Engine("zen table", decision.evaluate, lambda found: [row["rule"] for row in found["result"]])


def _cel(rules: Sequence[Rule], sparse: bool) -> Engine:
    import cel

    program = cel.compile(f"[{', '.join(_joined(rule, ' && ', sparse=sparse, null='null') for rule in rules)}]")
    return Engine("cel", program.execute, _holding)


def _joined(rule: Rule, word: str, *, sparse: bool, null: str) -> str:
    return word.join(_written(condition, word, null if sparse else "") for condition in rule)


def _written(condition: Condition, word: str, null: str) -> str:
    """The condition. Peers fail on a missing value that is ordered or used as a truth, so these are guarded for them."""
    field, operator, value = condition.field, condition.operator, condition.value
    match operator:
        case "is":
            return f"{field} == true" if null else field
        case "in":
            return f"{field} in [{', '.join(map(repr, value))}]"
        case "==":
            return f"{field} == {value!r}"
    return f"{field} != {null}{word}{field} {operator} {value}" if null else f"{field} {operator} {value}"


def _cell(condition: Condition) -> str:
    match condition.operator:
        case "is":
            return "true"
        case "in":
            return ", ".join(map(repr, condition.value))
        case "==":
            return repr(condition.value)
    return f"{condition.operator} {condition.value}"


def _holding(results: list[Any]) -> list[int]:
    return [number for number, result in enumerate(results) if result]


ENTRANTS = (
    Entrant("generated", "", _generated),
    Entrant("interpreter", "", _interpreter),
    Entrant("zen list", "zen-engine", _zen_list),
    Entrant("zen table", "zen-engine", _zen_table),
    Entrant("cel", "common-expression-language", _cel),
)
