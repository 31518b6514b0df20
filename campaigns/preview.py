"""What a campaign will do, before anybody sees it: when it gives, what it asks, what it costs at worst, and which other campaigns it meets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.mechanics import mechanic_named
from campaigns.mechanics.base import Occasion, Price
from campaigns.model import Campaign
from core.text import Text

# How far ahead a schedule is worked out.
AHEAD = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another campaign that runs at the same time: from when to when, which articles both sell, and what the mechanics find to conflict."""

    campaign: str
    begins: datetime
    ends: datetime
    skus: tuple[str, ...]
    conflicts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Amounts in fen. `cost_max_fen` is the least of what `bounds` say, None where nothing bounds it."""

    campaign: Campaign
    occasions: tuple[Occasion, ...]
    prices: tuple[Price, ...]
    cost_max_fen: int | None
    bounds: tuple[tuple[str, int], ...]
    overlaps: tuple[Overlap, ...]

    def as_dict(self, lang: Any) -> dict[str, Any]:
        """For programs."""
        campaign = self.campaign
        times = [{"begins": one.begins.isoformat(), "ends": one.ends.isoformat(), "label": one.label} for one in self.occasions]
        return {
            "campaign": campaign.id,
            "mechanic": campaign.mechanic,
            "starts": campaign.starts.isoformat(),
            "ends": campaign.ends.isoformat(),
            "occasions": times,
            "prices": [{"sku": one.sku, "list_fen": one.list_fen, "price_fen": one.price_fen, "stock": one.stock} for one in self.prices],
            "cost_max_fen": self.cost_max_fen,
            "bounds": dict(self.bounds),
            "overlaps": [_overlap_dict(one, lang) for one in self.overlaps],
        }


def preview(campaign: Campaign, others: Iterable[Campaign], now: datetime) -> Preview:
    """Work it out; `others` are the campaigns that it may meet."""
    mechanic = mechanic_named(campaign.mechanic)
    first = max(now, campaign.starts)
    occasions: Sequence[Occasion] = (Occasion(campaign.starts, campaign.ends),)
    if mechanic.occasions is not None:
        occasions = mechanic.occasions(campaign, first, min(campaign.ends, first + AHEAD)) if first < campaign.ends else ()
    bounds = _bounds(campaign)
    cost = min((fen for _, fen in bounds), default=None)
    met = [found for other in others if other.id != campaign.id and (found := _overlap(campaign, other)) is not None]
    return Preview(campaign, tuple(occasions), tuple(mechanic.prices(campaign)), cost, bounds, tuple(met))


def conflicts_with(campaign: Campaign, others: Iterable[Campaign]) -> list[Text]:
    """What must be settled before the campaign may go live beside the others."""
    mechanic = mechanic_named(campaign.mechanic)
    same = (other for other in others if other.id != campaign.id and other.mechanic == campaign.mechanic)
    return [words for other in same for words in mechanic.conflicts(campaign, other)]


def _bounds(campaign: Campaign) -> tuple[tuple[str, int], ...]:
    stock = mechanic_named(campaign.mechanic).cost_max_fen(campaign)
    found = [] if stock is None else [("stock", stock)]
    if campaign.budget is not None:
        found.append(("budget", campaign.budget.fen))
    if campaign.portions.per_day is not None:
        days = (campaign.ends.astimezone(campaign.zone).date() - campaign.starts.astimezone(campaign.zone).date()).days + 1
        found.append(("per_day", campaign.portions.per_day * days))
    return tuple(found)


def _overlap(campaign: Campaign, other: Campaign) -> Overlap | None:
    begins, ends = max(campaign.starts, other.starts), min(campaign.ends, other.ends)
    if begins >= ends:
        return None
    shared = {price.sku for price in mechanic_named(campaign.mechanic).prices(campaign)} & {price.sku for price in mechanic_named(other.mechanic).prices(other)}
    return Overlap(other.id, begins, ends, tuple(sorted(shared)), tuple(conflicts_with(campaign, [other])))


def _overlap_dict(overlap: Overlap, lang: Any) -> dict[str, Any]:
    times = {"begins": overlap.begins.isoformat(), "ends": overlap.ends.isoformat()}
    return {"campaign": overlap.campaign, **times, "skus": list(overlap.skus), "conflicts": [words.pick(lang) for words in overlap.conflicts]}
