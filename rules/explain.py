"""Why a ruleset says what it says: the explanation form of the one tree. It lists everything, where the deciding form stops at what settles it.

Its truth is the interpreter's; property tests and the golden cases hold it to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.text import Lang, Text
from rules.evaluate import Evaluation, cutoffs_for, plain_values
from rules.lang import tree
from rules.lang.interpret import Lists, interpret
from rules.lang.kinds import Kind
from rules.lang.show import show, show_value
from rules.model import AtLeast, FeatureValue, Rule, Ruleset


@dataclass(frozen=True, slots=True)
class Explained:
    """A node with its value (None: missing); `operator` says how its parts are joined, "" for a value that stands alone."""

    text: str
    kind: Kind
    value: Any
    operator: str = ""
    parts: tuple[Explained, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """One rule: its result, its condition with all values, and the names that had none or one of the wrong type. `windows` are seconds."""

    rule: Rule
    result: str
    condition: Explained
    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    windows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one verdict."""

    ruleset: Ruleset
    given: Mapping[str, FeatureValue]
    rules: tuple[RuleExplained, ...]
    cutoffs: Mapping[str, int]
    score: int
    outcome: str


def explain_node(node: tree.Node, values: Mapping[str, Any], lists: Lists, zone: Any) -> Explained:
    """The node and everything inside it, each with its value."""
    parts = tuple(explain_node(child, values, lists, zone) for child in tree.children(node))
    return Explained(show(node), node.kind, interpret(node, values, lists, zone), _operator(node), parts)


def _operator(node: tree.Node) -> str:
    match node:
        case tree.All():
            return "and"
        case tree.Some():
            return "or"
        case tree.Not():
            return "not"
        case tree.Compare() | tree.Arithmetic():
            return node.operator
        case tree.In():
            return "in"
        case tree.Default():
            return "??"
        case tree.Negate():
            return "-"
        case tree.Exists():
            return "exists"
        case tree.Call():
            return node.function
    return ""


def explain_ruleset(ruleset: Ruleset, given: Mapping[str, FeatureValue], evaluation: Evaluation) -> Explanation:
    """Explain an evaluation of the same values."""
    values, wrong = plain_values(ruleset, given)
    rules = tuple(_rule(ruleset, rule, values, wrong, evaluation.results[rule.id]) for rule in ruleset.rules)
    return Explanation(ruleset, given, rules, cutoffs_for(ruleset, values), evaluation.score, evaluation.outcome)


def _rule(ruleset: Ruleset, rule: Rule, values: Mapping[str, Any], wrong: set[str], result: str) -> RuleExplained:
    names = tree.names_of(rule.when)
    return RuleExplained(
        rule=rule,
        result=result,
        condition=explain_node(rule.when, values, ruleset.lists, ruleset.zone),
        missing=tuple(name for name in names if values[name] is None and name not in wrong),
        wrong=tuple(name for name in names if name in wrong),
        windows={name: ruleset.windows[name] for name in names if name in ruleset.windows},
    )


def as_dict(explanation: Explanation, lang: Lang) -> dict[str, Any]:
    """For programs; values are in the language's own units (fen, microseconds), `shown` is how a person writes them."""
    given = explanation.given
    return {
        "policy": explanation.ruleset.id,
        "version": explanation.ruleset.version,
        "outcome": explanation.outcome,
        "score": explanation.score,
        "cutoffs": dict(explanation.cutoffs),
        "rules": [
            {
                "id": one.rule.id,
                "result": one.result,
                "score": one.rule.score,
                "verdict": one.rule.verdict,
                "reason": {"code": one.rule.code, "text": one.rule.text.pick(lang)},
                "missing": list(one.missing),
                "wrong_type": list(one.wrong),
                "window_seconds": dict(one.windows),
                "condition": _node(one.condition, given),
            }
            for one in explanation.rules
        ],
    }


def value_text(explained: Explained, given: Mapping[str, FeatureValue]) -> str:
    """The node's value for people; a capped feature says "n+"."""
    held = given.get(explained.text)
    if isinstance(held, AtLeast):
        return f"{held.count}+"
    return show_value(explained.value, explained.kind)


def comparison_text(explained: Explained, given: Mapping[str, FeatureValue]) -> str:
    """A condition with the values of its sides, such as `accounts >= farm_accounts  (4 >= 3)`."""
    shown = [value_text(part, given) for part in explained.parts]
    if len(shown) == 2 and not explained.operator.isidentifier():
        return f"{explained.text}  ({shown[0]} {explained.operator} {shown[1]})"
    return f"{explained.text}  ({', '.join(shown)})" if shown else f"{explained.text}  ({value_text(explained, given)})"


def truth_text(value: bool | None) -> Text:
    """What a condition came out as."""
    if value is None:
        return Text(zh="缺失", en="missing")
    return Text(zh="成立", en="true") if value else Text(zh="不成立", en="false")


def _node(explained: Explained, given: Mapping[str, FeatureValue]) -> dict[str, Any]:
    held = given.get(explained.text)
    body: dict[str, Any] = {"text": explained.text, "value": explained.value, "shown": value_text(explained, given)}
    if isinstance(held, AtLeast):
        body["at_least"] = held.count
    if explained.operator:
        body |= {"operator": explained.operator, "parts": [_node(part, given) for part in explained.parts]}
    return body
