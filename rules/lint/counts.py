"""Counts are exact only below their cap, and they grow: a threshold past the cap is never seen, and `==` is passed by in a burst."""

from __future__ import annotations

from collections.abc import Iterator

from core.text import Text
from rules.lang import tree
from rules.lint.findings import Finding, check, rule_path
from rules.lint.logic import is_count
from rules.model import Ruleset
from rules.windows.spec import Window

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
# These still tell at the cap itself; the others need one below it.
_AT_CAP = frozenset({">=", "<"})


@check("threshold_beyond_cap", "capped_use")
def caps(ruleset: Ruleset) -> Iterator[Finding]:
    """Uses of a capped feature that "cap or more" cannot answer."""
    for index, rule in enumerate(ruleset.rules):
        fine: set[int] = set()
        for node in tree.walk(rule.when):
            for name, operator, value in _questions(node):
                fine.add(id(name))
                cap = ruleset.catalogue.names[name.name].cap
                if cap is not None and not (value <= cap if operator in _AT_CAP else value < cap):
                    yield _beyond(index, name.name, operator, value, cap)
            if isinstance(node, tree.Exists):
                fine.add(id(node.inner))
        for node in tree.walk(rule.when):
            if isinstance(node, tree.Name) and id(node) not in fine and ruleset.catalogue.names[node.name].cap is not None:
                text = Text(zh=f"{node.name} 有计数上限,只能与常数比较", en=f"{node.name} is capped, so it may only be compared with a constant")
                fix = Text(zh=f"如 {node.name} >= 3", en=f"such as {node.name} >= 3")
                yield Finding("capped_use", "error", rule_path(index), text, fix)


def _beyond(index: int, name: str, operator: str, value: object, cap: int) -> Finding:
    text = Text(zh=f"{name} 只数到 {cap},{operator} {value} 无法判断", en=f"{name} counts up to {cap}, so {operator} {value} cannot be told")
    return Finding("threshold_beyond_cap", "error", rule_path(index), text, Text(zh="调低阈值或调高 cap", en="lower the threshold or raise the cap"))


@check("equals_on_count")
def equals(ruleset: Ruleset) -> Iterator[Finding]:
    """`==` on a count of two or more: the next event passes by it."""
    for index, rule in enumerate(ruleset.rules):
        for node in tree.walk(rule.when):
            for name, operator, value in _questions(node):
                feature = ruleset.features.get(name.name)
                if operator == "==" and value >= 2 and isinstance(feature, Window) and is_count(feature):
                    text = Text(zh=f"{name.name} 是计数,== {value} 会被下一个事件越过", en=f"{name.name} is a count; the next event passes by == {value}")
                    yield Finding("equals_on_count", "warning", rule_path(index), text, Text(zh=f"改为 >= {value}", en=f"write >= {value}"))


def _questions(node: tree.Node) -> Iterator[tuple[tree.Name, str, float]]:
    """Comparisons of a name, or of a name with a default, with numbers."""
    if isinstance(node, tree.Compare):
        for side, other, operator in ((node.left, node.right, node.operator), (node.right, node.left, _FLIPPED[node.operator])):
            name = side.inner if isinstance(side, tree.Default) and isinstance(side.other, tree.Const) else side
            if isinstance(name, tree.Name) and isinstance(other, tree.Const) and _is_number(other.value):
                yield name, operator, other.value  # type: ignore[misc]
    elif isinstance(node, tree.In) and isinstance(node.inner, tree.Name) and not node.named:
        for member in node.members:
            if _is_number(member):
                yield node.inner, "==", member  # type: ignore[misc]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
