"""限时秒杀: the block `seckill:` of a campaign file, and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed
from campaigns.mechanics.seckill.sessions import Plan, Slot, overlap
from campaigns.mechanics.skus import SKUS_MAX, Sku, SkuBlock, parse_skus, sku_faults, sku_json_schema, skus_document, skus_from
from core.clock import to_micros
from core.fields import CountField, DurationField, YuanField, invalid
from core.text import Text
from core.yamlfile.problems import Fault

SLOTS_MAX = 48
PARTS_MAX = 64
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SECOND = timedelta(seconds=1)
# Gates that stand for longer than a day before the bell would only cost memory.
PREWARM_MAX = timedelta(days=1)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


class ClockField(ma.fields.Field[time]):
    """A local time of day: "20:00"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> time:
        match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if value == "24:00":
            raise invalid("not_a_clock", "时刻到 23:59 为止", "a day's last minute is 23:59", '零点写成 "00:00"', 'midnight is "00:00"')
        if match is None:
            fix = ('写成带引号的 "20:00"', 'write it in quotes, such as "20:00"')
            raise invalid("not_a_clock", f"{str(value)[:40]!r} 不是时刻", f"{str(value)[:40]!r} is no time of day", *fix)
        return time(int(match[1]), int(match[2]))


class SlotBlock(ma.Schema):
    """One daily slot, on some weekdays or on all; an `until` at or before `from` lies on the next day."""

    begin = ClockField(required=True, data_key="from")
    until = ClockField(required=True)
    days = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(WEEKDAYS)), load_default=list(WEEKDAYS), validate=ma.validate.Length(1, 7))


class SeckillSkuBlock(SkuBlock):
    price = YuanField(required=True)
    stock = CountField(required=True)
    per_order = CountField(load_default=1, most=1000)


class SeckillBlock(ma.Schema):
    """The block `seckill:` of a campaign file."""

    daily = ma.fields.List(ma.fields.Nested(SlotBlock), load_default=list, validate=ma.validate.Length(max=SLOTS_MAX))
    skus = ma.fields.List(ma.fields.Nested(SeckillSkuBlock), required=True, validate=ma.validate.Length(1, SKUS_MAX))
    pay_within = DurationField(load_default=timedelta(minutes=10))
    per_user_session = CountField(load_default=None, most=1000)
    warn_at_percent = ma.fields.List(CountField(least=0, most=99), load_default=lambda: [20, 5, 0], validate=ma.validate.Length(max=10))
    prewarm = DurationField(load_default=timedelta(minutes=5))
    gate_parts = CountField(load_default=1, most=PARTS_MAX)


@dataclass(frozen=True, slots=True)
class SeckillTerms:
    """Stock is per session. `warn_at` are percentages of a session's stock that are left when its warning is given; `gate_parts` is in how many
    parts a stock stands in Redis."""

    slots: tuple[Slot, ...]
    skus: tuple[Sku, ...]
    per_order: Mapping[str, int]
    pay_within: timedelta
    per_user_session: int | None
    warn_at: tuple[int, ...]
    prewarm: timedelta
    gate_parts: int


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = sku_faults(block, common, "seckill", "price") + _slot_faults(block, common) + _budget_faults(block, common) + _part_faults(block, common)
    if block.get("prewarm") is not None and block["prewarm"] > PREWARM_MAX:
        text = Text(zh="预热最早为开场前一天", en="a gate is built at most a day before the bell")
        found.append((("seckill", "prewarm"), Fault("prewarm_too_long", text)))
    if (common.get("limits") or {}).get("total") is not None:
        text = Text(zh="秒杀按商品和场次限量:请改写 skus 中的 stock", en="a seckill counts each article in each session: write stock in skus instead")
        found.append((("limits", "total"), Fault("total_not_used", text)))
    return found


def _slot_faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    """Slots that overlap, and slots none of which the campaign has a session of; asked only where every slot could be read."""
    rows = block.get("daily") or ()
    if not rows or not all(one.keys() >= {"begin", "until", "days"} for one in rows):
        return []
    slots = tuple(_slot(one) for one in rows)
    doubled = overlap(slots)
    if doubled is not None:
        return [(("seckill", "daily", doubled), Fault("slots_overlap", Text(zh="场次时间重叠", en="this slot overlaps an earlier one")))]
    zone, starts, ends = (common.get(name) for name in ("zone", "starts", "ends"))
    if zone is None or starts is None or ends is None:
        return []
    plan = Plan(slots, zone, starts.begins(zone), ends.ends(zone))
    # Ends before starts are told elsewhere, and have no sessions either.
    empty = to_micros(plan.starts) < to_micros(plan.ends) and next(plan.between(plan.starts, plan.ends), None) is None
    text = Text(zh="活动期间没有任何场次", en="there is no session while the campaign lasts")
    return [(("seckill", "daily"), Fault("no_session", text))] if empty else []


def _budget_faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    rows = [row for row in block.get("skus") or () if row.get("list") is not None and row.get("price") is not None]
    faces = [row["list"].fen - row["price"].fen for row in rows]
    budget = (common.get("budget") or {}).get("total")
    if budget is None or not faces or budget.fen >= min(faces):
        return []
    return [(("budget", "total"), Fault("budget_too_small", Text(zh="预算不足以卖出一件", en="the budget does not pay for a single piece")))]


def _part_faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    """A stock in parts: each part must be able to serve the largest order, and a budget of money cannot be cut without leaving crumbs."""
    parts = block.get("gate_parts") or 1
    if parts == 1:
        return []
    found: list[Placed] = []
    for number, row in enumerate(block.get("skus") or ()):
        needed = parts * row.get("per_order", 1)
        if row.get("stock") is not None and row["stock"] < needed:
            words = Text(zh=f"分成 {parts} 份时,库存至少为 {needed}", en=f"in {parts} parts the stock is at least {needed}")
            found.append((("seckill", "skus", number, "stock"), Fault("stock_too_small_for_parts", words)))
    if common.get("budget") is not None:
        words = Text(zh="分份的库存不能与 budget 同时使用", en="a stock in parts and a budget cannot stand together")
        found.append((("seckill", "gate_parts"), Fault("parts_with_budget", words)))
    return found


def _slot(block: Mapping[str, Any]) -> Slot:
    return Slot(block["begin"], block["until"], frozenset(WEEKDAYS.index(day) + 1 for day in block["days"]))


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> SeckillTerms:
    return SeckillTerms(
        slots=tuple(_slot(one) for one in block["daily"]),
        skus=parse_skus(block["skus"], "price"),
        per_order={row["sku"]: row["per_order"] for row in block["skus"]},
        pay_within=block["pay_within"],
        per_user_session=block["per_user_session"],
        warn_at=tuple(sorted(set(block["warn_at_percent"]), reverse=True)),
        prewarm=block["prewarm"],
        gate_parts=block["gate_parts"],
    )


def _document(terms: SeckillTerms) -> dict[str, Any]:
    return {
        "daily": [{"from": f"{slot.begin:%H:%M}", "until": f"{slot.until:%H:%M}", "days": sorted(slot.days)} for slot in terms.slots],
        "skus": skus_document(terms.skus),
        "per_order": dict(terms.per_order),
        "pay_within_seconds": terms.pay_within // _SECOND,
        "per_user_session": terms.per_user_session,
        "warn_at": list(terms.warn_at),
        "prewarm_seconds": terms.prewarm // _SECOND,
        "gate_parts": terms.gate_parts,
    }


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> SeckillTerms:
    slots = tuple(Slot(time.fromisoformat(one["from"]), time.fromisoformat(one["until"]), frozenset(one["days"])) for one in document["daily"])
    return SeckillTerms(
        slots=slots,
        skus=skus_from(document["skus"]),
        per_order=document["per_order"],
        pay_within=timedelta(seconds=document["pay_within_seconds"]),
        per_user_session=document["per_user_session"],
        warn_at=tuple(document["warn_at"]),
        prewarm=timedelta(seconds=document["prewarm_seconds"]),
        # Versions from before stocks could stand in parts.
        gate_parts=document.get("gate_parts", 1),
    )


def _json_schema() -> dict[str, Any]:
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$", "description": "30s, 15m, 24h, 7d"}
    clock = {"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$", "description": '"20:00", in the campaign\'s zone'}
    days = {"type": "array", "minItems": 1, "items": {"enum": list(WEEKDAYS)}}
    slot = {"type": "object", "additionalProperties": False, "required": ["from", "until"], "properties": {"from": clock, "until": clock, "days": days}}
    skus = sku_json_schema("price", {"per_order": {"type": "integer", "minimum": 1, "maximum": 1000}})
    skus["items"]["required"].append("stock")
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["skus"],
        "properties": {
            "daily": {"type": "array", "maxItems": SLOTS_MAX, "items": slot},
            "skus": skus,
            "pay_within": span,
            "per_user_session": {"type": "integer", "minimum": 1, "maximum": 1000},
            "warn_at_percent": {"type": "array", "maxItems": 10, "items": {"type": "integer", "minimum": 0, "maximum": 99}},
            "prewarm": span,
            "gate_parts": {"type": "integer", "minimum": 1, "maximum": PARTS_MAX},
        },
    }


FORM = FileForm(SeckillBlock, _faults, _parse, _document, _from_document, _json_schema)
