"""What a rule of the law may ask of a campaign: facts by name, of the campaign as a whole and of each prize, article and gift in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from campaigns.mechanics import mechanic_named
from campaigns.mechanics.legal import Path
from campaigns.model import Campaign
from campaigns.particulars import Item
from rules.lang.catalogue import Known
from rules.lang.kinds import Kind

Value: TypeAlias = bool | int | str
_MICRO = timedelta(microseconds=1)

CAMPAIGN: Mapping[str, Known] = {
    "mechanic": Known(Kind.TEXT, never_missing=True),
    "chance": Known(Kind.BOOLEAN, never_missing=True),
    "prizes": Known(Kind.NUMBER, never_missing=True),
    "gifts": Known(Kind.NUMBER, never_missing=True),
    "budget": Known(Kind.MONEY),
    "runs_for": Known(Kind.DURATION, never_missing=True),
    "law_left_out": Known(Kind.BOOLEAN, never_missing=True),
    "paid_tiers": Known(Kind.NUMBER),
    "spend_to_join": Known(Kind.MONEY),
    "virtual_members": Known(Kind.BOOLEAN),
    "withholding": Known(Kind.TEXT),
    "real_name_from": Known(Kind.MONEY),
    "confirm_within": Known(Kind.DURATION),
    "funds_held_by": Known(Kind.TEXT),
    "settled_within": Known(Kind.DURATION),
    "ledger_kept": Known(Kind.DURATION),
    "decisions_kept": Known(Kind.DURATION),
}
# Scope → what each of its members has besides what the campaign has.
SCOPES: Mapping[str, Mapping[str, Known]] = {
    "campaign": {},
    "prize": {"prize_value": Known(Kind.MONEY, never_missing=True)},
    "item": {
        "sku": Known(Kind.TEXT, never_missing=True),
        "category": Known(Kind.TEXT),
        "licence": Known(Kind.TEXT),
        "reference_price": Known(Kind.MONEY),
        "lowest_before": Known(Kind.MONEY),
    },
    "gift": {"gift": Known(Kind.TEXT, never_missing=True), "gift_value": Known(Kind.MONEY)},
}
# What is kept how long, told by the house and not by a file; missing: kept for good.
HOUSE = frozenset({"ledger_kept", "decisions_kept"})


def names_of(scope: str) -> Mapping[str, Known]:
    return {**CAMPAIGN, **SCOPES[scope]}


@dataclass(frozen=True, slots=True)
class Member:
    """A campaign, or a prize, article or gift of it: values by name (None: missing), where each stands, and where the member itself stands."""

    values: Mapping[str, Value | None]
    places: Mapping[str, Path] = field(default_factory=dict)
    path: Path = ()

    def place_of(self, names: list[str]) -> Path:
        """The place of the first of these names that has one."""
        return next((self.places[name] for name in names if name in self.places), self.path)


def members(campaign: Campaign, scope: str, house: Mapping[str, Value], days: int) -> list[Member]:
    """The members of a scope; `days` is how far back a price counts for `lowest_before`."""
    whole = _campaign(campaign, house)
    return (
        [Member({**whole.values, **one.values}, {**whole.places, **one.places}, one.path) for one in _MEMBERS[scope](campaign, days)]
        if scope in _MEMBERS
        else [whole]
    )


def _campaign(campaign: Campaign, house: Mapping[str, Value]) -> Member:
    said, legal = campaign.particulars, mechanic_named(campaign.mechanic).legal(campaign)
    values: dict[str, Value | None] = {
        "mechanic": campaign.mechanic,
        "chance": legal.chance,
        "prizes": len(legal.prizes),
        "gifts": len(said.gifts),
        "budget": None if campaign.budget is None else campaign.budget.fen,
        "runs_for": (campaign.ends - campaign.starts) // _MICRO,
        "law_left_out": False,
        "funds_held_by": None if said.funds is None else said.funds.held_by,
        "settled_within": None if said.funds is None or said.funds.settled_within is None else said.funds.settled_within // _MICRO,
    }
    own: dict[str, Path] = {
        "law_left_out": ("law",),
        "funds_held_by": ("funds", "held_by"),
        "settled_within": ("funds", "settled_within"),
        "budget": ("budget",),
    }
    return Member({**dict.fromkeys(CAMPAIGN), **values, **legal.facts, **house}, {**own, **legal.places})


def _prizes(campaign: Campaign, _: int) -> list[Member]:
    return [Member({"prize_value": one.fen}, {"prize_value": one.path}, one.path) for one in mechanic_named(campaign.mechanic).legal(campaign).prizes]


def _gifts(campaign: Campaign, _: int) -> list[Member]:
    rows = enumerate(campaign.particulars.gifts)
    return [Member({"gift": one.name.zh, "gift_value": one.value_fen}, {"gift_value": ("gifts", number, "value")}, ("gifts", number)) for number, one in rows]


def _items(campaign: Campaign, days: int) -> list[Member]:
    """An article's struck-out price is the one it names, else its list price."""
    listed = {one.sku: one.list_fen for one in mechanic_named(campaign.mechanic).prices(campaign)}
    found: list[Member] = []
    for code, one in campaign.particulars.items.items():
        path: Path = ("items", code)
        block: Path = path if one.reference_fen is not None else (campaign.mechanic, "skus", code)
        price = "reference_price" if one.reference_fen is not None else "list"
        values: dict[str, Value | None] = {
            "sku": code,
            "category": one.category,
            "licence": one.licence,
            "reference_price": listed.get(code) if one.reference_fen is None else one.reference_fen,
            "lowest_before": _lowest_before(campaign, one, days),
        }
        places: dict[str, Path] = {"category": (*path, "category"), "licence": (*path, "licence"), "reference_price": (*block, price)}
        found.append(Member(values, places, path))
    return found


def _lowest_before(campaign: Campaign, item: Item, days: int) -> int | None:
    """The lowest price of the days before the start, in fen; where nothing was sold in them, the last price before."""
    start = campaign.starts.astimezone(campaign.zone).date()
    before = [(day, fen) for day, fen in item.history if day < start]
    recent = [fen for day, fen in before if day >= start - timedelta(days=days)]
    return min(recent) if recent else before[-1][1] if before else None


_MEMBERS = {"prize": _prizes, "item": _items, "gift": _gifts}
