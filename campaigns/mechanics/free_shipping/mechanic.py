"""包邮: no freight from an amount of goods on, but not to every region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm
from campaigns.mechanics.pricing import PLACED_JSON, YUAN_JSON, PlacedBlock, place_of, placed_document, price_mechanic
from campaigns.pricing.rules import Freight, Place
from core.fields import YuanField
from core.text import Text

NAME = "free_shipping"
REGIONS_MAX = 500


class FreeShippingBlock(PlacedBlock):
    """The block `free_shipping:` of a campaign file."""

    over = YuanField(least_fen=0, required=True)
    except_regions = ma.fields.List(ma.fields.String(validate=ma.validate.Length(1, 64)), load_default=list, validate=ma.validate.Length(max=REGIONS_MAX))
    most = YuanField(load_default=None)


@dataclass(frozen=True, slots=True)
class FreeShippingTerms:
    """`most_fen` is the most of the freight that is taken off; None: all of it."""

    place: Place
    over_fen: int
    except_regions: frozenset[str]
    most_fen: int | None


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> FreeShippingTerms:
    most = block["most"]
    return FreeShippingTerms(place_of(block), block["over"].fen, frozenset(block["except_regions"]), None if most is None else most.fen)


def _document(terms: FreeShippingTerms) -> dict[str, Any]:
    return {"over_fen": terms.over_fen, "except_regions": sorted(terms.except_regions), "most_fen": terms.most_fen, **placed_document(terms.place)}


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> FreeShippingTerms:
    return FreeShippingTerms(place_of(document), document["over_fen"], frozenset(document["except_regions"]), document["most_fen"])


def _json_schema() -> dict[str, Any]:
    regions = {"type": "array", "maxItems": REGIONS_MAX, "items": {"type": "string", "minLength": 1, "maxLength": 64}}
    properties = {"over": YUAN_JSON, "except_regions": regions, "most": YUAN_JSON, **PLACED_JSON}
    return {"type": "object", "additionalProperties": False, "required": ["over"], "properties": properties}


FREE_SHIPPING = price_mechanic(
    NAME,
    Text(zh="包邮", en="free shipping"),
    FileForm(FreeShippingBlock, lambda block, common: [], _parse, _document, _from_document, _json_schema),
    lambda campaign, now: Freight(campaign.terms.place, campaign.terms.over_fen, campaign.terms.except_regions, campaign.terms.most_fen),
)
