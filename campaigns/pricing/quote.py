"""A quote: what a cart costs a customer at a moment, which campaigns made it so, and why every other one did not. Nothing is kept or taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.audience import facts_of, outside
from campaigns.mechanics import mechanic_named
from campaigns.model import Campaign
from campaigns.pricing.choose import Chosen, best_for_customer, by_priority
from campaigns.pricing.model import ACTIVITY, REASONS, Candidate, Cart, NotApplied
from campaigns.pricing.rules import Coupon
from core.event import Event
from core.privacy.chosen import SILENT, Choices

_PHASE = {"upcoming": "not_started", "over": "campaign_over"}
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Live:
    """A live campaign, with its version and status."""

    campaign: Campaign
    version: int
    status: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks about which cart, and when. `coupons` are held by the customer; `refused` are named coupons that cannot be used, with why;
    `claimable` are campaigns whose coupon the customer would claim."""

    cart: Cart
    event: Event
    now: datetime
    registered_at: datetime | None = None
    order_count: int | None = None
    coupons: tuple[Candidate, ...] = ()
    refused: tuple[tuple[str, NotApplied], ...] = ()
    best: bool = True
    claimable: tuple[str, ...] = ()
    choices: Choices = SILENT


def quote(asked: Asked, live: Sequence[Live]) -> dict[str, Any]:
    """The quote, JSON-able but for its texts."""
    refused: dict[str, NotApplied] = dict(asked.refused)
    meant = [one for one in live if mechanic_named(one.campaign.mechanic).claimable is None or one.campaign.id in asked.claimable]
    standing = [one for one in sorted(meant, key=lambda one: one.campaign.id) if _stands(asked, one, refused)]
    fixed, activities = _activities(asked, standing, refused)
    candidates = [*asked.coupons, *_claimed(asked, standing, refused)]
    for one in standing:
        rule = mechanic_named(one.campaign.mechanic).price_rule
        if rule is not None:
            candidates.append(Candidate(one.campaign.id, one.version, rule(one.campaign, asked.now)))
    chosen = (best_for_customer if asked.best else by_priority)(asked.cart, candidates, fixed)
    return _shown(asked, chosen, fixed, activities, {**refused, **chosen.refused})


def _claimed(asked: Asked, standing: Sequence[Live], refused: dict[str, NotApplied]) -> list[Candidate]:
    """The coupons that the customer would have by claiming them now. Whether one is left is said by the claim itself, which takes it."""
    found = []
    for one in standing:
        offers = mechanic_named(one.campaign.mechanic).claimable
        if offers is None:
            continue
        offer = offers(one.campaign, asked.now, asked.event.user)
        if isinstance(offer, str):
            refused[one.campaign.id] = NotApplied(offer)
        else:
            found.append(Candidate(one.campaign.id, one.version, Coupon(offer)))
    known = {one.campaign.id for one in standing} | refused.keys()
    refused.update({name: NotApplied("no_such_campaign") for name in asked.claimable if name not in known})
    return found


def _stands(asked: Asked, one: Live, refused: dict[str, NotApplied]) -> bool:
    """Whether the campaign runs, and is meant for this customer."""
    code = "campaign_paused" if one.status == "paused" else _PHASE.get(one.campaign.phase_at(asked.now))
    if code is None and one.campaign.audience is not None:
        found = outside(one.campaign.audience, facts_of(asked.event, asked.now, asked.registered_at, asked.order_count, asked.choices))
        if found is not None:
            details = {"unmet": list(found.unmet)} if found.unmet else {"missing": list(found.missing)}
            refused[one.campaign.id] = NotApplied("not_eligible" if found.unmet else "facts_missing", details)
            return False
    if code is not None:
        refused[one.campaign.id] = NotApplied(code)
    return code is None


def _activities(asked: Asked, standing: Sequence[Live], refused: dict[str, NotApplied]) -> tuple[dict[int, int], dict[int, Live]]:
    """Lines whose price an exclusive activity sets, because the customer chose it: a group, a seckill, a bargain at its lowest."""
    sells = {one.campaign.id: one for one in standing if mechanic_named(one.campaign.mechanic).prices(one.campaign)}
    fixed: dict[int, int] = {}
    chosen: dict[int, Live] = {}
    named = {line.activity for line in asked.cart.lines}
    for number, line in enumerate(asked.cart.lines):
        one = sells.get(line.activity or "")
        if one is None:
            if line.activity is not None:
                refused.setdefault(line.activity, NotApplied("no_such_activity"))
            continue
        price = next((price for price in mechanic_named(one.campaign.mechanic).prices(one.campaign) if price.sku == line.sku), None)
        if price is None:
            refused[one.campaign.id] = NotApplied("unknown_sku", {"sku": line.sku})
        elif not _open_now(one.campaign, asked.now):
            refused[one.campaign.id] = NotApplied("outside_window")
        elif (fen := max(price.price_fen * line.quantity, line.floor_fen)) >= line.amount_fen:
            refused[one.campaign.id] = NotApplied("not_lower")
        else:
            fixed[number], chosen[number] = fen, one
    refused.update({name: NotApplied("not_chosen") for name in sells if name not in named})
    return fixed, chosen


def _open_now(campaign: Campaign, now: datetime) -> bool:
    occasions = mechanic_named(campaign.mechanic).occasions
    return occasions is None or bool(occasions(campaign, now, now + _INSTANT))


def _shown(asked: Asked, chosen: Chosen, fixed: Mapping[int, int], activities: Mapping[int, Live], refused: Mapping[str, NotApplied]) -> dict[str, Any]:
    priced, cart = chosen.priced, asked.cart
    lines = []
    for number, line in enumerate(cart.lines):
        off = [_off(one.candidate, one.lines[number]) for one in priced.taken if one.lines[number]]
        if number in fixed:
            off = [_activity(activities[number], line.amount_fen - fixed[number])]
        lines.append({"sku": line.sku, "quantity": line.quantity, "list_fen": line.amount_fen, "discounts": off, "final_fen": priced.amounts[number]})
    freight = [_off(one.candidate, one.freight_fen) for one in priced.taken if one.freight_fen]
    whole = sum(line.amount_fen for line in cart.lines)
    applied = {one.candidate.name for one in priced.taken} | {live.campaign.id for live in activities.values()}
    return {
        "lines": lines,
        "freight": {"list_fen": cart.freight_fen, "discounts": freight, "final_fen": priced.freight_fen},
        "list_fen": whole + cart.freight_fen,
        "discount_fen": whole + cart.freight_fen - priced.total_fen,
        "total_fen": priced.total_fen,
        "applied": [*_activities_applied(cart, fixed, activities), *(_off(one.candidate, one.total_fen) for one in priced.taken)],
        "not_applied": [
            {"name": name, "code": one.code, "text": REASONS[one.code], **one.details} for name, one in sorted(refused.items()) if name not in applied
        ],
        "bounded": chosen.bounded,
    }


def _activities_applied(cart: Cart, fixed: Mapping[int, int], activities: Mapping[int, Live]) -> list[dict[str, Any]]:
    """Each activity once, with what it takes off all of its lines."""
    by_name: dict[str, tuple[Live, int]] = {}
    for number, live in activities.items():
        known = by_name.get(live.campaign.id, (live, 0))
        by_name[live.campaign.id] = live, known[1] + cart.lines[number].amount_fen - fixed[number]
    return [_activity(live, fen) for _, (live, fen) in sorted(by_name.items())]


def _activity(live: Live, fen: int) -> dict[str, Any]:
    return {"campaign": live.campaign.id, "version": live.version, "rule": live.campaign.mechanic, "lane": ACTIVITY, "amount_fen": fen}


def _off(candidate: Candidate, fen: int) -> dict[str, Any]:
    found = {"campaign": candidate.campaign, "version": candidate.version, "rule": candidate.rule.lane, "lane": candidate.rule.lane, "amount_fen": fen}
    return found if candidate.reward is None else found | {"reward": candidate.reward}
