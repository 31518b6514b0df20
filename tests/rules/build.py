"""Small rulesets for tests, made from a document as a stored version is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.files.load import ruleset_from_document
from rules.model import Ruleset

BANDS = [{"needs": [], "review": 40, "reject": 80}]


def rule(rule_id: str, when: str, score: int | None = None, **more: Any) -> dict[str, Any]:
    """A rule of a document; without a verdict it scores."""
    worth = {} if "verdict" in more else {"score": 10 if score is None else score}
    return {"id": rule_id, "when": when, **worth, "reason": {"code": rule_id.replace("-", "_"), "zh": "词", "en": "words"}, **more}


def document(*rules: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A whole document; n and m are numbers, t a text, b true or false, fee money."""
    fields = {"n": "number", "m": "number", "t": "text", "b": "boolean", "fee": "money"}
    plain = {"form": 1, "policy": "p", "scene": "coupon.claim", "fields": fields, "bands": BANDS, "when_unavailable": "hold"}
    return {**plain, "rules": list(rules), **more}


def ruleset(*rules: Mapping[str, Any], **more: Any) -> Ruleset:
    return ruleset_from_document(document(*rules, **more))
