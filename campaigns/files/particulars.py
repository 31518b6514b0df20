"""What a file says for customers and for the law: `description`, `disclosure`, `items`, `gifts`, `funds` and `law`. All of it may be left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import marshmallow as ma

from campaigns.mechanics.base import Placed
from campaigns.mechanics.skus import SKUS_MAX, SkuField
from campaigns.particulars import DISCLOSED, Funds, Gift, Item, Particulars
from core.fields import CountField, DurationField, IdField, TextField, YuanField, invalid
from core.text import Text
from core.yamlfile.check import did_you_mean
from core.yamlfile.checks import one_of, sized
from core.yamlfile.problems import Fault

TEXT_MAX, DAYS_MAX, GIFTS_MAX, PACKS_MAX = 2000, 366, 100, 10
HOLDERS = ("merchant", "channel", "platform")
_SECOND = timedelta(seconds=1)


class DayField(ma.fields.Field[date]):
    """A day: 2026-11-11."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> date:
        try:
            if isinstance(value, str) and len(value) == len("2026-11-11"):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise invalid("not_a_day", f"{str(value)[:40]!r} 不是日期", f"{str(value)[:40]!r} is no day", "写成 2026-11-11", "write 2026-11-11")


class LawField(ma.fields.Field[list[str]]):
    """The name of a pack, or a list of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[str]:
        names = ma.fields.List(IdField(), validate=sized(1, PACKS_MAX))
        found = names.deserialize([value] if isinstance(value, str) else value)
        return [name for name in found if name is not None]


class DisclosureBlock(ma.Schema):
    """What customers are told of a draw."""

    organiser = TextField(most=TEXT_MAX, load_default=None)
    prizes = TextField(most=TEXT_MAX, load_default=None)
    entry = TextField(most=TEXT_MAX, load_default=None)
    time_and_method = TextField(most=TEXT_MAX, load_default=None)
    amounts = TextField(most=TEXT_MAX, load_default=None)
    odds = TextField(most=TEXT_MAX, load_default=None)
    quantity = TextField(most=TEXT_MAX, load_default=None)
    claim = TextField(most=TEXT_MAX, load_default=None)


class SoldBlock(ma.Schema):
    day = DayField(required=True, data_key="on")
    price = YuanField(required=True)


class ItemBlock(ma.Schema):
    """An article, beside what the mechanic's block says of it."""

    sku = SkuField(required=True)
    category = ma.fields.String(load_default=None, validate=sized(1, 64))
    licence = ma.fields.String(load_default=None, validate=sized(1, 64))
    reference_price = YuanField(load_default=None)
    price_history = ma.fields.List(ma.fields.Nested(SoldBlock), load_default=list, validate=sized(0, DAYS_MAX))


class GiftBlock(ma.Schema):
    name = TextField(required=True)
    value = YuanField(load_default=None)
    quantity = CountField(load_default=None)


class FundsBlock(ma.Schema):
    held_by = ma.fields.String(required=True, validate=one_of(HOLDERS))
    settled_within = DurationField(load_default=None)


FIELDS: dict[str, ma.fields.Field[Any]] = {
    "description": TextField(most=TEXT_MAX, load_default=None),
    "disclosure": ma.fields.Nested(DisclosureBlock, load_default=None),
    "items": ma.fields.List(ma.fields.Nested(ItemBlock), load_default=list, validate=sized(0, SKUS_MAX)),
    "gifts": ma.fields.List(ma.fields.Nested(GiftBlock), load_default=list, validate=sized(0, GIFTS_MAX)),
    "funds": ma.fields.Nested(FundsBlock, load_default=None),
    "law": LawField(load_default=list),
}


def item_faults(valid: Mapping[str, Any], sold: list[str] | None) -> list[Placed]:
    """Doubled articles, doubled days, and articles that the campaign does not sell; `sold` None: it sells whatever is in a cart."""
    found: list[Placed] = []
    rows = [(number, row) for number, row in enumerate(valid.get("items") or ()) if isinstance(row, Mapping) and row.get("sku") is not None]
    seen: set[str] = set()
    for number, row in rows:
        code: str = row["sku"]
        if code in seen:
            found.append((("items", number, "sku"), Fault("doubled_sku", Text(zh="商品编码重复", en="this article is there twice"))))
        elif sold is not None and code not in sold:
            text = Text(zh=f"活动中没有商品 {code}", en=f"the campaign has no article {code}")
            found.append((("items", number, "sku"), Fault("unknown_sku", text, did_you_mean(code, sold))))
        seen.add(code)
        days = [one.get("day") for one in row.get("price_history") or () if isinstance(one, Mapping)]
        twice = (place for place, day in enumerate(days) if day is not None and day in days[:place])
        text = Text(zh="同一天写了两次", en="this day is there twice")
        found += [(("items", number, "price_history", place, "on"), Fault("doubled_day", text)) for place in twice]
    return found


def parse_particulars(valid: Mapping[str, Any]) -> Particulars:
    """Of a whole file that was read without a problem."""
    told, funds = valid["disclosure"] or {}, valid["funds"]
    return Particulars(
        description=valid["description"],
        disclosure={name: told[name] for name in DISCLOSED if told.get(name) is not None},
        items={row["sku"]: _item(row) for row in valid["items"]},
        gifts=tuple(Gift(row["name"], None if row["value"] is None else row["value"].fen, row["quantity"]) for row in valid["gifts"]),
        funds=None if funds is None else Funds(funds["held_by"], funds["settled_within"]),
        law=tuple(dict.fromkeys(valid["law"])),
    )


def particulars_document(said: Particulars) -> dict[str, Any]:
    """Only what says something, so that what was published before keeps its hash."""
    found: dict[str, Any] = {
        "description": said.description and _words(said.description),
        "disclosure": {name: _words(text) for name, text in said.disclosure.items()},
        "items": {code: _item_document(one) for code, one in said.items.items()},
        "gifts": [{"name": _words(one.name), "value_fen": one.value_fen, "quantity": one.quantity} for one in said.gifts],
        "funds": said.funds and {"held_by": said.funds.held_by, "settled_within_seconds": _seconds(said.funds.settled_within)},
        "law": list(said.law),
    }
    return {name: value for name, value in found.items() if value}


def particulars_from(document: Mapping[str, Any]) -> Particulars:
    """What `particulars_document` wrote into a campaign's document."""
    description, funds = document.get("description"), document.get("funds")
    return Particulars(
        description=None if description is None else Text(**description),
        disclosure={name: Text(**document["disclosure"][name]) for name in DISCLOSED if name in document.get("disclosure", {})},
        items={code: _item_from(one) for code, one in document.get("items", {}).items()},
        gifts=tuple(Gift(Text(**one["name"]), one["value_fen"], one["quantity"]) for one in document.get("gifts", ())),
        funds=None if funds is None else Funds(funds["held_by"], _span(funds["settled_within_seconds"])),
        law=tuple(document.get("law", ())),
    )


def _item(row: Mapping[str, Any]) -> Item:
    sold = tuple(sorted((one["day"], one["price"].fen) for one in row["price_history"]))
    reference = row["reference_price"]
    return Item(row["category"], row["licence"], None if reference is None else reference.fen, sold)


def _item_document(one: Item) -> dict[str, Any]:
    history = {day.isoformat(): fen for day, fen in one.history}
    found = {"category": one.category, "licence": one.licence, "reference_fen": one.reference_fen, "sold_at_fen": history}
    return {name: value for name, value in found.items() if value}


def _item_from(document: Mapping[str, Any]) -> Item:
    sold = sorted((date.fromisoformat(day), fen) for day, fen in document.get("sold_at_fen", {}).items())
    return Item(document.get("category"), document.get("licence"), document.get("reference_fen"), tuple(sold))


def _words(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else span // _SECOND


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def particulars_json_schema() -> dict[str, Any]:
    """For editors."""
    words = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["zh", "en"], "properties": {"zh": {"type": "string"}, "en": {"type": "string"}}}]}
    yuan = {"type": ["string", "number"], "description": 'yuan, such as "99.00"'}
    code, name = {"type": ["string", "integer"]}, {"type": "string", "minLength": 1, "maxLength": 64}
    sold = _block({"on": {"type": "string", "format": "date"}, "price": yuan}, "on", "price")
    item = {"sku": code, "category": name, "licence": name, "reference_price": yuan, "price_history": {"type": "array", "maxItems": DAYS_MAX, "items": sold}}
    gift = {"name": words, "value": yuan, "quantity": {"type": "integer", "minimum": 1}}
    funds = {"held_by": {"enum": list(HOLDERS)}, "settled_within": {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$"}}
    pack = {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"}
    return {
        "description": words,
        "disclosure": _block(dict.fromkeys(DISCLOSED, words)),
        "items": {"type": "array", "maxItems": SKUS_MAX, "items": _block(item, "sku")},
        "gifts": {"type": "array", "maxItems": GIFTS_MAX, "items": _block(gift, "name")},
        "funds": _block(funds, "held_by"),
        "law": {"anyOf": [pack, {"type": "array", "minItems": 1, "maxItems": PACKS_MAX, "items": pack}]},
    }


def _block(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties), **({"required": list(required)} if required else {})}
