"""签到: once a day a customer checks in and gets that day's coupon. A day is a seat of the customer's calendar, so nobody has one twice."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from campaigns.mechanics.base import Command, Mechanic, Moves
from campaigns.mechanics.check_in.terms import FORM, CheckInTerms, day_of, days_between
from campaigns.mechanics.moves import Join, Move, Open, Promise, Tell, Turn
from campaigns.mechanics.situation import Refuse, Situation, Wants, Wish
from campaigns.model import Campaign
from core.text import Text

SCENE = "check_in.check_in"


def today(situation: Situation) -> int:
    """The number of the local day, 0 for the campaign's first."""
    campaign = situation.campaign
    return (day_of(situation.now, campaign.zone) - day_of(campaign.starts, campaign.zone)).days


def standing(situation: Situation) -> tuple[int, int] | Refuse:
    """Which day in a row and which day in all it would be, or why there is none today."""
    days = {part.seat for part in situation.parts}
    day = today(situation)
    if day in days:
        return Refuse("already_checked_in")
    run = 1
    while day - run in days:
        run += 1
    return run, len(days) + 1


def _wants(situation: Situation, _: Wish) -> Wants | Refuse:
    found = standing(situation)
    if isinstance(found, Refuse):
        return found
    terms: CheckInTerms = situation.terms
    return Wants(None if situation.campaign.limits.total is None else "stock", 1, terms.fen(*found))


def _check_in(situation: Situation, _: Wish) -> Moves | Refuse:
    found = standing(situation)
    if isinstance(found, Refuse):
        return found
    run, total = found
    terms: CheckInTerms = situation.terms
    campaign, now = situation.campaign, situation.now
    coupon = {"threshold_fen": terms.threshold_fen, "valid_from": now, "valid_until": now + terms.valid_for, "lock_for_seconds": 900}
    promise = Promise("coupon", terms.fen(run, total), now=True, terms=coupon)
    data = {"run": run, "total": total}
    calendar: Move = Turn(data=data) if situation.instance else Open("open", days_between(campaign.starts, campaign.ends, campaign.zone), data=data)
    return [calendar, Join("day", "done", seat=today(situation), data=data, reward=promise), Tell("customer.checked_in", data)]


def _view(situation: Situation) -> dict[str, Any]:
    latest = situation.instance.data if situation.instance else {}
    return {"run": latest.get("run", 0), "total": latest.get("total", 0), "days": sorted(part.seat for part in situation.parts if part.seat is not None)}


CHECK_IN = Mechanic(
    name="check_in",
    title=Text(zh="签到", en="check-in"),
    form=FORM,
    commands=(
        Command(
            "check_in",
            "check-ins",
            Text(zh="今天签到", en="Check in for today."),
            ma.Schema,
            SCENE,
            wants=_wants,
            act=_check_in,
            about="keyed",
            key=lambda *_: "@caller",
        ),
    ),
    main_scene=SCENE,
    post_scene=None,
    policies={SCENE: "check-in"},
    pools=lambda campaign: {} if campaign.limits.total is None else {"stock": campaign.limits.total},
    pool_size=lambda campaign, _: campaign.limits.total,
    limits=lambda _: {},
    cost_max_fen=lambda campaign: _cost_max(campaign),
    refusals={"already_checked_in": Text(zh="今天已经签到", en="this customer has checked in today already")},
    instance="cal",
    instance_states={"open": frozenset()},
    part_states={"done": frozenset()},
    view=_view,
    topics=("customer.checked_in",),
)


def _cost_max(campaign: Campaign) -> int | None:
    """Every check-in that the total allows, at the dearest day."""
    terms: CheckInTerms = campaign.terms
    dearest = max(terms.ladder) + max(terms.consecutive.values(), default=0) + max(terms.cumulative.values(), default=0)
    return None if campaign.limits.total is None else campaign.limits.total * dearest
