"""Why a rule hit: the conditions inside it that spoke for it, each with its value, operator, threshold and window.

Personal values never enter evidence, since evidence is recorded for good: they are shown as present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.text import Text
from rules.enrich.derived import HIDDEN_FIELDS
from rules.lang import tree
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind
from rules.model import FeatureValue, Rule, Ruleset

PRESENT = "(personal)"
# What stays nameless when it is worked out of a personal value: whether, and how many.
_HARMLESS = frozenset({Kind.BOOLEAN, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One condition that spoke for a hit; `feature` is its left side as written, the window in seconds, None where there is none."""

    feature: str
    value: FeatureValue
    operator: str
    threshold: Any
    window_seconds: int | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score was added: a stable code, words for the customer, and the evidence for those who may see it."""

    code: str
    text: Text
    rule: str = ""
    score: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """What is known of a comparison's evidence before any event: all but the value of `name`."""

    name: str
    hidden: bool
    feature: str
    operator: str
    threshold: Any
    window_seconds: int | None


def reason_of(ruleset: Ruleset, rule: Rule, values: Mapping[str, Any], given: Mapping[str, FeatureValue]) -> Reason:
    """The reason of a rule that hit. `values` are plain; `given` may say "n or more"."""
    if rule.id not in ruleset.worked_out:
        ruleset.worked_out[rule.id] = _foreseen(ruleset, rule)
    known: tuple[_Foreseen, ...] | None = ruleset.worked_out[rule.id]
    if known is not None:
        spoke = [Evidence(one.feature, PRESENT if one.hidden else given.get(one.name), one.operator, one.threshold, one.window_seconds) for one in known]
        return Reason(rule.code, rule.text, rule.id, rule.score, tuple(spoke))
    found = tuple(_evidence(ruleset, rule, node, holds, values, given) for node, holds in _speaking(ruleset, rule.when, values, holds=True, sure=True))
    return Reason(rule.code, rule.text, rule.id, rule.score, found)


def _foreseen(ruleset: Ruleset, rule: Rule) -> tuple[_Foreseen, ...] | None:
    """Of a rule that hits when all of some comparisons of names with constants hold, as most do: each of them spoke. None for any other."""
    parts = rule.when.parts if isinstance(rule.when, tree.All) else (rule.when,)
    found = []
    for node in parts:
        if not (isinstance(node, tree.Compare) and isinstance(node.left, tree.Name) and isinstance(node.right, tree.Const)):
            return None
        name = node.left.name
        hidden = node.left.kind not in _HARMLESS and name in HIDDEN_FIELDS
        text = rule.source[node.left.span.start : node.left.span.end]
        found.append(_Foreseen(name, hidden, text, node.operator, node.right.value, ruleset.windows.get(name)))
    return tuple(found)


def _speaking(ruleset: Ruleset, node: tree.Node, values: Mapping[str, Any], *, holds: bool, sure: bool = False) -> Iterator[tuple[tree.Node, bool]]:
    """Conditions that came out as the rule needed them; below a `not` that is false. `sure` where nothing else would have let the rule hit."""
    if isinstance(node, tree.All | tree.Some):
        for part in node.parts:
            yield from _speaking(ruleset, part, values, holds=holds, sure=sure and isinstance(node, tree.All))
    elif isinstance(node, tree.Not):
        yield from _speaking(ruleset, node.inner, values, holds=not holds)
    elif not isinstance(node, tree.Const) and (sure or interpret(node, values, ruleset.lists, ruleset.zone) is holds):
        yield node, holds


def _evidence(ruleset: Ruleset, rule: Rule, node: tree.Node, holds: bool, values: Mapping[str, Any], given: Mapping[str, FeatureValue]) -> Evidence:
    left, operator, threshold = _sides(ruleset, node, holds, values)
    value = given.get(left.name) if isinstance(left, tree.Name) else interpret(left, values, ruleset.lists, ruleset.zone)
    names = tree.names_of(left)
    if left.kind not in _HARMLESS and not HIDDEN_FIELDS.isdisjoint(names):
        value = PRESENT
    window = next((ruleset.windows[name] for name in names if name in ruleset.windows), None)
    return Evidence(rule.source[left.span.start : left.span.end], value, operator, threshold, window)


def _sides(ruleset: Ruleset, node: tree.Node, holds: bool, values: Mapping[str, Any]) -> tuple[tree.Node, str, Any]:
    """Left side, operator and what it is held against."""
    no = "" if holds else "not "
    match node:
        case tree.Compare():
            threshold = node.right.value if isinstance(node.right, tree.Const) else interpret(node.right, values, ruleset.lists, ruleset.zone)
            hidden = node.right.kind not in _HARMLESS and not HIDDEN_FIELDS.isdisjoint(tree.names_of(node.right))
            return node.left, no + node.operator, PRESENT if hidden else threshold
        case tree.In():
            return node.inner, no + "in", node.named or list(node.members)
    return node, "is", holds
