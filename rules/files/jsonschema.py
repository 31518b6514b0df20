"""The JSON Schema of rule files, for editors: what may be written where. `rules check` says more, since it also reads the expressions."""

from __future__ import annotations

from typing import Any

from rules.evaluate import RESULTS
from rules.files.fields import KIND_WORDS
from rules.files.schema import RULES_MAX, SCORE_MAX
from rules.model import OUTCOMES, UNAVAILABLE_OUTCOMES
from rules.windows.declare import CAP_MAX, FORMS, TYPES_MAX

_ID = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"}
_NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}
_EVENT_TYPE = {"type": "string", "pattern": r"^(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"}
_SPAN = {"type": "string", "pattern": "^[1-9][0-9]{0,6}[smhd]$", "description": "30s, 15m, 24h, 7d"}
_MOMENT = {"type": "string", "description": "2026-11-11 or 2026-11-11T20:00; an end given as a date includes that day"}
_LITERAL = {"type": ["string", "number", "boolean"], "description": "3, true, ¥49.50, 10m, 20:00 or text"}
_EXPRESSION = {"type": "string", "minLength": 1, "maxLength": 4000}
_EVENT_TYPES = {"type": "array", "minItems": 1, "maxItems": TYPES_MAX, "items": _EVENT_TYPE}
_OUTCOME = {"enum": list(OUTCOMES)}
# What stands behind a form's own key, where that is not a field.
_FIRST_KEYS: dict[str, dict[str, Any]] = {
    **{key: {"const": "events"} for key in ("count", "time_since", "gap_mean", "gap_cv")},
    "since": {"const": "session_start"},
    "seen_before": {"anyOf": [_EVENT_TYPE, _EVENT_TYPES]},
    "listed": _ID,
}


def rules_json_schema() -> dict[str, Any]:
    """Draft 2020-12; a policy, or a pack that policies include."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sheepdog rules",
        "type": "object",
        "anyOf": [{"required": ["policy", "scene", "bands", "when_unavailable"]}, {"required": ["pack"]}],
        "additionalProperties": False,
        "properties": {**_shared(), **_of_a_policy()},
    }


def _shared() -> dict[str, Any]:
    """What a policy and a pack may hold alike."""
    return {
        "note": _text(500),
        "include": {"type": "array", "maxItems": 16, "items": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml$"}},
        "fields": _named({"enum": list(KIND_WORDS)}, "fields of the shop's own, with their kinds"),
        "parameters": _named(_LITERAL, "values that expressions name"),
        "lists": _named(_block({"of": {"enum": list(KIND_WORDS)}, "items": {"type": "array", "maxItems": 10_000, "items": _LITERAL}}, ["items"])),
        "features": _named({"oneOf": _features()}, "what is counted over which window"),
        "rules": {"type": "array", "maxItems": RULES_MAX, "items": _rule()},
    }


def _of_a_policy() -> dict[str, Any]:
    cutoffs = {outcome: {"type": "integer", "minimum": 1} for outcome in OUTCOMES[1:]}
    banded = _block({"needs": {"type": "array", "maxItems": 20, "items": _NAME}, **cutoffs})
    return {
        "policy": {**_ID, "description": "the policy's id, for good"},
        "pack": {**_ID, "description": "the id of a file that policies include"},
        "scene": {**_EVENT_TYPE, "description": "the type of event that is judged, such as coupon.claim"},
        "zone": {"type": "string", "default": "Asia/Shanghai"},
        "bands": {"anyOf": [_block(cutoffs), {"type": "array", "minItems": 1, "maxItems": 50, "items": banded}]},
        "when_unavailable": {"enum": list(UNAVAILABLE_OUTCOMES)},
        "tests": {"type": "array", "maxItems": 1_000, "items": _case()},
    }


def _features() -> list[dict[str, Any]]:
    """One shape for each form that the loader knows, with the same keys."""
    return [
        _block({name: _part(name, form) for name in shape.fields}, [name for name, field in shape.fields.items() if field.required])
        for form, shape in FORMS.items()
    ]


def _part(name: str, form: str) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "by": _NAME if form == "listed" else {"anyOf": [_NAME, {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": True, "items": _NAME}]},
        "window": _SPAN,
        "on": _EVENT_TYPES,
        "where": _EXPRESSION,
        "cap": {"type": "integer", "minimum": 1, "maximum": CAP_MAX},
        "per": _NAME,
        "any_window": _SPAN,
        "mode": {"enum": ["exact", "bucketed"]},
        "bucket": _SPAN,
        "rank": {"type": ["number", "string"], "exclusiveMinimum": 0, "maximum": 100},
    }
    if name == form:
        return _FIRST_KEYS.get(form, _NAME)
    return parts[name]


def _rule() -> dict[str, Any]:
    reason = _block({"code": _NAME, "zh": _text(200), "en": _text(200)}, ["code", "zh", "en"])
    rule = _block(
        {
            "id": _ID,
            "when": _EXPRESSION,
            "score": {"type": "integer", "minimum": 0, "maximum": SCORE_MAX},
            "verdict": _OUTCOME,
            "lifts_to": {"enum": list(OUTCOMES[1:])},
            "reason": reason,
            "tags": {"type": "array", "maxItems": 20, "items": _ID},
            "owner": _text(100),
            "effective": _block({"from": _MOMENT, "to": _MOMENT}),
            "note": _text(500),
        },
        ["id", "when", "reason"],
    )
    return {**rule, "oneOf": [{"required": ["score"]}, {"required": ["verdict"]}]}


def _case() -> dict[str, Any]:
    event = {"type": "object", "required": ["at"], "properties": {"at": {"type": "string", "pattern": "^[+-][0-9]{1,9}(ms|s|m|h|d)$"}}}
    expect = _block(
        {
            "features": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
            "rules": {"type": "object", "additionalProperties": {"enum": list(RESULTS)}},
            "hits": {"type": "array", "items": _ID},
            "score": {"type": "integer"},
            "decision": _OUTCOME,
        }
    )
    return _block(
        {
            "name": _text(200),
            "start": _MOMENT,
            "given": {"type": "object", "additionalProperties": _LITERAL},
            "listed": {"type": "object", "propertyNames": _ID, "additionalProperties": {"type": "array", "maxItems": 100, "items": {"type": "string"}}},
            "events": {"type": "array", "minItems": 1, "maxItems": 500, "items": event},
            "expect": {**expect, "minProperties": 1},
        },
        ["name", "events", "expect"],
    )


def _text(most: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def _named(values: dict[str, Any], description: str = "") -> dict[str, Any]:
    found = {"type": "object", "propertyNames": _NAME, "additionalProperties": values}
    return {**found, "description": description} if description else found


def _block(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **({"required": required} if required else {})}
