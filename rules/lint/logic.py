"""Whether a condition can ever be true or false, and whether one implies another, as far as comparisons of names with constants tell.

Conditions become alternatives of demands (a disjunctive normal form, bounded in size). Past the bound, and wherever something else than a
comparison of a name with a constant decides, no claim is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from rules.lang import tree
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind
from rules.lang.meaning import EXACT_MAX
from rules.lang.show import show
from rules.lint.ranges import Range
from rules.model import Ruleset
from rules.windows.spec import Aggregate, Window

ALTERNATIVES_MAX = 256
# Demands that one check looks at in all, a second or two: every pair of some 150 rules over the same names. Pairs over other names cost next to nothing.
WORK_MAX = 300_000
_NOT = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_FRACTIONS = frozenset({Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Demand:
    """`name operator value`; operators also "present", "absent", and "holds" for a condition that is not understood (`name` is its text)."""

    name: str
    operator: str
    value: Any = None


Alternative: TypeAlias = frozenset[Demand]
Ways: TypeAlias = tuple[Alternative, ...] | None


class TooMany(Exception):
    """The alternatives, or the work, passed the bound."""


def can_be(ruleset: Ruleset, node: tree.Node, truth: bool) -> bool | None:
    """Whether the condition can come out so; None: not known. False is certain."""
    return Reasoner(ruleset).can_be(node, truth)


def implies(ruleset: Ruleset, first: tree.Node, second: tree.Node) -> bool:
    """True only when the second is certainly true wherever the first is."""
    return Reasoner(ruleset).implies(first, second)


class Reasoner:
    """Answers about the conditions of one ruleset. Each is taken apart once, and all the work is bounded: past that nothing more is claimed."""

    def __init__(self, ruleset: Ruleset, work_max: int = WORK_MAX) -> None:
        self._ruleset, self._left = ruleset, work_max
        # By identity, with the tree kept alive beside it: hashing a whole tree for every pair of rules takes longer than the answer.
        self._ways: dict[tuple[int, bool], tuple[tree.Node, Ways]] = {}
        self._names: dict[int, tuple[tree.Node, frozenset[str]]] = {}

    def can_be(self, node: tree.Node, truth: bool) -> bool | None:
        """As the function of this name."""
        ways = self.ways(node, truth)
        try:
            return None if ways is None else any(self._possible(way) for way in ways)
        except TooMany:
            return None

    def implies(self, first: tree.Node, second: tree.Node) -> bool:
        """As the function of this name."""
        ways, denials = self.ways(first, True), self.ways(second, False)
        if ways is None or denials is None:
            return False
        # What is not understood, or not there, may leave the second missing where the first is true. A part that is always missing has no denials
        # at all, which must not be read as "cannot be denied".
        if any(demand.operator == "holds" for denial in denials for demand in denial) or self._has_missing(second):
            return False
        try:
            return all(self._leads_to(way, self._names_of(second), denials) for way in ways)
        except TooMany:
            return False

    def ways(self, node: tree.Node, truth: bool) -> Ways:
        """The ways in which the node comes out so; each is a set of demands that hold together. None past the bound."""
        key = (id(node), truth)
        if key not in self._ways:
            try:
                self._ways[key] = (node, self._alternatives(node, truth))
            except TooMany:
                self._ways[key] = (node, None)
        return self._ways[key][1]

    def _has_missing(self, node: tree.Node) -> bool:
        match node:
            case tree.Not():
                return self._has_missing(node.inner)
            case tree.All() | tree.Some():
                return any(self._has_missing(part) for part in node.parts)
        return folded(node, self._ruleset.zone) is None

    def _names_of(self, node: tree.Node) -> frozenset[str]:
        if id(node) not in self._names:
            self._names[id(node)] = (node, frozenset(tree.names_of(node)))
        return self._names[id(node)][1]

    def _leads_to(self, way: Alternative, needed: frozenset[str], denials: tuple[Alternative, ...]) -> bool:
        self._spend(1)
        if needed <= _present(way) and not any(self._possible(way | denial) for denial in denials):
            return True
        return not self._possible(way)

    def _possible(self, alternative: Alternative) -> bool:
        self._spend(len(alternative) + 1)
        return _possible(self._ruleset, alternative)

    def _spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise TooMany

    def _alternatives(self, node: tree.Node, truth: bool) -> tuple[Alternative, ...]:
        match node:
            case tree.Not():
                return self._alternatives(node.inner, not truth)
            case tree.All() | tree.Some():
                parts = [self._alternatives(part, truth) for part in node.parts]
                if isinstance(node, tree.All) is truth:
                    return self._together(parts)
                return _bounded({way for ways in parts for way in ways})
        return self._alone(node, truth)

    def _together(self, parts: list[tuple[Alternative, ...]]) -> tuple[Alternative, ...]:
        ways: set[Alternative] = {frozenset()}
        for part in parts:
            if len(ways) * len(part) > ALTERNATIVES_MAX:
                raise TooMany
            self._spend(len(ways) * len(part))
            ways = {one | other for one, other in product(ways, part)}
        return tuple(ways)

    def _alone(self, node: tree.Node, truth: bool) -> tuple[Alternative, ...]:
        """A condition that is no `and`, `or` or `not`."""
        found = folded(node, self._ruleset.zone)
        if found is None:
            return ()
        if isinstance(found, tree.Const):
            return (frozenset(),) if found.value is truth else ()
        return (frozenset({_demand(found, truth)}),)


def folded(node: tree.Node, zone: ZoneInfo) -> tree.Node | None:
    """The condition, with what has no names worked out. None where that is missing: then the condition comes out neither true nor false."""
    if not any(isinstance(part, tree.Name) or (isinstance(part, tree.In) and part.named) for part in tree.walk(node)):
        value = interpret(node, {}, {}, zone)
        return None if value is None else tree.Const(node.kind, value, node.span)
    if isinstance(node, tree.Compare):
        left, right = folded(node.left, zone), folded(node.right, zone)
        return None if left is None or right is None else replace(node, left=left, right=right)
    return node


def _present(alternative: Alternative) -> set[str]:
    return {demand.name for demand in alternative if demand.operator not in ("absent", "holds")}


def _bounded(ways: set[Alternative]) -> tuple[Alternative, ...]:
    if len(ways) > ALTERNATIVES_MAX:
        raise TooMany
    return tuple(ways)


def _demand(node: tree.Node, truth: bool) -> Demand:
    found = _understood(node)
    if found is None:
        return Demand(show(node), "holds", truth)
    if found.operator == "present":
        return found if truth else Demand(found.name, "absent")
    return found if truth else Demand(found.name, _NOT[found.operator], found.value)


def _understood(node: tree.Node) -> Demand | None:
    match node:
        case tree.Name():
            return Demand(node.name, "==", True)
        case tree.Exists(inner=tree.Name() as name):
            return Demand(name.name, "present")
        case tree.Compare(left=tree.Name() as name, right=tree.Const() as const):
            return Demand(name.name, node.operator, const.value)
        case tree.Compare(left=tree.Const() as const, right=tree.Name() as name):
            return Demand(name.name, _FLIPPED[node.operator], const.value)
        case tree.In(inner=tree.Name() as name) if not node.named:
            return Demand(name.name, "in", node.members)
    return None


def _possible(ruleset: Ruleset, alternative: Alternative) -> bool:
    held: dict[str, bool] = {}
    for demand in alternative:
        if demand.operator == "holds" and held.setdefault(demand.name, demand.value) is not demand.value:
            return False
    return all(range_.possible() for range_ in _ranges(ruleset, alternative).values())


def _ranges(ruleset: Ruleset, alternative: Alternative) -> Mapping[str, Range]:
    ranges: dict[str, Range] = {}
    for demand in alternative:
        if demand.operator == "holds":
            continue
        range_ = ranges.setdefault(demand.name, domain(ruleset, demand.name))
        if demand.operator == "absent":
            range_.absent = True
        elif demand.operator == "present":
            range_.present = True
        else:
            range_.demand(demand.operator, demand.value)
    return ranges


def domain(ruleset: Ruleset, name: str) -> Range:
    """What the name's value can be at all."""
    known = ruleset.catalogue.names[name]
    feature = ruleset.features.get(name)
    if known.kind is Kind.BOOLEAN:
        return Range(among=frozenset({True, False}))
    if known.kind is Kind.TEXT:
        return Range()
    counted = isinstance(feature, Window) and is_count(feature)
    made = Range(whole=counted or known.kind not in _FRACTIONS, low=-EXACT_MAX, high=EXACT_MAX)
    if isinstance(feature, Window) and counted:
        made.low = 1 if _counts_the_present_event(ruleset, feature) else 0
    elif isinstance(feature, Window) and feature.aggregate in _NEVER_NEGATIVE:
        made.low = 0
    if known.kind is Kind.CLOCK:
        made.low, made.high, made.high_open = 0, 86_400_000_000, True
    return made


_NEVER_NEGATIVE = frozenset({Aggregate.STDDEV, Aggregate.CV, Aggregate.SINCE, Aggregate.GAP_MEAN, Aggregate.GAP_CV})


def is_count(feature: Window) -> bool:
    """Whether the value is a count: whole, and never negative."""
    return feature.aggregate in (Aggregate.COUNT, Aggregate.DISTINCT) and feature.per is None


def _counts_the_present_event(ruleset: Ruleset, feature: Window) -> bool:
    return feature.aggregate is Aggregate.COUNT and feature.where is None and ruleset.scene in feature.on
