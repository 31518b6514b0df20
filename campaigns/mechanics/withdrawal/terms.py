"""提现: the block `withdrawal:` of a campaign file. Bounds, fee, withholding, and from which amount on a second person must agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed, unused
from campaigns.mechanics.rates import WHOLE, RateField
from campaigns.mechanics.withdrawal.regime import Regime, regime_document, regime_from
from campaigns.mechanics.withdrawal.table import PERIODS, RegimeField, table
from core.fields import CountField, DurationField, YuanField
from core.money import Money
from core.text import Text
from core.yamlfile.problems import Fault

NAME = "withdrawal"
_SECOND = timedelta(seconds=1)


class FeeBlock(ma.Schema):
    percent = RateField(load_default=0)
    least = YuanField(least_fen=0, load_default=Money(0))


class WithdrawalBlock(ma.Schema):
    """The block `withdrawal:` of a campaign file."""

    minimum = YuanField(load_default=Money(100))
    maximum = YuanField(load_default=None)
    per_day = CountField(load_default=None, most=1000)
    fee = ma.fields.Nested(FeeBlock, load_default=None)
    regime = RegimeField(required=True)
    approve_above = YuanField(least_fen=0, required=True)
    real_name_from = YuanField(load_default=None)
    confirm_within = DurationField(load_default=None)


@dataclass(frozen=True, slots=True)
class WithdrawalTerms:
    """Amounts in fen, before tax and fee. Above `approve_above_fen` a second person must agree; from `real_name_from_fen` on the channel asks for the
    real name. A transfer that was not confirmed `confirm_within` its instruction is closed. `fee_rate` is hundredths of a percent."""

    minimum_fen: int
    maximum_fen: int | None
    per_day: int | None
    fee_rate: int
    fee_least_fen: int
    regime: Regime
    approve_above_fen: int
    real_name_from_fen: int
    confirm_within: timedelta

    def fee_fen(self, fen: int) -> int:
        """The fee of a withdrawal, rounded up to a fen."""
        return max(self.fee_least_fen, -(-fen * self.fee_rate // WHOLE))


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = unused(common, Text(zh="提现", en="withdrawal"))

    def complain(name: str, code: str, zh: str, en: str) -> None:
        found.append(((NAME, name), Fault(code, Text(zh=zh, en=en))))

    least, most, fee, name_from, within = (block.get(key) for key in ("minimum", "maximum", "fee", "real_name_from", "confirm_within"))
    if least is not None and most is not None and most < least:
        complain("maximum", "maximum_below_minimum", "maximum 不得小于 minimum", "the maximum is below the minimum")
    if least is not None and fee and fee.get("least") is not None and fee["least"] >= least:
        complain("fee", "fee_takes_all", "最低手续费不小于最低提现额", "the least fee takes all of the least withdrawal")
    channel = table()
    if name_from is not None and name_from.fen > channel.real_name_from_fen:
        allowed = Money(channel.real_name_from_fen).yuan()
        complain("real_name_from", "real_name_too_late", f"渠道自 {allowed} 元起要求实名", f"the channel asks for the real name from {allowed} yuan on")
    hours = channel.confirm_within // timedelta(hours=1)
    if within is not None and within > channel.confirm_within:
        complain("confirm_within", "confirm_too_long", f"渠道在 {hours} 小时后关闭转账", f"the channel closes a transfer after {hours} hours")
    return found


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> WithdrawalTerms:
    fee, channel = block["fee"] or {"percent": 0, "least": Money(0)}, table()
    return WithdrawalTerms(
        minimum_fen=block["minimum"].fen,
        maximum_fen=None if block["maximum"] is None else block["maximum"].fen,
        per_day=block["per_day"],
        fee_rate=fee["percent"],
        fee_least_fen=fee["least"].fen,
        regime=block["regime"],
        approve_above_fen=block["approve_above"].fen,
        real_name_from_fen=channel.real_name_from_fen if block["real_name_from"] is None else block["real_name_from"].fen,
        confirm_within=block["confirm_within"] or channel.confirm_within,
    )


_PLAIN = ("minimum_fen", "maximum_fen", "per_day", "fee_rate", "fee_least_fen", "approve_above_fen", "real_name_from_fen")


def _document(terms: WithdrawalTerms) -> dict[str, Any]:
    plain = {name: getattr(terms, name) for name in _PLAIN}
    return {**plain, "regime": regime_document(terms.regime), "confirm_within_seconds": terms.confirm_within // _SECOND}


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> WithdrawalTerms:
    plain = {name: document[name] for name in _PLAIN}
    return WithdrawalTerms(**plain, regime=regime_from(document["regime"]), confirm_within=timedelta(seconds=document["confirm_within_seconds"]))


def _json_schema() -> dict[str, Any]:
    yuan = {"type": ["string", "number"], "description": 'yuan, such as "10.00"'}
    rate = {"type": ["string", "integer"], "description": 'a percentage, such as "0.6"'}
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$"}
    closed = {"type": "object", "additionalProperties": False}
    words = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["zh", "en"]}]}
    regime = {
        **closed,
        "required": ["title", "source", "per", "brackets"],
        "properties": {
            "title": words,
            "source": {"type": "string"},
            "per": {"enum": list(PERIODS)},
            "free_up_to": yuan,
            "deduct": {"type": "array", "items": {**closed, "properties": {"up_to": yuan, "amount": yuan, "percent": rate}}},
            "each_month": yuan,
            "brackets": {"type": "array", "minItems": 1, "items": {**closed, "properties": {"up_to": yuan, "percent": rate, "quick": yuan}}},
        },
    }
    return {
        **closed,
        "required": ["regime", "approve_above"],
        "properties": {
            "minimum": yuan,
            "maximum": yuan,
            "per_day": {"type": "integer", "minimum": 1, "maximum": 1000},
            "fee": {**closed, "properties": {"percent": rate, "least": yuan}},
            "regime": {"anyOf": [{"enum": list(table().regimes)}, regime]},
            "approve_above": yuan,
            "real_name_from": yuan,
            "confirm_within": span,
        },
    }


FORM = FileForm(WithdrawalBlock, _faults, _parse, _document, _from_document, _json_schema)
