"""What must agree across a policy file: names that are used exist, types fit their operators, thresholds stay under caps, bands rise.

It reads the raw document and passes over whatever the strict form complains about already, so that all errors come at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from core.text import Text
from core.yamlfile.check import did_you_mean
from core.yamlfile.problems import Fault
from fraud.policy.model import OUTCOMES

Path = tuple[str | int, ...]
Finding = tuple[Path, Fault]


def disagreements(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Path and fault of everything that does not agree."""
    features = _mapping(document.get("features"))
    parameters = _mapping(document.get("parameters"))
    for name, feature in features.items():
        wanted = _mapping(feature).get("phone_in")
        if isinstance(wanted, str) and wanted not in parameters:
            text = Text(zh=f"没有参数 {wanted}", en=f"there is no parameter {wanted}")
            yield ("features", name, "phone_in"), Fault("unknown_parameter", text, did_you_mean(wanted, list(parameters)))
    yield from _rule_findings(document.get("rules"), features)
    yield from _band_findings(_mapping(document.get("bands")))


def _rule_findings(rules: Any, features: Mapping[str, Any]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        rule_id = _mapping(rule).get("id")
        if isinstance(rule_id, str):
            if rule_id in seen:
                text = Text(zh=f"规则 {rule_id} 重复", en=f"there are two rules {rule_id}")
                yield ("rules", index, "id"), Fault("duplicate_rule", text)
            seen.add(rule_id)
        yield from _condition_findings(_mapping(rule).get("when"), ("rules", index, "when"), features)


def _condition_findings(condition: Any, path: Path, features: Mapping[str, Any]) -> Iterator[Finding]:
    # Deeper than this the strict form has complained, and a document may not make us recurse for long.
    if len(path) > 24:
        return
    for name, inner in _mapping(condition).items():
        if name in ("all", "any"):
            for index, part in enumerate(inner if isinstance(inner, list) else []):
                yield from _condition_findings(part, (*path, name, index), features)
        elif name not in features:
            text = Text(zh=f"没有特征 {name}", en=f"there is no feature {name}")
            yield (*path, name), Fault("unknown_feature", text, did_you_mean(str(name), list(features)))
        else:
            for operator, threshold in _mapping(inner).items():
                yield from _comparison_findings(_mapping(features[name]), operator, threshold, (*path, name, operator))


def _comparison_findings(feature: Mapping[str, Any], operator: str, threshold: Any, path: Path) -> Iterator[Finding]:
    if not isinstance(threshold, int):
        return
    is_flag = "phone_in" in feature
    if is_flag != isinstance(threshold, bool) or (is_flag and operator != "is"):
        wanted_zh, wanted_en = ("is: true 或 is: false", "is: true or is: false") if is_flag else ("数字", "a number")
        yield path, Fault("wrong_type", Text(zh=f"该特征须与{wanted_zh}比较", en=f"compare this feature with {wanted_en}"))
        return
    cap = feature.get("cap", 100) if "window" in feature else None
    if not isinstance(cap, int):
        return
    least = threshold + 1 if operator == "above" else threshold
    if operator in ("at_least", "above", "is") and least > cap:
        text = Text(zh=f"特征最多数到 {cap},该规则永远不会命中", en=f"the feature counts up to {cap}, so the rule can never fire")
        yield path, Fault("threshold_beyond_cap", text)


def _band_findings(bands: Mapping[str, Any]) -> Iterator[Finding]:
    rising = [(name, bands[name]) for name in OUTCOMES[1:] if isinstance(bands.get(name), int)]
    for (milder, low), (severer, high) in pairwise(rising):
        if high <= low:
            text = Text(zh=f"{severer} 的分数线须高于 {milder}({low})", en=f"{severer} must be above {milder} ({low})")
            yield ("bands", severer), Fault("bands_not_rising", text)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
