"""What is declared and never used, and what a rule should have beside it: words for the customer, a test."""

from __future__ import annotations

from collections.abc import Iterator

from core.text import Text
from rules.lang import tree
from rules.lint.findings import Finding, check, rule_path
from rules.model import Ruleset
from rules.windows.spec import PhoneIn


@check("dangling_name")
def dangling(ruleset: Ruleset) -> Iterator[Finding]:
    """Features, parameters and lists that no rule and no band reads."""
    nodes = [node for rule in ruleset.rules for node in tree.walk(rule.when)]
    read = {node.name for node in nodes if isinstance(node, tree.Name | tree.Const) and node.name} | {need for bands in ruleset.bands for need in bands.needs}
    listed = {node.named for node in nodes if isinstance(node, tree.In)} | {one.named for one in ruleset.features.values() if isinstance(one, PhoneIn)}
    sections = (("features", ruleset.features, read), ("parameters", ruleset.catalogue.parameters, read), ("lists", ruleset.lists, listed))
    for section, declared, used in sections:
        for name in declared:
            if name not in used:
                yield Finding("dangling_name", "warning", (section, name), Text(zh=f"没有规则使用 {name}", en=f"no rule uses {name}"))


@check("missing_reason_text")
def wordless(ruleset: Ruleset) -> Iterator[Finding]:
    """A customer who is refused is owed the reason in words."""
    for index, rule in enumerate(ruleset.rules):
        for lang, words in (("zh", rule.text.zh), ("en", rule.text.en)):
            if not words.strip():
                text = Text(zh=f"规则 {rule.id} 缺少原因说明({lang})", en=f"rule {rule.id} has no words for its reason ({lang})")
                yield Finding("missing_reason_text", "error", ("rules", index, "reason", lang), text)
        if rule.text.zh.strip() and rule.text.zh.strip().casefold() == rule.text.en.strip().casefold():
            text = Text(zh=f"规则 {rule.id} 的两种语言写的是同样的字", en=f"rule {rule.id} has the same words in both languages")
            yield Finding("missing_reason_text", "warning", ("rules", index, "reason", "en"), text, Text(zh="各写一种语言", en="write each in its language"))


@check("missing_test")
def untested(ruleset: Ruleset) -> Iterator[Finding]:
    """Rules that no test expects to hit."""
    hit = {name for case in ruleset.cases for name, result in case.expect.get("rules", {}).items() if result == "hit"}
    hit |= {name for case in ruleset.cases for name in case.expect.get("hits", ())}
    for index, rule in enumerate(ruleset.rules):
        # Rules of a pack are tested once, by whichever policy includes it.
        if rule.id not in hit and rule.pack in ("", ruleset.id):
            text = Text(zh=f"没有测试期望规则 {rule.id} 命中", en=f"no test expects rule {rule.id} to hit")
            yield Finding("missing_test", "warning", rule_path(index, "id"), text)
