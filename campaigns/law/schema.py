"""The files of a pack, as marshmallow reads them; what names what is looked at where all files are known."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma

from campaigns.files.particulars import DayField
from campaigns.law.facts import SCOPES
from campaigns.law.pack import SEVERITIES
from core.fields import IdField, TextField, ZoneField, invalid
from core.yamlfile.checks import matches, one_of, sized

CHECKS = ("when", "present", "words", "licence", "frozen", "file")
DIRECTIONS = ("same", "limit", "up", "down", "later", "earlier")
RULES_MAX, WORDS_MAX, NAMES_MAX = 500, 5000, 200
_NAME = matches(r"[a-z][a-z0-9_]{1,62}", "小写字母、数字和下划线", "lower-case letters, digits and underscores")


class PatternField(ma.fields.Field[re.Pattern[str]]):
    """A regular expression."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> re.Pattern[str]:
        try:
            if isinstance(value, str):
                return re.compile(value)
        except re.error as error:
            raise invalid("bad_pattern", f"正则表达式有误:{error}", f"this is no regular expression: {error}") from error
        raise invalid("not_text", "应为文本", "text is expected")


class ScalarField(ma.fields.Field[Any]):
    """A number, an amount such as ¥50000, a length of time such as 24h, a text, or true and false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if not isinstance(value, str | int | bool):
            raise invalid(
                "not_a_value", "应为数字、金额、时长或文本", "a number, an amount, a length of time or a text is expected", "如 ¥50000", "such as ¥50000"
            )
        return value


class PartField(ma.fields.Field[tuple[str, ...]]):
    """A part of the file, or a list of parts of which one is enough."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[str, ...]:
        found = ma.fields.List(ma.fields.String(), validate=sized(1, 10)).deserialize([value] if isinstance(value, str) else value)
        return tuple(part for part in found if part is not None)


class LicenceBlock(ma.Schema):
    categories = ma.fields.List(ma.fields.String(validate=sized(1, 64)), required=True, validate=sized(1, NAMES_MAX))
    form = PatternField(required=True)
    example = ma.fields.String(required=True, validate=sized(1, 64))


class EntryBlock(ma.Schema):
    """Forbidden words, and in which contexts they are none (regular expressions over letters and digits alone)."""

    words = ma.fields.List(ma.fields.String(validate=sized(1, 40)), required=True, validate=sized(1, WORDS_MAX))
    unless = ma.fields.List(PatternField(), load_default=list, validate=sized(0, WORDS_MAX))


class RuleBlock(ma.Schema):
    """One rule."""

    code = ma.fields.String(required=True, validate=_NAME)
    severity = ma.fields.String(required=True, validate=one_of(SEVERITIES))
    article = TextField(required=True, most=300)
    source = ma.fields.String(required=True, validate=sized(1, 300))
    effective_from = DayField(load_default=None)
    effective_until = DayField(load_default=None)
    check = ma.fields.String(required=True, validate=one_of(CHECKS))
    each = ma.fields.String(load_default="campaign", validate=one_of(SCOPES))
    when = ma.fields.String(load_default=None, allow_none=False)
    message = TextField(required=True, most=500)
    fix = TextField(required=True, most=500)
    approval = ma.fields.String(load_default=None, allow_none=False)
    parts = ma.fields.List(PartField(), load_default=list, validate=sized(0, 50))
    words = ma.fields.String(load_default=None, allow_none=False)
    licence = ma.fields.String(load_default=None, allow_none=False)
    frozen = ma.fields.Dict(keys=ma.fields.String(validate=sized(1, 100)), values=ma.fields.String(validate=one_of(DIRECTIONS)), load_default=dict)
    codes = ma.fields.List(ma.fields.String(validate=_NAME), load_default=list, validate=sized(0, 50))


class PackFile(ma.Schema):
    """One of the files of a pack; each names the pack, one of them says its title."""

    law = IdField(required=True)
    title = TextField(load_default=None, allow_none=False)
    zone = ZoneField(load_default=None, allow_none=False)
    parameters = ma.fields.Dict(keys=ma.fields.String(validate=_NAME), values=ScalarField(), load_default=dict, validate=sized(0, NAMES_MAX))
    licences = ma.fields.Dict(keys=ma.fields.String(validate=_NAME), values=ma.fields.Nested(LicenceBlock), load_default=dict, validate=sized(0, NAMES_MAX))
    words = ma.fields.Dict(
        keys=ma.fields.String(validate=_NAME),
        values=ma.fields.List(ma.fields.Nested(EntryBlock), validate=sized(1, NAMES_MAX)),
        load_default=dict,
        validate=sized(0, NAMES_MAX),
    )
    rules = ma.fields.List(ma.fields.Nested(RuleBlock), load_default=list, validate=sized(0, RULES_MAX))
