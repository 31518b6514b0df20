"""新人券 / 首单券: the customer claims, the campaign gives."""

from __future__ import annotations

import marshmallow as ma

from campaigns.mechanics.base import Command, Mechanic, Moves
from campaigns.mechanics.coupon.terms import FORM, CouponTerms, reward_terms
from campaigns.mechanics.moves import Grant, Promise
from campaigns.mechanics.situation import Limited, Situation, Wants, Wish
from campaigns.model import Campaign
from core.text import Text

CLAIM_SCENE = "coupon.claim"


def limited(campaign: Campaign) -> tuple[Limited, ...]:
    """One place under each limit that the campaign has."""
    return tuple(Limited(kind, kind) for kind in campaign.limits.caps())


def _wants(situation: Situation, _: Wish) -> Wants:
    campaign = situation.campaign
    return Wants(None if campaign.limits.total is None else "stock", 1, campaign.terms.amount.fen, limited(campaign))


def _claim(situation: Situation, _: Wish) -> Moves:
    terms: CouponTerms = situation.terms
    return [Grant(Promise("coupon", terms.amount.fen, now=True, terms=reward_terms(terms, situation.now)))]


def _cost_max(campaign: Campaign) -> int | None:
    total = campaign.limits.total
    return None if total is None else total * int(campaign.terms.amount.fen)


COUPON = Mechanic(
    name="coupon",
    title=Text(zh="优惠券", en="coupon"),
    form=FORM,
    commands=(Command("claim", "claims", Text(zh="领取一张券", en="Claim a reward of a campaign."), ma.Schema, CLAIM_SCENE, wants=_wants, act=_claim),),
    main_scene=CLAIM_SCENE,
    post_scene=None,
    policies={CLAIM_SCENE: "new-user-claim"},
    pools=lambda campaign: {} if campaign.limits.total is None else {"stock": campaign.limits.total},
    pool_size=lambda campaign, _: campaign.limits.total,
    limits=lambda campaign: campaign.limits.caps(),
    cost_max_fen=_cost_max,
)
