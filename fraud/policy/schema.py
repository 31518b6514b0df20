"""The strict form of a policy file: what may stand where. What must agree across places is checked in `agreement`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from core.event import PERSONAL_FIELDS
from fraud.policy.evaluate import OPERATORS
from fraud.policy.model import OUTCOMES, UNAVAILABLE_OUTCOMES

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_ID = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WINDOW_SECONDS_MAX = 30 * 86_400
CAP_MAX = 1_000
SCORE_MAX = 1_000
DEPTH_MAX = 8

identifier = validate.And(validate.Length(max=64), validate.Regexp(_ID, error="lower-case letters, digits and -, at most 64"))
event_type = validate.And(validate.Length(max=64), validate.Regexp(_TYPE, error="lower-case words joined by dots, such as coupon.claim"))


def seconds_of(duration: str) -> int:
    """Seconds of `10m`, `24h`, `30s` or `7d`. Raises `ValueError`."""
    match = _DURATION.match(duration)
    if match is None:
        raise ValueError("a duration is a number and s, m, h or d, such as 10m or 24h")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > WINDOW_SECONDS_MAX:
        raise ValueError("a window is at most 30d")
    return seconds


class Duration(fields.String):
    """A string such as `10m`; loads as it is, since the document's own words are what is hashed."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        try:
            seconds_of(text)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error
        return text


class _Windowed(ma.Schema):
    by = fields.String(required=True, validate=validate.OneOf(PERSONAL_FIELDS))
    window = Duration(required=True)
    cap = fields.Integer(strict=True, load_default=100, validate=validate.Range(1, CAP_MAX))
    on = fields.List(fields.String(validate=event_type), validate=validate.Length(1, 32))


class Distinct(_Windowed):
    distinct = fields.String(required=True, validate=validate.OneOf(PERSONAL_FIELDS))


class Count(_Windowed):
    count = fields.String(required=True, validate=validate.OneOf(["events"]))


class Since(ma.Schema):
    since = fields.String(required=True, validate=validate.OneOf(["session_start"]))


class PhoneIn(ma.Schema):
    phone_in = fields.String(required=True, validate=validate.Regexp(NAME))


FEATURES: Mapping[str, ma.Schema] = {"distinct": Distinct(), "count": Count(), "since": Since(), "phone_in": PhoneIn()}


class FeatureField(fields.Field[dict[str, Any]]):
    """One feature; the key that is present says which kind."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        kinds = [kind for kind in FEATURES if isinstance(value, Mapping) and kind in value]
        if len(kinds) != 1:
            raise ma.ValidationError(f"a feature has exactly one of: {', '.join(FEATURES)}")
        return dict(FEATURES[kinds[0]].load(value))


class WhenField(fields.Field[dict[str, Any]]):
    """A condition: `{feature: {operator: threshold}}`, `{all: [...]}` or `{any: [...]}`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        errors = _condition_errors(value, 0)
        if errors:
            raise ma.ValidationError(errors)
        return dict(value)


class ReasonSchema(ma.Schema):
    code = fields.String(required=True, validate=validate.Regexp(NAME))
    zh = fields.String(required=True, validate=validate.Length(1, 200))
    en = fields.String(required=True, validate=validate.Length(1, 200))


class RuleSchema(ma.Schema):
    id = fields.String(required=True, validate=identifier)
    when = WhenField(required=True)
    score = fields.Integer(required=True, strict=True, validate=validate.Range(0, SCORE_MAX))
    lifts_to = fields.String(load_default="reject", validate=validate.OneOf(OUTCOMES[1:]))
    reason = fields.Nested(ReasonSchema, required=True)


class BandsSchema(ma.Schema):
    challenge = fields.Integer(strict=True, validate=validate.Range(1, 1_000_000))
    review = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))
    reject = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))


class PolicySchema(ma.Schema):
    policy = fields.String(required=True, validate=identifier)
    scene = fields.String(required=True, validate=event_type)
    note = fields.String(validate=validate.Length(max=500))
    parameters = fields.Dict(
        keys=fields.String(validate=validate.Regexp(NAME)),
        values=fields.List(fields.String(validate=validate.Regexp(r"[0-9]{3,7}\Z")), validate=validate.Length(1, 200)),
        load_default=dict,
    )
    features = fields.Dict(
        keys=fields.String(validate=validate.Regexp(NAME)), values=FeatureField(), required=True, validate=validate.Length(1, 100)
    )
    rules = fields.List(fields.Nested(RuleSchema), required=True, validate=validate.Length(1, 1000))
    bands = fields.Nested(BandsSchema, required=True)
    when_unavailable = fields.String(required=True, validate=validate.OneOf(list(UNAVAILABLE_OUTCOMES)))


def _condition_errors(value: Any, depth: int) -> Any:
    """What is wrong with a condition, by place; empty when nothing is."""
    if depth > DEPTH_MAX:
        return [f"conditions nest at most {DEPTH_MAX} deep"]
    if not isinstance(value, Mapping) or len(value) != 1:
        return ["a condition has one key: a feature's name, all or any"]
    name, inner = next(iter(value.items()))
    if name in ("all", "any"):
        return {name: errors} if (errors := _part_errors(inner, depth)) else {}
    return {name: errors} if (errors := _comparison_errors(inner)) else {}


def _part_errors(parts: Any, depth: int) -> Any:
    if not isinstance(parts, list) or not parts:
        return ["a list of at least one condition"]
    return {index: errors for index, part in enumerate(parts) if (errors := _condition_errors(part, depth + 1))}


def _comparison_errors(comparison: Any) -> Any:
    if not isinstance(comparison, Mapping) or len(comparison) != 1:
        return [f"one operator and its threshold, such as {{at_least: 3}}; operators: {', '.join(OPERATORS)}"]
    operator, threshold = next(iter(comparison.items()))
    if operator not in OPERATORS:
        return {operator: [f"no such operator; one of: {', '.join(OPERATORS)}"]}
    is_number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not (is_number or (operator == "is" and isinstance(threshold, bool))):
        return {operator: ["a number" + (", true or false" if operator == "is" else "")]}
    return {}
