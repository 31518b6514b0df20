"""拼团: the block `group_buy:` of a campaign file, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed
from campaigns.mechanics.skus import SKUS_MAX, Sku, SkuBlock, parse_skus, sku_faults, sku_json_schema, skus_document, skus_from
from core.fields import CountField, DurationField, YuanField
from core.text import Text
from core.yamlfile.problems import Fault

SIZE_MAX, DENIED_MAX = 1000, 10_000
_SECOND = timedelta(seconds=1)


class GroupSkuBlock(SkuBlock):
    group_price = YuanField(required=True)


class DenyBlock(ma.Schema):
    """Who may not take part: customers by the shop's id, and channels through which nobody may."""

    users = ma.fields.List(ma.fields.String(), load_default=list, validate=ma.validate.Length(max=DENIED_MAX))
    channels = ma.fields.List(ma.fields.String(), load_default=list, validate=ma.validate.Length(max=DENIED_MAX))


class VirtualFillBlock(ma.Schema):
    """From which share of real members on an unfilled group succeeds at its deadline. Needs an approval of its own."""

    from_percent = CountField(required=True, most=99)


class GroupBuyBlock(ma.Schema):
    """The block `group_buy:` of a campaign file."""

    skus = ma.fields.List(ma.fields.Nested(GroupSkuBlock), required=True, validate=ma.validate.Length(1, SKUS_MAX))
    size = CountField(required=True, least=2, most=SIZE_MAX)
    life = DurationField(load_default=timedelta(hours=24))
    pay_within = DurationField(load_default=timedelta(minutes=15))
    per_order = CountField(load_default=1, most=1000)
    leader_commission = YuanField(load_default=None)
    deny = ma.fields.Nested(DenyBlock, load_default=lambda: DenyBlock().load({}))
    virtual_fill = ma.fields.Nested(VirtualFillBlock, load_default=None)


@dataclass(frozen=True, slots=True)
class GroupBuyTerms:
    """`life` runs from the leader's payment; `virtual_from_percent` is None where unfilled groups fail."""

    skus: tuple[Sku, ...]
    size: int
    life: timedelta
    pay_within: timedelta
    per_order: int
    commission_fen: int
    denied_users: frozenset[str]
    denied_channels: frozenset[str]
    virtual_from_percent: int | None

    @property
    def members_min(self) -> int:
        """How many real members a group needs at its deadline."""
        return members_min(self.size, self.virtual_from_percent)


def members_min(size: int, percent: int | None) -> int:
    """All of them, or the share from which virtual seats fill the rest, rounded up to whole people."""
    return size if percent is None else max(1, -(-size * percent // 100))


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = sku_faults(block, common, "group_buy", "group_price")
    if (common.get("limits") or {}).get("total") is not None:
        text = Text(zh="拼团按商品限量:请改写 skus 中的 stock", en="a group-buy counts each article: write stock in skus instead")
        found.append((("limits", "total"), Fault("total_not_used", text)))
    return found + _never_filled(block, common)


def _never_filled(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    """What leaves no way for even one group to succeed, as far as the keys could be read."""
    found: list[Placed] = []
    life, window, size = (block.get(name) for name in ("life", "pay_within", "size"))
    if life is not None and window is not None and window > life:
        text = Text(zh="付款时限不能长于成团时限 life", en="the payment window is longer than a group's life")
        found.append((("group_buy", "pay_within"), Fault("pay_within_too_long", text)))
    if size is None or "virtual_fill" not in block:
        return found
    members = members_min(size, (block["virtual_fill"] or {}).get("from_percent"))
    rows = [row for row in block.get("skus") or () if isinstance(row, Mapping)]
    for index, row in enumerate(rows):
        if row.get("stock") is not None and row["stock"] < members:
            text = Text(zh=f"库存不足以成一个团:至少需要 {members} 件", en=f"the stock cannot fill one group: that takes {members} pieces")
            found.append((("group_buy", "skus", index, "stock"), Fault("stock_too_small", text)))
    faces = [row["list"].fen - row["group_price"].fen for row in rows if row.get("list") is not None and row.get("group_price") is not None]
    budget, commission = (common.get("budget") or {}).get("total"), block.get("leader_commission")
    if budget is not None and faces and budget.fen < min(faces) * members + (commission.fen if commission else 0):
        found.append((("budget", "total"), Fault("budget_too_small", Text(zh="预算不足以成一个团", en="the budget does not pay a single group"))))
    return found


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> GroupBuyTerms:
    return GroupBuyTerms(
        skus=parse_skus(block["skus"], "group_price"),
        size=block["size"],
        life=block["life"],
        pay_within=block["pay_within"],
        per_order=block["per_order"],
        commission_fen=0 if block["leader_commission"] is None else block["leader_commission"].fen,
        denied_users=frozenset(block["deny"]["users"]),
        denied_channels=frozenset(block["deny"]["channels"]),
        virtual_from_percent=None if block["virtual_fill"] is None else block["virtual_fill"]["from_percent"],
    )


def _document(terms: GroupBuyTerms) -> dict[str, Any]:
    return {
        "skus": skus_document(terms.skus),
        "size": terms.size,
        "life_seconds": terms.life // _SECOND,
        "pay_within_seconds": terms.pay_within // _SECOND,
        "per_order": terms.per_order,
        "commission_fen": terms.commission_fen,
        "denied_users": sorted(terms.denied_users),
        "denied_channels": sorted(terms.denied_channels),
        "virtual_from_percent": terms.virtual_from_percent,
    }


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> GroupBuyTerms:
    return GroupBuyTerms(
        skus=skus_from(document["skus"]),
        size=document["size"],
        life=timedelta(seconds=document["life_seconds"]),
        pay_within=timedelta(seconds=document["pay_within_seconds"]),
        per_order=document["per_order"],
        commission_fen=document["commission_fen"],
        denied_users=frozenset(document["denied_users"]),
        denied_channels=frozenset(document["denied_channels"]),
        virtual_from_percent=document["virtual_from_percent"],
    )


def _json_schema() -> dict[str, Any]:
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$", "description": "30s, 15m, 24h, 7d"}
    names = {"type": "array", "items": {"type": "string"}, "maxItems": DENIED_MAX}
    percent = {"type": "integer", "minimum": 1, "maximum": 99}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["skus", "size"],
        "properties": {
            "skus": sku_json_schema("group_price"),
            "size": {"type": "integer", "minimum": 2, "maximum": SIZE_MAX},
            "life": span,
            "pay_within": span,
            "per_order": {"type": "integer", "minimum": 1, "maximum": 1000},
            "leader_commission": {"type": ["string", "number"], "description": 'yuan, such as "2.00"'},
            "deny": {"type": "object", "additionalProperties": False, "properties": {"users": names, "channels": names}},
            "virtual_fill": {"type": "object", "additionalProperties": False, "required": ["from_percent"], "properties": {"from_percent": percent}},
        },
    }


FORM = FileForm(GroupBuyBlock, _faults, _parse, _document, _from_document, _json_schema)
