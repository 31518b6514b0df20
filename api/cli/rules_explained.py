"""How `rules explain` shows a verdict: a tree of rules, each with its conditions and their values, then the bands and the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from rich.console import Console
from rich.text import Text as Line
from rich.tree import Tree

from core.clock import from_micros
from core.text import Lang, Text
from rules.evaluate import evaluate
from rules.explain import Explained, Explanation, RuleExplained, as_dict, comparison_text, explain_ruleset, truth_text
from rules.model import FeatureValue, Ruleset

_MARKS = {"hit": "●", "miss": "○", "missing": "?", "snoozed": "z", "stopped": "■", "error": "!", "inactive": "–"}
_RESULTS = {
    "hit": Text(zh="命中", en="hit"),
    "miss": Text(zh="未命中", en="miss"),
    "missing": Text(zh="缺少值", en="missing"),
    "snoozed": Text(zh="已暂停", en="snoozed"),
    "stopped": Text(zh="已停用", en="stopped"),
    "error": Text(zh="出错", en="error"),
    "inactive": Text(zh="不在生效期", en="inactive"),
}


def as_json(ruleset: Ruleset, values: Mapping[str, FeatureValue], lang: Lang) -> dict[str, Any]:
    """For programs: the same as the tree."""
    return as_dict(_explained(ruleset, values), lang)


def shown(ruleset: Ruleset, values: Mapping[str, FeatureValue], lang: Lang) -> str:
    """For people: a tree as wide as its longest line, so that it can be piped."""
    explanation = _explained(ruleset, values)
    root = Tree(Line(f"{ruleset.id} ({ruleset.scene})"), highlight=False)
    for one in explanation.rules:
        _condition(root.add(Line(_rule_line(one, lang))), one.condition, explanation.given, lang)
    root.add(Line(_bands_line(explanation, lang)))
    root.add(Line(Text(zh=f"得分 {explanation.score} → {explanation.outcome}", en=f"score {explanation.score} → {explanation.outcome}").pick(lang)))
    out = StringIO()
    Console(file=out, width=10_000, no_color=True, legacy_windows=False).print(root)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def _explained(ruleset: Ruleset, values: Mapping[str, FeatureValue]) -> Explanation:
    at = values["at"]
    assert isinstance(at, int)
    return explain_ruleset(ruleset, values, evaluate(ruleset, values, now=from_micros(at)))


def _rule_line(one: RuleExplained, lang: Lang) -> str:
    worth = one.rule.verdict or f"{one.rule.score:+d}"
    windows = "".join(f"  [{name}: {_window(seconds)}]" for name, seconds in one.windows.items())
    line = f"{_MARKS[one.result]} {one.rule.id}  {_RESULTS[one.result].pick(lang)}  {worth}{windows}"
    if one.missing and one.result == "missing":
        line += Text(zh=f"  缺少 {'、'.join(one.missing)}", en=f"  lacks {', '.join(one.missing)}").pick(lang)
    if one.wrong:
        line += Text(zh=f"  类型不符:{'、'.join(one.wrong)}", en=f"  wrong type: {', '.join(one.wrong)}").pick(lang)
    return line


def _window(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0 and seconds > size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _condition(branch: Tree, explained: Explained, given: Mapping[str, FeatureValue], lang: Lang) -> None:
    if explained.operator in ("and", "or", "not"):
        inner = branch.add(Line(f"{explained.operator}: {truth_text(explained.value).pick(lang)}"))
        for part in explained.parts:
            _condition(inner, part, given, lang)
        return
    branch.add(Line(f"{comparison_text(explained, given)} → {truth_text(explained.value).pick(lang)}"))


def _bands_line(explanation: Explanation, lang: Lang) -> str:
    cutoffs = ", ".join(f"{outcome} ≥ {least}" for outcome, least in explanation.cutoffs.items())
    return Text(zh=f"分数线:{cutoffs or '无'}", en=f"bands: {cutoffs or 'none'}").pick(lang)
