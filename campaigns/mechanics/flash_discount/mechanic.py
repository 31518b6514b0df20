"""限时折扣: articles at a price of their own, or a percentage off a scope, all day or within daily hours of the campaign's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Occasion, Placed
from campaigns.mechanics.pricing import (
    PLACED_JSON,
    SCOPE_JSON,
    YUAN_JSON,
    PlacedBlock,
    ScopeBlock,
    empty_scope,
    place_of,
    placed_document,
    price_mechanic,
    scope_of,
)
from campaigns.mechanics.seckill.sessions import Plan, Slot, overlap
from campaigns.mechanics.seckill.terms import SLOTS_MAX, WEEKDAYS, SlotBlock
from campaigns.mechanics.skus import SKUS_MAX, SkuField
from campaigns.model import Campaign
from campaigns.pricing.rules import Flash, Place, Scope
from core.fields import CountField, YuanField
from core.text import Text
from core.yamlfile.problems import Fault

NAME = "flash_discount"
OCCASIONS_MAX = 10_000


class PriceBlock(ma.Schema):
    sku = SkuField(required=True)
    price = YuanField(required=True)


class FlashDiscountBlock(PlacedBlock):
    """The block `flash_discount:` of a campaign file."""

    skus = ma.fields.List(ma.fields.Nested(PriceBlock), load_default=list, validate=ma.validate.Length(max=SKUS_MAX))
    percent = CountField(load_default=None, most=99)
    scope = ma.fields.Nested(ScopeBlock, load_default=None)
    daily = ma.fields.List(ma.fields.Nested(SlotBlock), load_default=list, validate=ma.validate.Length(max=SLOTS_MAX))


@dataclass(frozen=True, slots=True)
class FlashDiscountTerms:
    """Prices by article, or a `percent` off the `scope`; without `slots` all day."""

    place: Place
    prices: Mapping[str, int]
    percent: int | None
    scope: Scope
    slots: tuple[Slot, ...]


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = empty_scope(block, NAME)
    if block.keys() >= {"skus", "percent"} and bool(block["skus"]) == (block["percent"] is not None):
        found.append(((NAME,), Fault("skus_or_percent", Text(zh="skus 与 percent 须写且只写一种", en="write either skus or percent"))))
    if block.get("skus") and block.get("scope") is not None:
        found.append(((NAME, "scope"), Fault("scope_without_percent", Text(zh="scope 须与 percent 一起写", en="a scope goes with a percentage"))))
    codes = [row.get("sku") for row in block.get("skus") or () if isinstance(row, Mapping)]
    for number, code in enumerate(codes):
        if code is not None and code in codes[:number]:
            found.append(((NAME, "skus", number, "sku"), Fault("doubled_sku", Text(zh="商品编码重复", en="this article is there twice"))))
    rows = block.get("daily") or ()
    if rows and all(isinstance(one, Mapping) and one.keys() >= {"begin", "until", "days"} for one in rows):
        doubled = overlap(tuple(map(_slot, rows)))
        if doubled is not None:
            found.append(((NAME, "daily", doubled), Fault("slots_overlap", Text(zh="时段重叠", en="these hours overlap earlier ones"))))
    return found


def _slot(block: Mapping[str, Any]) -> Slot:
    return Slot(block["begin"], block["until"], frozenset(WEEKDAYS.index(day) + 1 for day in block["days"]))


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> FlashDiscountTerms:
    prices = {row["sku"]: row["price"].fen for row in block["skus"]}
    return FlashDiscountTerms(place_of(block), prices, block["percent"], scope_of(block["scope"]), tuple(map(_slot, block["daily"])))


def _document(terms: FlashDiscountTerms) -> dict[str, Any]:
    slots = [{"from": f"{slot.begin:%H:%M}", "until": f"{slot.until:%H:%M}", "days": sorted(slot.days)} for slot in terms.slots]
    return {"prices": dict(terms.prices), "percent": terms.percent, "daily": slots, **placed_document(terms.place, terms.scope)}


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> FlashDiscountTerms:
    slots = tuple(Slot(time.fromisoformat(one["from"]), time.fromisoformat(one["until"]), frozenset(one["days"])) for one in document["daily"])
    return FlashDiscountTerms(place_of(document), document["prices"], document["percent"], scope_of(document["scope"]), slots)


def _json_schema() -> dict[str, Any]:
    price = {"sku": {"type": ["string", "integer"]}, "price": YUAN_JSON}
    clock = {"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"}
    slot = {"from": clock, "until": clock, "days": {"type": "array", "minItems": 1, "items": {"enum": list(WEEKDAYS)}}}
    return {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": ["skus"]}, {"required": ["percent"]}],
        "properties": {
            "skus": {
                "type": "array",
                "maxItems": SKUS_MAX,
                "items": {"type": "object", "additionalProperties": False, "required": ["sku", "price"], "properties": price},
            },
            "percent": {"type": "integer", "minimum": 1, "maximum": 99},
            "scope": SCOPE_JSON,
            "daily": {
                "type": "array",
                "maxItems": SLOTS_MAX,
                "items": {"type": "object", "additionalProperties": False, "required": ["from", "until"], "properties": slot},
            },
            **PLACED_JSON,
        },
    }


def _plan(campaign: Campaign) -> Plan:
    return Plan(campaign.terms.slots, campaign.zone, campaign.starts, campaign.ends)


def _occasions(campaign: Campaign, first: datetime, last: datetime) -> Sequence[Occasion]:
    zone, found = campaign.zone, islice(_plan(campaign).between(first, last), OCCASIONS_MAX)
    return [Occasion(one.begins.astimezone(zone), one.ends.astimezone(zone), one.name) for one in found]


def _rule(campaign: Campaign, now: datetime) -> Flash:
    terms: FlashDiscountTerms = campaign.terms
    is_open = not terms.slots or _plan(campaign).at(now) is not None
    return Flash(terms.place, terms.prices, terms.percent, terms.scope, is_open)


FLASH_DISCOUNT = price_mechanic(
    NAME,
    Text(zh="限时折扣", en="flash discount"),
    FileForm(FlashDiscountBlock, _faults, _parse, _document, _from_document, _json_schema),
    _rule,
    _occasions,
)
