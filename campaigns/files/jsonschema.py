"""The JSON Schema of campaign files, for editors: what may be written where. `campaign check` says more, since it also knows what contradicts."""

from __future__ import annotations

from typing import Any

from campaigns.files.particulars import particulars_json_schema
from campaigns.files.schema import PER_USER_MAX
from campaigns.mechanics import mechanic_named, mechanic_names

_MOMENT = {"type": "string", "description": "2026-11-11 or 2026-11-11T20:00; an end given as a date includes that day"}
_WORDS = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["zh", "en"], "properties": {"zh": {"type": "string"}, "en": {"type": "string"}}}]}
_YUAN = {"type": ["string", "number"], "description": 'yuan, such as "50000.00"'}
_BUDGET = {
    **{name: _YUAN for name in ("total", "per_day", "per_user", "per_user_day", "per_device", "per_device_day")},
    "rewards_per_day": {"type": "integer", "minimum": 1},
    "warn_at_percent": {"type": "array", "maxItems": 10, "items": {"type": "integer", "minimum": 1, "maximum": 100}},
}
_ID = {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"}


def campaign_json_schema() -> dict[str, Any]:
    """Draft 2020-12."""
    few = {"type": "integer", "minimum": 1, "maximum": PER_USER_MAX}
    common: dict[str, Any] = {
        "campaign": {**_ID, "description": "the campaign's id, for good"},
        "mechanic": {"enum": mechanic_names()},
        "title": _WORDS,
        "zone": {"type": "string", "default": "Asia/Shanghai"},
        "starts": _MOMENT,
        "ends": _MOMENT,
        "limits": _block(
            {"total": {"type": "integer", "minimum": 1}, "per_user": {**few, "default": 1}, "per_device": few, "per_phone": few, "per_payment_account": few}
        ),
        "budget": _block(_BUDGET, ["total"]),
        "risk": _block({"policy": _ID}),
        "eligible_when": {"type": "string", "description": "a condition, such as account_age < 7d and first_order"},
        "reward_on": {"const": "claim"},
        "note": {"type": "string"},
        **particulars_json_schema(),
    }
    blocks = {name: mechanic_named(name).form.json_schema() for name in mechanic_names()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sheepdog campaign",
        "type": "object",
        "required": ["campaign", "mechanic", "title", "starts", "ends"],
        "additionalProperties": False,
        "properties": {**common, **blocks},
        "allOf": [{"if": {"properties": {"mechanic": {"const": name}}}, "then": {"required": [name]}} for name in blocks],
    }


def _block(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **({"required": required} if required else {})}
