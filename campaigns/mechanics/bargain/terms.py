"""砍价: the block `bargain:` of a campaign file, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.bargain.cuts import Shape
from campaigns.mechanics.base import FileForm, Placed
from campaigns.mechanics.skus import SKUS_MAX, Sku, SkuBlock, parse_skus, sku_faults, sku_json_schema, skus_document, skus_from
from core.fields import CountField, DurationField, YuanField
from core.text import Text
from core.yamlfile.problems import Fault

HELPERS_MAX = 1000
_SECOND = timedelta(seconds=1)


class BargainSkuBlock(SkuBlock):
    floor = YuanField(required=True)


class NewHelperBlock(ma.Schema):
    """Who counts as brand new: their next two cuts are made at once."""

    registered_within = DurationField(required=True)


class BargainBlock(ma.Schema):
    """The block `bargain:` of a campaign file."""

    skus = ma.fields.List(ma.fields.Nested(BargainSkuBlock), required=True, validate=ma.validate.Length(1, SKUS_MAX))
    cuts = CountField(required=True, most=HELPERS_MAX)
    life = DurationField(load_default=timedelta(hours=24))
    shape = ma.fields.String(load_default="front_loaded", validate=ma.validate.OneOf(["even", "front_loaded"]))
    spread_percent = CountField(load_default=30, least=0, most=90)
    own_cut = ma.fields.Boolean(load_default=True, truthy={True, "true"}, falsy={False, "false"})
    new_helper = ma.fields.Nested(NewHelperBlock, load_default=None)
    helps_per_user = CountField(load_default=3, most=1000)
    helps_per_device = CountField(load_default=None, most=1000)
    order_any_time = ma.fields.Boolean(load_default=False, truthy={True, "true"}, falsy={False, "false"})
    pay_within = DurationField(load_default=timedelta(minutes=30))


@dataclass(frozen=True, slots=True)
class BargainTerms:
    """`cuts` bring the price from list to floor (`Sku.price_fen`); `own_cut`: the first of them is the initiator's."""

    skus: tuple[Sku, ...]
    cuts: int
    life: timedelta
    shape: Shape
    spread: int
    own_cut: bool
    new_within: timedelta | None
    helps_per_user: int
    helps_per_device: int | None
    order_any_time: bool
    pay_within: timedelta


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = sku_faults(block, common, "bargain", "floor")
    cuts, discounts = block.get("cuts"), []
    for index, row in enumerate(block.get("skus") or ()):
        listed, floor = row.get("list"), row.get("floor")
        if listed is None or floor is None or listed <= floor:
            continue
        discount = listed.fen - floor.fen
        discounts.append(discount)
        if cuts is not None and discount < cuts:
            text = Text(zh=f"降价 {discount} 分不够 {cuts} 刀,每刀至少 1 分", en=f"{discount} fen are not enough for {cuts} cuts")
            found.append((("bargain", "skus", index, "floor"), Fault("cuts_too_small", text)))
    if (common.get("limits") or {}).get("total") is not None:
        text = Text(zh="砍价按商品限量:请改写 skus 中的 stock", en="a bargain counts each article: write stock in skus instead")
        found.append((("limits", "total"), Fault("total_not_used", text)))
    budget = (common.get("budget") or {}).get("total")
    if budget is not None and discounts and budget.fen < min(discounts):
        text = Text(zh="预算不足以让任何商品以底价成交", en="the budget does not pay a single article at its floor")
        found.append((("budget", "total"), Fault("budget_too_small", text)))
    return found


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> BargainTerms:
    return BargainTerms(
        skus=parse_skus(block["skus"], "floor"),
        cuts=block["cuts"],
        life=block["life"],
        shape=cast("Shape", block["shape"]),
        spread=block["spread_percent"],
        own_cut=block["own_cut"],
        new_within=None if block["new_helper"] is None else block["new_helper"]["registered_within"],
        helps_per_user=block["helps_per_user"],
        helps_per_device=block["helps_per_device"],
        order_any_time=block["order_any_time"],
        pay_within=block["pay_within"],
    )


def _document(terms: BargainTerms) -> dict[str, Any]:
    return {
        "skus": skus_document(terms.skus),
        "cuts": terms.cuts,
        "life_seconds": terms.life // _SECOND,
        "shape": terms.shape,
        "spread": terms.spread,
        "own_cut": terms.own_cut,
        "new_within_seconds": None if terms.new_within is None else terms.new_within // _SECOND,
        "helps_per_user": terms.helps_per_user,
        "helps_per_device": terms.helps_per_device,
        "order_any_time": terms.order_any_time,
        "pay_within_seconds": terms.pay_within // _SECOND,
    }


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> BargainTerms:
    new = document["new_within_seconds"]
    return BargainTerms(
        skus=skus_from(document["skus"]),
        cuts=document["cuts"],
        life=timedelta(seconds=document["life_seconds"]),
        shape=document["shape"],
        spread=document["spread"],
        own_cut=document["own_cut"],
        new_within=None if new is None else timedelta(seconds=new),
        helps_per_user=document["helps_per_user"],
        helps_per_device=document["helps_per_device"],
        order_any_time=document["order_any_time"],
        pay_within=timedelta(seconds=document["pay_within_seconds"]),
    )


def _json_schema() -> dict[str, Any]:
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$", "description": "30s, 15m, 24h, 7d"}
    few = {"type": "integer", "minimum": 1, "maximum": 1000}
    new = {"type": "object", "additionalProperties": False, "required": ["registered_within"], "properties": {"registered_within": span}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["skus", "cuts"],
        "properties": {
            "skus": sku_json_schema("floor"),
            "cuts": few,
            "life": span,
            "shape": {"enum": ["even", "front_loaded"], "default": "front_loaded"},
            "spread_percent": {"type": "integer", "minimum": 0, "maximum": 90, "default": 30},
            "own_cut": {"type": "boolean", "default": True},
            "new_helper": new,
            "helps_per_user": few,
            "helps_per_device": few,
            "order_any_time": {"type": "boolean", "default": False},
            "pay_within": span,
        },
    }


FORM = FileForm(BargainBlock, _faults, _parse, _document, _from_document, _json_schema)
