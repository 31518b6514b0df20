"""新人券 / 首单券: a fixed amount off an order over a threshold, valid for a time after it was taken or between two dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed
from core.clock import to_micros
from core.fields import DurationField, MomentField, YuanField
from core.money import Money
from core.text import Text
from core.yamlfile.problems import Fault

_SECOND = timedelta(seconds=1)


class CouponBlock(ma.Schema):
    """The block `coupon:` of a campaign file."""

    amount = YuanField(required=True)
    threshold = YuanField(load_default=None)
    valid_for = DurationField(load_default=None)
    valid_from = MomentField(load_default=None)
    valid_until = MomentField(load_default=None)
    lock_for = DurationField(load_default=timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """What a coupon gives. Either `valid_for` after taking, or from `valid_from` to `valid_until` (exclusive)."""

    amount: Money
    threshold: Money | None
    valid_for: timedelta | None
    valid_from: datetime | None
    valid_until: datetime | None
    lock_for: timedelta

    def validity(self, now: datetime) -> tuple[datetime, datetime]:
        """From when until when (exclusive) a coupon that is taken now may be used."""
        if self.valid_for is not None:
            return now, now + self.valid_for
        if self.valid_from is None or self.valid_until is None:
            raise ValueError("a coupon has a length or two dates")
        return self.valid_from, self.valid_until


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found: list[Placed] = []

    def complain(wrong: bool, path: tuple[str, ...], code: str, zh: str, en: str) -> None:
        if wrong:
            found.append((path, Fault(code, Text(zh=zh, en=en))))

    amount, threshold = block.get("amount"), block.get("threshold")
    span, first, last = (block.get(name) for name in ("valid_for", "valid_from", "valid_until"))
    under = amount is not None and threshold is not None and threshold <= amount
    complain(under, ("coupon", "threshold"), "threshold_too_low", "门槛须高于券面金额", "the threshold must be above the coupon's amount")
    both = span is not None and (first is not None or last is not None)
    complain(both, ("coupon", "valid_for"), "two_validities", "valid_for 与起止日期只能写一种", "write either valid_for or dates, not both")
    # A key that could not be read is absent here, and is not also missing.
    read = block.keys() >= {"amount", "valid_for", "valid_from", "valid_until"}
    neither = read and span is None and (first is None or last is None)
    complain(neither, ("coupon",), "no_validity", "须写 valid_for,或 valid_from 与 valid_until", "write valid_for, or both valid_from and valid_until")
    budget = (common.get("budget") or {}).get("total")
    poor = amount is not None and budget is not None and budget < amount
    complain(poor, ("budget", "total"), "budget_too_small", "预算不足以发放一份奖励", "the budget does not pay a single reward")
    zone = common.get("zone")
    backwards = zone is not None and first is not None and last is not None and to_micros(first.begins(zone)) >= to_micros(last.ends(zone))
    complain(backwards, ("coupon", "valid_until"), "ends_before_start", "失效时间须晚于生效时间", "valid_until must lie after valid_from")
    ends, starts = common.get("ends"), common.get("starts")
    dead = zone is not None and last is not None and starts is not None and ends is not None and to_micros(last.ends(zone)) <= to_micros(starts.begins(zone))
    complain(dead, ("coupon", "valid_until"), "expired_before_campaign", "券在活动开始前已失效", "the coupon ends before the campaign starts")
    return found


def _parse(block: Mapping[str, Any], zone: ZoneInfo) -> CouponTerms:
    first, last = block.get("valid_from"), block.get("valid_until")
    return CouponTerms(
        block["amount"],
        block.get("threshold"),
        block.get("valid_for"),
        None if first is None else first.begins(zone),
        None if last is None else last.ends(zone),
        block["lock_for"],
    )


def _document(terms: CouponTerms) -> dict[str, Any]:
    return {
        "amount_fen": terms.amount.fen,
        "threshold_fen": None if terms.threshold is None else terms.threshold.fen,
        "valid_for_seconds": None if terms.valid_for is None else terms.valid_for // _SECOND,
        "valid_from": None if terms.valid_from is None else terms.valid_from.isoformat(),
        "valid_until": None if terms.valid_until is None else terms.valid_until.isoformat(),
        "lock_for_seconds": terms.lock_for // _SECOND,
    }


def _from_document(document: Mapping[str, Any], zone: ZoneInfo) -> CouponTerms:
    def moment(name: str) -> datetime | None:
        return None if document[name] is None else datetime.fromisoformat(document[name]).astimezone(zone)

    threshold, span = document["threshold_fen"], document["valid_for_seconds"]
    return CouponTerms(
        Money(document["amount_fen"]),
        None if threshold is None else Money(threshold),
        None if span is None else timedelta(seconds=span),
        moment("valid_from"),
        moment("valid_until"),
        timedelta(seconds=document["lock_for_seconds"]),
    )


def reward_terms(terms: CouponTerms, now: datetime) -> dict[str, Any]:
    valid_from, valid_until = terms.validity(now)
    return {
        "threshold_fen": 0 if terms.threshold is None else terms.threshold.fen,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "lock_for_seconds": terms.lock_for // _SECOND,
    }


def _json_schema() -> dict[str, Any]:
    yuan = {"type": ["string", "number"], "description": 'yuan, such as "20.00"'}
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$", "description": "30s, 15m, 24h, 7d"}
    moment = {"type": "string", "description": "2026-11-11 or 2026-11-11T20:00; an end given as a date includes that day"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["amount"],
        "properties": {"amount": yuan, "threshold": yuan, "valid_for": span, "valid_from": moment, "valid_until": moment, "lock_for": span},
    }


FORM = FileForm(CouponBlock, _faults, _parse, _document, _from_document, _json_schema)
