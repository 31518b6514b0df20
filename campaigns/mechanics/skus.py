"""Articles of a campaign: what each costs without and with it, and how many there are. Shared by the mechanics that sell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma

from campaigns.mechanics.base import Placed, Price
from core.fields import CountField, YuanField, invalid
from core.text import Text
from core.yamlfile.problems import Fault

SKUS_MAX = 1000
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)


class SkuField(ma.fields.Field[str]):
    """An article's code: 1 to 32 letters, digits, `_`, `.` and `-`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        # A code of digits is a number to YAML.
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not _SKU.fullmatch(text):
            fix = ("用 1–32 个字母、数字、_、. 或 -", "use 1 to 32 letters, digits, _, . or -")
            raise invalid("not_a_sku", f"{str(value)[:40]!r} 不是商品编码", f"{str(value)[:40]!r} is no article code", *fix)
        return text


class SkuBlock(ma.Schema):
    """One article. A mechanic that sells names its own price key beside these."""

    sku = SkuField(required=True)
    list = YuanField(required=True)
    stock = CountField(load_default=None)


@dataclass(frozen=True, slots=True)
class Sku:
    """Amounts in fen; `stock` is None where only the budget bounds it."""

    sku: str
    list_fen: int
    price_fen: int
    stock: int | None

    @property
    def discount_fen(self) -> int:
        return self.list_fen - self.price_fen


def sku_faults(block: Mapping[str, Any], common: Mapping[str, Any], mechanic: str, price: str) -> list[Placed]:
    """Doubled codes, prices that are no discount, and articles without any ceiling."""
    found: list[Placed] = []
    rows = [row for row in block.get("skus") or () if isinstance(row, Mapping)]
    open_ended = "budget" in common and common["budget"] is None
    for index, row in enumerate(rows):
        place: tuple[str | int, ...] = (mechanic, "skus", index)
        if row.get("sku") is not None and row["sku"] in [other.get("sku") for other in rows[:index]]:
            found.append(((*place, "sku"), Fault("doubled_sku", Text(zh="商品编码重复", en="this article is there twice"))))
        listed, asked = row.get("list"), row.get(price)
        if listed is not None and asked is not None and asked >= listed:
            found.append(((*place, price), Fault("price_not_lower", Text(zh="活动价须低于原价", en="the campaign's price must be below the list price"))))
        if open_ended and "stock" in row and row["stock"] is None:
            text = Text(zh="没有上限:请写 stock 或 budget.total", en="there is no ceiling: write stock, or budget.total")
            found.append((place, Fault("no_ceiling", text)))
    return found


def parse_skus(rows: Sequence[Mapping[str, Any]], price: str) -> tuple[Sku, ...]:
    return tuple(Sku(row["sku"], row["list"].fen, row[price].fen, row["stock"]) for row in rows)


def skus_document(skus: Sequence[Sku]) -> list[dict[str, Any]]:
    return [{"sku": one.sku, "list_fen": one.list_fen, "price_fen": one.price_fen, "stock": one.stock} for one in skus]


def skus_from(document: Sequence[Mapping[str, Any]]) -> tuple[Sku, ...]:
    return tuple(Sku(**one) for one in document)


def sku_json_schema(price: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    yuan = {"type": ["string", "number"], "description": 'yuan, such as "49.50"'}
    code = {"type": ["string", "integer"], "description": "1 to 32 letters, digits, _, . and -"}
    properties = {"sku": code, "list": yuan, price: yuan, "stock": {"type": "integer", "minimum": 1}, **(more or {})}
    item = {"type": "object", "additionalProperties": False, "required": ["sku", "list", price], "properties": properties}
    return {"type": "array", "minItems": 1, "maxItems": SKUS_MAX, "items": item}


def find_sku(skus: Sequence[Sku], code: object) -> Sku | None:
    return next((one for one in skus if one.sku == code), None)


def prices(skus: Sequence[Sku]) -> list[Price]:
    return [Price(one.sku, one.list_fen, one.price_fen, one.stock) for one in skus]


def stock_cost_max(skus: Sequence[Sku]) -> int | None:
    """What the whole stock gives away; None where an article has no stock of its own."""
    if any(one.stock is None for one in skus):
        return None
    return sum((one.stock or 0) * one.discount_fen for one in skus)
