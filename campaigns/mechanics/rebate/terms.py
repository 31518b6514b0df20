"""三级分销返佣: the block `rebate:` of a campaign file. Paid tiers are two; a third needs an approval of its own, a fourth is refused, and so are pay by
head-count and entry fees (禁止传销条例 Art. 7; 公通字〔2013〕37号).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed, unused
from campaigns.mechanics.rates import RateField
from campaigns.mechanics.skus import SkuField
from core.fields import DurationField, IdField, YuanField, invalid
from core.text import Text
from core.yamlfile.problems import Fault

NAME = "rebate"
TIERS_MAX, RATES_MAX = 3, 1000
_SECOND = timedelta(seconds=1)


class TiersField(ma.fields.List[Any]):
    """The rates of the tiers, the nearest promoter first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(RateField(), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > TIERS_MAX:
            fix = ("最多写三级;第三级须单独审批", "write three at most; the third needs an approval of its own")
            raise invalid("fourth_tier", "不得设四级及以上返佣(禁止传销条例)", "a fourth tier is refused: the rules against pyramid selling forbid it", *fix)
        if isinstance(value, list) and not value:
            raise invalid("no_tier", "至少写一级", "write one tier at least")
        return super()._deserialize(value, attr, data, **rest)


class ForbiddenField(ma.fields.Field[None]):
    """A key that is known only to be refused, with the law that refuses it."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(load_default=None)
        self._said = (code, f"{zh}(禁止传销条例)", f"{en}: the rules against pyramid selling forbid it")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> None:
        raise invalid(*self._said, "删去这一项", "leave it out")


class SkuRateBlock(ma.Schema):
    sku = SkuField(required=True)
    tiers = TiersField(required=True)


class LevelBlock(ma.Schema):
    level = IdField(required=True)
    tiers = TiersField(required=True)


class RebateBlock(ma.Schema):
    """The block `rebate:` of a campaign file."""

    tiers = TiersField(required=True)
    sku_rates = ma.fields.List(ma.fields.Nested(SkuRateBlock), load_default=list, validate=ma.validate.Length(max=RATES_MAX))
    levels = ma.fields.List(ma.fields.Nested(LevelBlock), load_default=list, validate=ma.validate.Length(max=20))
    base = ma.fields.String(load_default="paid", validate=ma.validate.OneOf(["paid", "list"]))
    bind = ma.fields.String(load_default="first_touch", validate=ma.validate.OneOf(["first_touch", "last_touch", "registration"]))
    bind_for = DurationField(load_default=None)
    who = ma.fields.String(load_default="everyone", validate=ma.validate.OneOf(["everyone", "appointed"]))
    spent = YuanField(load_default=None)
    own_purchases = ma.fields.Boolean(load_default=False, truthy={True}, falsy={False})
    rate_cap = RateField(load_default=3000)
    freeze = DurationField(load_default=timedelta(days=7))
    without_receipt = DurationField(load_default=timedelta(days=15))
    head_count_reward = ForbiddenField("head_count_pay", "不得按发展人数计酬", "pay by head-count is refused")
    entry_fee = ForbiddenField("entry_fee", "不得收取入门费", "an entry fee is refused")


@dataclass(frozen=True, slots=True)
class RebateTerms:
    """Rates are hundredths of a percent by tier. `base` is what the line paid, or its list price in the share that was kept. `spend_fen`: what a promoter
    must have paid in orders before. A commission is frozen until `freeze` after receipt, or `without_receipt` after payment where no receipt is told."""

    tiers: tuple[int, ...]
    sku_rates: Mapping[str, tuple[int, ...]]
    levels: Mapping[str, tuple[int, ...]]
    base: str
    bind: str
    bind_for: timedelta | None
    appointed: bool
    spend_fen: int
    own_purchases: bool
    rate_cap: int
    freeze: timedelta
    without_receipt: timedelta

    def rate(self, tier: int, sku: str, level: str) -> int:
        """The rate of a tier (0 is the nearest) for an article and a promoter's level: the article's, else the level's, else the usual one."""
        tiers = self.sku_rates.get(sku) or self.levels.get(level) or self.tiers
        return tiers[tier] if tier < len(tiers) else 0

    @property
    def depth(self) -> int:
        return max(map(len, (self.tiers, *self.sku_rates.values(), *self.levels.values())))


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = unused(common, Text(zh="分销返佣", en="rebate"))
    cap = block.get("rate_cap")
    usual = [(("tiers",), block.get("tiers"))]
    rows = [((name, number, "tiers"), row.get("tiers")) for name in ("sku_rates", "levels") for number, row in enumerate(block.get(name) or ())]
    for place, tiers in (*usual, *rows):
        if cap is not None and isinstance(tiers, list) and sum(tiers) > cap:
            text = Text(zh=f"各级之和超过上限 {cap / 100:g}%", en=f"the tiers sum to more than the cap of {cap / 100:g} %")
            found.append(((NAME, *place), Fault("over_rate_cap", text)))
    for name, key in (("sku_rates", "sku"), ("levels", "level")):
        seen: set[Any] = set()
        for number, row in enumerate(block.get(name) or ()):
            if row.get(key) in seen:
                found.append(((NAME, name, number, key), Fault("doubled", Text(zh="重复", en="it is there twice"))))
            seen.add(row.get(key))
    if block.get("spent") is not None and block.get("who") == "appointed":
        found.append(((NAME, "spent"), Fault("spent_not_used", Text(zh="指定推广员时不看消费额", en="who is appointed needs to have spent nothing"))))
    return found


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> RebateTerms:
    return RebateTerms(
        tiers=tuple(block["tiers"]),
        sku_rates={row["sku"]: tuple(row["tiers"]) for row in block["sku_rates"]},
        levels={row["level"]: tuple(row["tiers"]) for row in block["levels"]},
        base=block["base"],
        bind=block["bind"],
        bind_for=block["bind_for"],
        appointed=block["who"] == "appointed",
        spend_fen=0 if block["spent"] is None else block["spent"].fen,
        own_purchases=block["own_purchases"],
        rate_cap=block["rate_cap"],
        freeze=block["freeze"],
        without_receipt=block["without_receipt"],
    )


def _document(terms: RebateTerms) -> dict[str, Any]:
    names = ("base", "bind", "appointed", "spend_fen", "own_purchases", "rate_cap")
    return {
        **{name: getattr(terms, name) for name in names},
        "tiers": list(terms.tiers),
        "sku_rates": {sku: list(tiers) for sku, tiers in terms.sku_rates.items()},
        "levels": {level: list(tiers) for level, tiers in terms.levels.items()},
        "bind_for_seconds": None if terms.bind_for is None else terms.bind_for // _SECOND,
        "freeze_seconds": terms.freeze // _SECOND,
        "without_receipt_seconds": terms.without_receipt // _SECOND,
    }


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> RebateTerms:
    names = ("base", "bind", "appointed", "spend_fen", "own_purchases", "rate_cap")
    bind_for = document["bind_for_seconds"]
    return RebateTerms(
        **{name: document[name] for name in names},
        tiers=tuple(document["tiers"]),
        sku_rates={sku: tuple(tiers) for sku, tiers in document["sku_rates"].items()},
        levels={level: tuple(tiers) for level, tiers in document["levels"].items()},
        bind_for=None if bind_for is None else timedelta(seconds=bind_for),
        freeze=timedelta(seconds=document["freeze_seconds"]),
        without_receipt=timedelta(seconds=document["without_receipt_seconds"]),
    )


def _json_schema() -> dict[str, Any]:
    rate = {"type": ["string", "integer"], "description": 'a percentage, such as "8.5"'}
    tiers = {"type": "array", "minItems": 1, "maxItems": TIERS_MAX, "items": rate}
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$"}
    sku = {"sku": {"type": ["string", "integer"]}, "tiers": tiers}
    level = {"level": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"}, "tiers": tiers}
    rows = {"type": "object", "additionalProperties": False}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["tiers"],
        "properties": {
            "tiers": tiers,
            "sku_rates": {"type": "array", "maxItems": RATES_MAX, "items": {**rows, "required": ["sku", "tiers"], "properties": sku}},
            "levels": {"type": "array", "maxItems": 20, "items": {**rows, "required": ["level", "tiers"], "properties": level}},
            "base": {"enum": ["paid", "list"], "default": "paid"},
            "bind": {"enum": ["first_touch", "last_touch", "registration"], "default": "first_touch"},
            "bind_for": span,
            "who": {"enum": ["everyone", "appointed"], "default": "everyone"},
            "spent": {"type": ["string", "number"]},
            "own_purchases": {"type": "boolean", "default": False},
            "rate_cap": rate,
            "freeze": span,
            "without_receipt": span,
            # Known only to be refused.
            "head_count_reward": False,
            "entry_fee": False,
        },
    }


FORM = FileForm(RebateBlock, _faults, _parse, _document, _from_document, _json_schema)
