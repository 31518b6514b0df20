"""From a checked document to a policy. The version is the hash of the normalised document, in which the order of rules is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.canon import digest_of
from core.text import Text
from fraud.policy.model import Compare, Condition, Every, Feature, PhoneStarts, Policy, Rule, SinceSessionStart, Some, Window
from fraud.policy.schema import seconds_of


def build_policy(document: Mapping[str, Any]) -> Policy:
    """Build from what `PolicySchema` loaded."""
    scene = document["scene"]
    return Policy(
        id=document["policy"],
        scene=scene,
        features={name: _feature(feature, scene, document["parameters"]) for name, feature in document["features"].items()},
        rules=tuple(_rule(rule) for rule in document["rules"]),
        bands=dict(document["bands"]),
        when_unavailable=document["when_unavailable"],
        version=digest_of({**document, "rules": {rule["id"]: rule for rule in document["rules"]}}),
    )


def _feature(feature: Mapping[str, Any], scene: str, parameters: Mapping[str, Any]) -> Feature:
    if "since" in feature:
        return SinceSessionStart()
    if "phone_in" in feature:
        return PhoneStarts(frozenset(parameters[feature["phone_in"]]))
    on = tuple(sorted(set(feature.get("on", [scene]))))
    return Window(feature.get("distinct"), feature["by"], seconds_of(feature["window"]), feature["cap"], on)


def _rule(rule: Mapping[str, Any]) -> Rule:
    reason = rule["reason"]
    text = Text(zh=reason["zh"], en=reason["en"])
    return Rule(rule["id"], _condition(rule["when"]), rule["score"], reason["code"], text, rule["lifts_to"])


def _condition(when: Mapping[str, Any]) -> Condition:
    name, inner = next(iter(when.items()))
    if name in ("all", "any"):
        parts = tuple(_condition(part) for part in inner)
        return Every(parts) if name == "all" else Some(parts)
    operator, threshold = next(iter(inner.items()))
    return Compare(name, operator, threshold)
