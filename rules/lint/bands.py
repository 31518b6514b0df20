"""Cut-offs that no event can reach."""

from __future__ import annotations

from collections.abc import Iterator

from core.text import Text
from rules.lint.findings import Finding, check
from rules.model import Ruleset, severity


@check("unreachable_band")
def unreachable(ruleset: Ruleset) -> Iterator[Finding]:
    """Cut-offs above the sum of all scores that may lift so far, and entries that another one with the same needs always beats."""
    for index, bands in enumerate(ruleset.bands):
        for outcome, least in bands.cutoffs.items():
            reachable = sum(rule.score for rule in ruleset.rules if severity(rule.lifts_to) >= severity(outcome))
            if least > reachable:
                text = Text(
                    zh=f"{outcome} 需 {least} 分,所有规则合计只有 {reachable} 分", en=f"{outcome} needs {least}, and all rules together give {reachable}"
                )
                yield Finding("unreachable_band", "warning", ("bands", index, outcome), text)
        for other in ruleset.bands[:index]:
            if other.needs == bands.needs and all(other.cutoffs.get(outcome, least + 1) <= least for outcome, least in bands.cutoffs.items()):
                text = Text(zh="前面已有同样输入且不更宽的分数线", en="an entry before it has the same needs and cut-offs that are no higher")
                yield Finding("unreachable_band", "warning", ("bands", index), text)
                break
