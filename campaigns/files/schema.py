"""The common part of a campaign file, as marshmallow reads it."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.files.particulars import FIELDS
from campaigns.mechanics import mechanic_named
from campaigns.portions import PERCENTS
from core.fields import CountField, IdField, MomentField, TextField, YuanField, ZoneField, invalid

PER_USER_MAX = 100
_SPAN = re.compile(r"[1-9][0-9]{0,3}[smhd]", re.ASCII)


class LimitsBlock(ma.Schema):
    total = CountField(load_default=None)
    per_user = CountField(load_default=1, most=PER_USER_MAX)
    per_device = CountField(load_default=None, most=PER_USER_MAX)
    per_phone = CountField(load_default=None, most=PER_USER_MAX)
    per_payment_account = CountField(load_default=None, most=PER_USER_MAX)


class BudgetBlock(ma.Schema):
    total = YuanField(required=True)
    per_day = YuanField(load_default=None)
    rewards_per_day = CountField(load_default=None)
    per_user = YuanField(load_default=None)
    per_user_day = YuanField(load_default=None)
    per_device = YuanField(load_default=None)
    per_device_day = YuanField(load_default=None)
    warn_at_percent = ma.fields.List(CountField(most=100), load_default=lambda: list(PERCENTS), validate=ma.validate.Length(max=10))


class RiskBlock(ma.Schema):
    policy = IdField(load_default=None)


class EligibleField(ma.fields.Field[str]):
    """A condition in the rule language; it is read where its place in the file is known."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str):
            raise invalid("not_an_expression", "应为条件表达式", "a condition is expected", *_written_out(value))
        return str(value)


def _written_out(value: Any) -> tuple[str, str]:
    """What to write instead: for a mapping whose keys say what is meant, exactly that as a condition."""
    condition = _condition_of(value) if isinstance(value, dict) else ""
    if condition:
        return f"写成 eligible_when: {condition}", f"write eligible_when: {condition}"
    example = "eligible_when: account_age < 7d and first_order"
    return f"如 {example}", f"such as {example}"


def _condition_of(block: dict[str, Any]) -> str:
    within, first_order = block.get("registered_within"), block.get("first_order")
    if block.keys() - {"registered_within", "first_order"} or (within is not None and not _SPAN.fullmatch(str(within))):
        return ""
    return " and ".join(([] if within is None else [f"account_age < {within}"]) + (["first_order"] if first_order is True else []))


class RewardOnField(ma.fields.Field[str]):
    """`claim`. A reward for sharing is refused: WeChat's rules forbid it (微信外部链接内容管理规范)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if value == "share":
            raise invalid(
                "reward_for_sharing",
                "不得以分享为条件发放奖励(微信外部链接内容管理规范)",
                "no reward for sharing: WeChat's rules for external links forbid it",
                "改为 reward_on: claim",
                "write reward_on: claim",
            )
        if value != "claim":
            raise invalid("unknown_value", "应为 claim", "claim is expected")
        return "claim"


# What is said for customers and for the law stands beside the rest.
_Particulars: type[ma.Schema] = ma.Schema.from_dict(dict(FIELDS), name="Particulars")


class CommonSchema(_Particulars):  # type: ignore[misc,valid-type]
    """What every campaign file has."""

    campaign = IdField(required=True)
    mechanic = ma.fields.String(required=True)
    title = TextField(required=True)
    zone = ZoneField(load_default=ZoneInfo("Asia/Shanghai"))
    starts = MomentField(required=True)
    ends = MomentField(required=True)
    limits = ma.fields.Nested(LimitsBlock, load_default=lambda: LimitsBlock().load({}))
    budget = ma.fields.Nested(BudgetBlock, load_default=None)
    risk = ma.fields.Nested(RiskBlock, load_default=lambda: RiskBlock().load({}))
    # Without the key everybody may claim; a key whose value was forgotten must not mean that.
    eligible_when = EligibleField(load_default=None, allow_none=False)
    reward_on = RewardOnField(load_default="claim")
    note = ma.fields.String(load_default="")


def schema_for(mechanic: str | None) -> ma.Schema:
    """The whole file's schema: the common part and the mechanic's own block."""
    if mechanic is None:
        return CommonSchema()
    block = ma.fields.Nested(mechanic_named(mechanic).form.schema, required=True)
    made: type[ma.Schema] = CommonSchema.from_dict({mechanic: block}, name="CampaignFile")
    return made()
