"""The strict form of a rule file: what may stand where. What must agree across places is found when the ruleset is built.

Everything loads as the writer's own words, JSON-able, since the document is what is hashed, shown and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields

from core.fields import MomentField, ZoneField
from core.yamlfile.checks import between, fault, matches, one_of, sized
from rules.files.fields import KIND_WORDS
from rules.model import OUTCOMES, UNAVAILABLE_OUTCOMES
from rules.windows.declare import FeatureField, list_name

SCORE_MAX = 1_000
RULES_MAX = 1_000

identifier = matches(r"[a-z][a-z0-9-]{0,63}", "小写字母、数字和 -", "lower-case letters, digits and -")
name = matches(r"[a-z][a-z0-9_]{0,63}", "小写字母、数字和 _", "lower-case letters, digits and _")
code_name = matches(r"[a-z][a-z0-9_]{0,63}", "小写字母、数字和 _", "lower-case letters, digits and _")
event_type = matches(r"(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", "如 coupon.claim", "such as coupon.claim")
file_name = matches(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml", "同目录下的文件名,如 device.yaml", "a file beside this one, such as device.yaml")


class LiteralField(fields.Field[Any]):
    """A whole number, true or false, or the text of a literal of the language; a decimal keeps its text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            return str(value)
        raise fault(
            "not_a_value", "应为数字、文本、金额(¥5.00)、时长(10m)或 true/false", "a number, text, money (¥5.00), duration (10m) or true/false is expected"
        )


class ExpressionField(fields.Field[str]):
    """An expression; it is read when the names that it may use are known. `true` and a bare number are YAML's own, so they are no text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise fault("not_an_expression", "应为表达式文本,如 accounts_on_device_24h >= 3", "an expression is expected, such as accounts_on_device_24h >= 3")
        return str(value)


class KeptMoment(MomentField):
    """A moment that stays as it was written, once it is known to be one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        super()._deserialize(value, attr, data, **options)
        return str(value)


class KeptZone(ZoneField):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return super()._deserialize(value, attr, data, **options).key


class ListSchema(ma.Schema):
    of = fields.String(load_default="text", validate=one_of(KIND_WORDS))
    items = fields.List(LiteralField(), required=True, validate=sized(0, 10_000))


class ReasonSchema(ma.Schema):
    code = fields.String(required=True, validate=code_name)
    zh = fields.String(required=True, validate=sized(0, 200))
    en = fields.String(required=True, validate=sized(0, 200))


class EffectiveSchema(ma.Schema):
    from_ = KeptMoment(data_key="from", attribute="from")
    to = KeptMoment()


class RuleSchema(ma.Schema):
    id = fields.String(required=True, validate=identifier)
    when = ExpressionField(required=True)
    score = fields.Integer(strict=True, validate=between(0, SCORE_MAX))
    verdict = fields.String(validate=one_of(OUTCOMES))
    lifts_to = fields.String(validate=one_of(OUTCOMES[1:]))
    reason = fields.Nested(ReasonSchema, required=True)
    tags = fields.List(fields.String(validate=identifier), validate=sized(0, 20))
    owner = fields.String(validate=sized(1, 100))
    effective = fields.Nested(EffectiveSchema)
    note = fields.String(validate=sized(0, 500))

    @ma.validates_schema
    def _score_or_verdict(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("score" in data) == ("verdict" in data):
            raise fault("score_or_verdict", "每条规则写 score 或 verdict 之一", "a rule has either a score or a verdict")
        if "verdict" in data and "lifts_to" in data:
            raise fault("score_or_verdict", "lifts_to 只与 score 同用", "lifts_to goes with a score only")


class BandSchema(ma.Schema):
    needs = fields.List(fields.String(validate=name), validate=sized(0, 20))
    challenge = fields.Integer(strict=True, validate=between(1, 1_000_000))
    review = fields.Integer(strict=True, validate=between(1, 1_000_000))
    reject = fields.Integer(strict=True, validate=between(1, 1_000_000))


class BandsField(fields.Field[Any]):
    """One mapping of cut-offs, or a list of them with the inputs that each needs."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, Mapping):
            return [{"needs": [], **_whole(BandSchema(exclude=("needs",)), value)}]
        if not isinstance(value, list) or not 1 <= len(value) <= 50:
            raise fault(
                "not_bands", "应为分数线,如 {review: 40, reject: 80},或其列表", "cut-offs such as {review: 40, reject: 80}, or a list of them, are expected"
            )
        return [{"needs": [], **one} for one in _whole(BandSchema(many=True), value)]


def _whole(schema: ma.Schema, value: Any) -> Any:
    """All of it or nothing: the half that was good has not the form that builders of rulesets expect."""
    try:
        return schema.load(value)
    except ma.ValidationError as error:
        raise ma.ValidationError(error.messages) from error


class EventSchema(ma.Schema):
    """An event of a test: its offset from the case's start, and any fields."""

    class Meta:
        unknown = ma.INCLUDE

    at = fields.String(required=True)


class ExpectSchema(ma.Schema):
    features = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True))
    rules = fields.Dict(keys=fields.String(), values=fields.String())
    hits = fields.List(fields.String(), validate=sized(0, RULES_MAX))
    score = fields.Integer(strict=True)
    decision = fields.String(validate=one_of(OUTCOMES))


class CaseSchema(ma.Schema):
    name = fields.String(required=True, validate=sized(1, 200))
    start = KeptMoment()
    given = fields.Dict(keys=fields.String(), values=LiteralField())
    listed = fields.Dict(keys=fields.String(validate=list_name), values=fields.List(fields.String(), validate=sized(1, 100)), validate=sized(1, 20))
    events = fields.List(fields.Nested(EventSchema), required=True, validate=sized(1, 500))
    expect = fields.Nested(ExpectSchema, required=True)


class PackSchema(ma.Schema):
    """What an included file may hold."""

    pack = fields.String(required=True, validate=identifier)
    note = fields.String(validate=sized(0, 500))
    include = fields.List(fields.String(validate=file_name), validate=sized(0, 16))
    fields_ = fields.Dict(
        keys=fields.String(validate=name), values=fields.String(validate=one_of(KIND_WORDS)), validate=sized(0, 100), data_key="fields", attribute="fields"
    )
    parameters = fields.Dict(keys=fields.String(validate=name), values=LiteralField(), validate=sized(0, 200))
    lists = fields.Dict(keys=fields.String(validate=name), values=fields.Nested(ListSchema), validate=sized(0, 100))
    features = fields.Dict(keys=fields.String(validate=name), values=FeatureField(), validate=sized(0, 200))
    rules = fields.List(fields.Nested(RuleSchema), validate=sized(0, RULES_MAX))


class PolicySchema(PackSchema):
    """A whole policy."""

    class Meta:
        exclude = ("pack",)

    policy = fields.String(required=True, validate=identifier)
    scene = fields.String(required=True, validate=event_type)
    zone = KeptZone(load_default="Asia/Shanghai")
    bands = BandsField(required=True)
    when_unavailable = fields.String(required=True, validate=one_of(UNAVAILABLE_OUTCOMES))
    tests = fields.List(fields.Nested(CaseSchema), validate=sized(0, 1_000))
