"""Whether a condition can ever be true or false, and whether one implies another, as far as comparisons of names with constants tell.

Conditions become alternatives of demands (a disjunctive normal form, bounded in size). Past the bound, and wherever something else than a
comparison of a name with a constant decides, no claim is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

from rules.lang import tree
from rules.lang.kinds import Kind
from rules.lang.meaning import EXACT_MAX
from rules.lang.show import show
from rules.lint.ranges import Range
from rules.model import Ruleset
from rules.windows.spec import Aggregate, Window

ALTERNATIVES_MAX = 256
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


class TooMany(Exception):
    """The alternatives passed the bound."""


def can_be(ruleset: Ruleset, node: tree.Node, truth: bool) -> bool | None:
    """Whether the condition can come out so; None: not known. False is certain."""
    try:
        return any(_possible(ruleset, alternative) for alternative in alternatives(node, truth))
    except TooMany:
        return None


def implies(ruleset: Ruleset, first: tree.Node, second: tree.Node) -> bool:
    """True only when the second is certainly true wherever the first is."""
    try:
        ways, denials = alternatives(first, True), alternatives(second, False)
    except TooMany:
        return False
    # What is not understood, or not there, may leave the second missing where the first is true.
    if any(demand.operator == "holds" for denial in denials for demand in denial):
        return False
    needed = set(tree.names_of(second))
    return all(not _possible(ruleset, way) or (needed <= _present(way) and not any(_possible(ruleset, way | denial) for denial in denials)) for way in ways)


def _present(alternative: Alternative) -> set[str]:
    return {demand.name for demand in alternative if demand.operator not in ("absent", "holds")}


@lru_cache(maxsize=4096)
def alternatives(node: tree.Node, truth: bool) -> tuple[Alternative, ...]:
    """The ways in which the node comes out so; each is a set of demands that hold together. Raises `TooMany`."""
    match node:
        case tree.Const():
            return (frozenset(),) if node.value is truth else ()
        case tree.Not():
            return alternatives(node.inner, not truth)
        case tree.All() | tree.Some():
            parts = [alternatives(part, truth) for part in node.parts]
            if isinstance(node, tree.All) is truth:
                return _together(parts)
            return _bounded({way for ways in parts for way in ways})
    return (frozenset({_demand(node, truth)}),)


def _together(parts: list[tuple[Alternative, ...]]) -> tuple[Alternative, ...]:
    ways: set[Alternative] = {frozenset()}
    for part in parts:
        if len(ways) * len(part) > ALTERNATIVES_MAX:
            raise TooMany
        ways = {one | other for one, other in product(ways, part)}
    return tuple(ways)


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
    if known.kind is Kind.CLOCK:
        made.low, made.high, made.high_open = 0, 86_400_000_000, True
    return made


def is_count(feature: Window) -> bool:
    """Whether the value is a count: whole, and never negative."""
    return feature.aggregate in (Aggregate.COUNT, Aggregate.DISTINCT) and feature.per is None


def _counts_the_present_event(ruleset: Ruleset, feature: Window) -> bool:
    return feature.aggregate is Aggregate.COUNT and feature.where is None and ruleset.scene in feature.on
