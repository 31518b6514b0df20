"""Conditions that decide nothing: never true, never false, the same as another, or against another rule's verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from core.text import Text
from rules.lang.show import show
from rules.lint.findings import Finding, check, rule_path
from rules.lint.logic import Reasoner
from rules.model import Rule, Ruleset, severity

# Comparing every rule with every other grows with the square: past this only the same condition is looked for.
PAIRS_RULES_MAX = 200


@check("never_fires", "always_fires")
def settled(ruleset: Ruleset) -> Iterator[Finding]:
    """A condition that can only come out one way."""
    reasoner = Reasoner(ruleset)
    for index, rule in enumerate(ruleset.rules):
        if reasoner.can_be(rule.when, True) is False:
            text = Text(zh=f"规则 {rule.id} 永远不会命中", en=f"rule {rule.id} can never fire")
            yield Finding("never_fires", "error", rule_path(index), text)
        elif reasoner.can_be(rule.when, False) is False:
            text = Text(zh=f"规则 {rule.id} 只要有值就总会命中", en=f"rule {rule.id} fires whenever its values are there")
            yield Finding("always_fires", "warning", rule_path(index), text)


@check("shadowed")
def shadowed(ruleset: Ruleset) -> Iterator[Finding]:
    """A rule that another one makes superfluous."""
    reasoner, first = Reasoner(ruleset), dict[str, Rule]()
    spelt = {rule.id: show(rule.when) for rule in ruleset.rules}
    for index, rule in enumerate(ruleset.rules):
        other = first.setdefault(spelt[rule.id], rule)
        if other is not rule and not _contradict(rule, other) and _overlap(rule, other):
            text = Text(zh=f"规则 {rule.id} 与 {other.id} 的条件相同", en=f"rule {rule.id} has the condition of {other.id}")
            yield Finding("shadowed", "warning", rule_path(index), text, Text(zh="合并两条规则", en="make one rule of both"))
            continue
        stronger = _stronger(ruleset, rule, spelt, reasoner)
        if stronger is not None:
            text = Text(
                zh=f"规则 {rule.id} 命中时 {stronger.id} 也命中并已裁定 {stronger.verdict}",
                en=f"whenever rule {rule.id} fires, {stronger.id} fires as well and asks for {stronger.verdict}",
            )
            yield Finding("shadowed", "warning", rule_path(index), text)


def _stronger(ruleset: Ruleset, rule: Rule, spelt: Mapping[str, str], reasoner: Reasoner) -> Rule | None:
    """A rule that hits wherever this one does and whose verdict leaves nothing for this one to change."""
    if len(ruleset.rules) > PAIRS_RULES_MAX or rule.verdict == "allow":
        return None
    for other in ruleset.rules:
        if other is rule or other.verdict in (None, "allow") or _timed(other):
            continue
        enough = other.verdict == "reject" or (rule.verdict is not None and severity(str(other.verdict)) >= severity(rule.verdict))
        if enough and spelt[other.id] != spelt[rule.id] and reasoner.implies(rule.when, other.when):
            return other
    return None


@check("contradicting_verdicts")
def contradicting(ruleset: Ruleset) -> Iterator[Finding]:
    """An `allow` that another verdict always overrules, or that always stands beside one."""
    if len(ruleset.rules) > PAIRS_RULES_MAX:
        return
    reasoner = Reasoner(ruleset)
    indexed = [(index, rule) for index, rule in enumerate(ruleset.rules) if rule.verdict is not None]
    for (_, one), (index, other) in combinations(indexed, 2):
        if _contradict(one, other) and _overlap(one, other) and (reasoner.implies(one.when, other.when) or reasoner.implies(other.when, one.when)):
            text = Text(
                zh=f"规则 {one.id}({one.verdict})与 {other.id}({other.verdict})同时成立,裁定相反",
                en=f"rules {one.id} ({one.verdict}) and {other.id} ({other.verdict}) hold together and say the opposite",
            )
            yield Finding("contradicting_verdicts", "warning", rule_path(index), text, Text(zh="较严的裁定生效", en="the severer verdict wins"))


def _contradict(one: Rule, other: Rule) -> bool:
    verdicts = {one.verdict, other.verdict}
    return "allow" in verdicts and len(verdicts - {None}) == 2


def _timed(rule: Rule) -> bool:
    return rule.effective_from is not None or rule.effective_to is not None


def _overlap(one: Rule, other: Rule) -> bool:
    """Whether there is a time at which both are in effect."""
    starts = [at for at in (one.effective_from, other.effective_from) if at is not None]
    ends = [at for at in (one.effective_to, other.effective_to) if at is not None]
    return not starts or not ends or max(starts) < min(ends)
