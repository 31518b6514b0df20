"""新人券 / 首单券: the customer claims, the campaign gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import marshmallow as ma

from campaigns.discounts import Offer
from campaigns.mechanics.base import Command, Mechanic, Moves
from campaigns.mechanics.coupon.terms import FORM, NEW_LIMITS, CouponTerms, reward_terms
from campaigns.mechanics.moves import Grant, Move, Promise, Redeem
from campaigns.mechanics.situation import Limited, Refuse, Situation, Wants, Wish
from campaigns.model import Campaign
from core.text import Text

CLAIM_SCENE = "coupon.claim"


def limited(campaign: Campaign) -> tuple[Limited, ...]:
    """One place under each limit that the campaign has, and under each that asks for something new."""
    new = (Limited(NEW_LIMITS[by], by) for by in campaign.terms.new_to_shop)
    return (*(Limited(kind, kind) for kind in campaign.limits.caps()), *new)


def _limits(campaign: Campaign) -> Mapping[str, int]:
    return {**campaign.limits.caps(), **{NEW_LIMITS[by]: 1 for by in campaign.terms.new_to_shop}}


class ClaimFields(ma.Schema):
    """`code` where the campaign is taken with codes."""

    code = ma.fields.String(validate=ma.validate.Length(1, 64))


def _wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    campaign, terms = situation.campaign, situation.terms
    if terms.users is not None and wish.user not in terms.users:
        return Refuse("not_targeted")
    code = wish.fields.get("code")
    if (terms.take == "code") != (code is not None):
        return Refuse("code_required" if code is None else "code_not_taken")
    if terms.take == "event" and wish.fields.get("by_event") != terms.on_event:
        return Refuse("given_by_event", {"on_event": terms.on_event})
    return Wants(None if campaign.limits.total is None else "stock", 1, terms.amount.fen, limited(campaign))


def _claim(situation: Situation, wish: Wish) -> Moves | Refuse:
    wanted = _wants(situation, wish)
    if isinstance(wanted, Refuse):
        return wanted
    terms: CouponTerms = situation.terms
    given: list[Move] = [Grant(Promise("coupon", terms.amount.fen, now=True, terms=reward_terms(terms, situation.now)))]
    return [Redeem(wish.fields["code"]), *given] if terms.take == "code" else given


def _not_new(zh: str, en: str) -> Text:
    return Text(zh=f"该{zh}已被其他顾客使用过", en=f"this {en} is not new: another customer has had a newcomer's coupon or paid with it")


def _claimable(campaign: Campaign, now: datetime, user: str | None) -> Offer | str:
    """What a coupon that is claimed now would take off. Only what every customer may claim without more is foreseen."""
    terms: CouponTerms = campaign.terms
    if terms.take != "self":
        return "code_required" if terms.take == "code" else "given_by_event"
    if terms.users is not None and user not in terms.users:
        return "not_targeted"
    first, last = terms.validity(now)
    if not first <= now < last:
        return "coupon_not_valid"
    return Offer(terms.amount.fen, 0 if terms.threshold is None else terms.threshold.fen, terms.percent, terms.skus, terms.categories)


def _cost_max(campaign: Campaign) -> int | None:
    total = campaign.limits.total
    return None if total is None else total * int(campaign.terms.amount.fen)


COUPON = Mechanic(
    name="coupon",
    title=Text(zh="优惠券", en="coupon"),
    form=FORM,
    commands=(Command("claim", "claims", Text(zh="领取一张券", en="Claim a reward of a campaign."), ClaimFields, CLAIM_SCENE, wants=_wants, act=_claim),),
    main_scene=CLAIM_SCENE,
    post_scene=None,
    policies={CLAIM_SCENE: "new-user-claim"},
    pools=lambda campaign: {} if campaign.limits.total is None else {"stock": campaign.limits.total},
    pool_size=lambda campaign, _: campaign.limits.total,
    limits=_limits,
    cost_max_fen=_cost_max,
    automatic_event=lambda campaign: campaign.terms.on_event,
    automatic_command="claim",
    claimable=_claimable,
    refusals={
        "not_targeted": Text(zh="该券只发给指定的顾客", en="this coupon is for named customers"),
        "code_required": Text(zh="请提供券码", en="this coupon is taken with a code"),
        "code_not_taken": Text(zh="该活动不使用券码", en="this campaign takes no codes"),
        "code_unknown": Text(zh="券码无效", en="this code is not valid"),
        "code_used": Text(zh="券码已被使用", en="this code was used"),
        "new_device_limit": _not_new("设备", "device"),
        "new_phone_limit": _not_new("手机号", "phone number"),
        "new_account_limit": _not_new("收付款账户", "payment account"),
        "given_by_event": Text(zh="该券由事件自动发放,不能领取", en="this coupon is given by an event and cannot be claimed"),
    },
)
