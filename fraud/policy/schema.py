"""The strict form of a policy file: what may stand where. What must agree across places is checked in `agreement`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields

from core.event import PERSONAL_FIELDS
from core.yamlfile.problems import Fault
from core.yamlfile.checks import between, fault, matches, one_of, sized, unknown_word
from fraud.policy.evaluate import OPERATORS
from fraud.policy.model import OUTCOMES, UNAVAILABLE_OUTCOMES

_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WINDOW_SECONDS_MAX = 30 * 86_400
CAP_MAX = 1_000
SCORE_MAX = 1_000
DEPTH_MAX = 8

identifier = matches(r"[a-z][a-z0-9-]{0,63}", "小写字母、数字和 -", "lower-case letters, digits and -")
name = matches(r"[a-z][a-z0-9_]{0,63}", "小写字母、数字和 _", "lower-case letters, digits and _")
event_type = matches(r"(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", "如 coupon.claim", "such as coupon.claim")
segment = matches(r"[0-9]{3,7}", "3 至 7 位数字(加引号)", "3 to 7 digits, in quotes")


def seconds_of(duration: str) -> int:
    """Seconds of `10m`, `24h`, `30s` or `7d`. Raises `ValueError`."""
    match = _DURATION.fullmatch(duration)
    seconds = int(match[1]) * _SECONDS[match[2]] if match is not None else 0
    if not 0 < seconds <= WINDOW_SECONDS_MAX:
        raise ValueError(duration)
    return seconds


class Duration(fields.String):
    """A string such as `10m`; loads as it is, since the document's own words are what is hashed."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        try:
            seconds_of(text)
        except ValueError as error:
            raise fault("bad_duration", "时长如 30s、10m、24h,最长 30d", "a duration is such as 30s, 10m or 24h, at most 30d") from error
        return text


class _Windowed(ma.Schema):
    by = fields.String(required=True, validate=one_of(PERSONAL_FIELDS))
    window = Duration(required=True)
    cap = fields.Integer(strict=True, load_default=100, validate=between(1, CAP_MAX))
    on = fields.List(fields.String(validate=event_type), validate=sized(1, 32))


class Distinct(_Windowed):
    distinct = fields.String(required=True, validate=one_of(PERSONAL_FIELDS))


class Count(_Windowed):
    count = fields.String(required=True, validate=one_of(["events"]))


class Since(ma.Schema):
    since = fields.String(required=True, validate=one_of(["session_start"]))


class PhoneIn(ma.Schema):
    phone_in = fields.String(required=True, validate=name)


FEATURES: Mapping[str, ma.Schema] = {"distinct": Distinct(), "count": Count(), "since": Since(), "phone_in": PhoneIn()}


class FeatureField(fields.Field[dict[str, Any]]):
    """One feature; the key that is present says which kind."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        kinds = [kind for kind in FEATURES if isinstance(value, Mapping) and kind in value]
        if len(kinds) != 1:
            words = ", ".join(FEATURES)
            raise fault("bad_feature", f"特征须且只须有其中一项:{words}", f"a feature has exactly one of: {words}")
        return dict(FEATURES[kinds[0]].load(value))


class WhenField(fields.Field[dict[str, Any]]):
    """A condition: `{feature: {operator: threshold}}`, `{all: [...]}` or `{any: [...]}`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        errors = _condition_errors(value, 0)
        if errors:
            raise ma.ValidationError(errors)
        return dict(value)


class ReasonSchema(ma.Schema):
    code = fields.String(required=True, validate=name)
    zh = fields.String(required=True, validate=sized(1, 200))
    en = fields.String(required=True, validate=sized(1, 200))


class RuleSchema(ma.Schema):
    id = fields.String(required=True, validate=identifier)
    when = WhenField(required=True)
    score = fields.Integer(required=True, strict=True, validate=between(0, SCORE_MAX))
    lifts_to = fields.String(load_default="reject", validate=one_of(OUTCOMES[1:]))
    reason = fields.Nested(ReasonSchema, required=True)


class BandsSchema(ma.Schema):
    challenge = fields.Integer(strict=True, validate=between(1, 1_000_000))
    review = fields.Integer(required=True, strict=True, validate=between(1, 1_000_000))
    reject = fields.Integer(required=True, strict=True, validate=between(1, 1_000_000))


class PolicySchema(ma.Schema):
    policy = fields.String(required=True, validate=identifier)
    scene = fields.String(required=True, validate=event_type)
    note = fields.String(validate=sized(0, 500))
    parameters = fields.Dict(
        keys=fields.String(validate=name),
        values=fields.List(fields.String(validate=segment), validate=sized(1, 200)),
        load_default=dict,
    )
    features = fields.Dict(keys=fields.String(validate=name), values=FeatureField(), required=True, validate=sized(1, 100))
    rules = fields.List(fields.Nested(RuleSchema), required=True, validate=sized(1, 1000))
    bands = fields.Nested(BandsSchema, required=True)
    when_unavailable = fields.String(required=True, validate=one_of(UNAVAILABLE_OUTCOMES))


def _condition_errors(value: Any, depth: int) -> Any:
    """What is wrong with a condition, by place; empty when nothing is."""
    if depth > DEPTH_MAX:
        return _words("too_deep", f"条件最多嵌套 {DEPTH_MAX} 层", f"conditions nest at most {DEPTH_MAX} deep")
    if not isinstance(value, Mapping) or len(value) != 1:
        return _words("bad_condition", "条件只有一个键:特征名、all 或 any", "a condition has one key: a feature's name, all or any")
    key, inner = next(iter(value.items()))
    errors = _part_errors(inner, depth) if key in ("all", "any") else _comparison_errors(inner)
    return {key: errors} if errors else {}


def _part_errors(parts: Any, depth: int) -> Any:
    if not isinstance(parts, list) or not parts:
        return _words("bad_condition", "应为条件的列表,至少一项", "a list of at least one condition is expected")
    return {index: errors for index, part in enumerate(parts) if (errors := _condition_errors(part, depth + 1))}


def _comparison_errors(comparison: Any) -> Any:
    if not isinstance(comparison, Mapping) or len(comparison) != 1:
        return _words("bad_condition", "应为一个运算符及其阈值,如 {at_least: 3}", "one operator and its threshold, such as {at_least: 3}")
    operator, threshold = next(iter(comparison.items()))
    if operator not in OPERATORS:
        return unknown_word(operator, list(OPERATORS)).messages
    # Bool is an int to Python; which of the two fits the feature is a matter of agreement.
    if not isinstance(threshold, int):
        return {operator: _words("not_integer", "阈值应为整数,或 true/false", "a threshold is a whole number, or true or false")}
    return {}


def _words(code: str, zh: str, en: str) -> list[Fault]:
    messages: list[Any] = list(fault(code, zh, en).messages)
    return messages
