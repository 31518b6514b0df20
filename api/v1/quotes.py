"""Quotes: what a cart costs, with the reasons. Nothing is kept, nothing is taken; the order is told later, with what was quoted."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.endpoint import Context, Resource, answer
from api.errors import reader_language
from api.v1.fields import Actor, StrictInteger, event_of, fen, moment, text
from campaigns.pricing.model import Candidate, Cart, CartLine, NotApplied
from campaigns.pricing.quote import Asked, quote
from campaigns.pricing.rules import Coupon
from campaigns.rewards import Reward, find_reward
from campaigns.usage import refusal_of
from core.errors import NotFound
from core.privacy.subjects import find_subject
from core.text import localized

blp = Resource("quotes", __name__, description="What a cart costs, and why.")
LINES_MAX = 200


class QuoteLine(ma.Schema):
    """One article of the cart."""

    sku = text(64, required=True)
    category = text(64)
    unit_fen = fen(required=True, metadata={"description": "the price of one before discounts"})
    quantity = StrictInteger(strict=True, load_default=1, validate=ma.validate.Range(1, 10_000))
    floor_fen = fen(load_default=0, metadata={"description": "the least that the line may cost"})
    activity = text(64, metadata={"description": "the campaign whose own price the customer chose: a group, a seckill, a bargain"})


class QuoteBody(Actor):
    """Who asks about which cart. `now` asks about another moment."""

    lines = ma.fields.List(ma.fields.Nested(QuoteLine), required=True, validate=ma.validate.Length(1, LINES_MAX))
    freight_fen = fen(load_default=0)
    region = text(64)
    reward_ids = ma.fields.List(text(32), load_default=list, validate=ma.validate.Length(max=20), metadata={"description": "coupons that the customer holds"})
    claimable = ma.fields.List(
        text(64), load_default=list, validate=ma.validate.Length(max=20), metadata={"description": "campaigns whose coupon the customer would claim"}
    )
    choose = ma.fields.String(load_default="best", validate=ma.validate.OneOf(["best", "priority"]))
    registered_at = moment()
    order_count = StrictInteger(strict=True, validate=ma.validate.Range(0, 10**9))
    now = moment()


class Quote(ma.Schema):
    """The cart's price. Lines, freight and totals add up exactly; `bounded` says that there were more combinations than were looked at."""

    lines = ma.fields.List(ma.fields.Dict())
    freight = ma.fields.Dict()
    list_fen = ma.fields.Integer()
    discount_fen = ma.fields.Integer()
    total_fen = ma.fields.Integer()
    applied = ma.fields.List(ma.fields.Dict())
    not_applied = ma.fields.List(ma.fields.Dict())
    bounded = ma.fields.Boolean()


@blp.endpoint("POST", "/quotes", scopes=("shop", "marketer"), body=QuoteBody, replies={200: Quote})
def make(ctx: Context) -> Response:
    """Price a cart against every campaign that runs."""
    body, services = ctx.body, ctx.services
    now = body.get("now", services.clock.now())
    event = event_of(body, id="quote", type="quote", merchant=ctx.merchant, received_at=now)
    lines = (CartLine(one["sku"], one.get("category"), one["unit_fen"], one["quantity"], one["floor_fen"], one.get("activity")) for one in body["lines"])
    cart = Cart(tuple(lines), body["freight_fen"], body.get("region"))
    coupons, refused = _coupons(ctx, now) if body["reward_ids"] else ((), ())
    facts: dict[str, Any] = {name: body.get(name) for name in ("registered_at", "order_count")}
    best, claimable = body["choose"] == "best", tuple(body["claimable"])
    chosen = services.choices.of(services.vault, ctx.merchant, body["user"])
    asked = Asked(cart, event, now, coupons=coupons, refused=refused, best=best, claimable=claimable, choices=chosen, **facts)
    return answer(localized(quote(asked, services.catalogue.pricing(ctx.merchant)), reader_language()))


def _coupons(ctx: Context, now: Any) -> tuple[tuple[Candidate, ...], tuple[tuple[str, NotApplied], ...]]:
    """The customer's coupons among those that are named, and why the others cannot be used."""
    found, refused = [], []
    with ctx.services.database.read() as connection:
        subject = find_subject(connection, ctx.services.vault, ctx.merchant, ctx.body["user"])
        for name in dict.fromkeys(ctx.body["reward_ids"]):
            reward = _usable(connection, ctx.merchant, name, None if subject is None else subject.id, now)
            if reward is None:
                refused.append((name, NotApplied("coupon_not_valid")))
            else:
                found.append(Candidate(reward.campaign, reward.version, Coupon(reward.offer), reward.id))
    return tuple(found), tuple(refused)


def _usable(connection: Connection, merchant: str, name: str, subject: str | None, now: Any) -> Reward | None:
    try:
        reward = find_reward(connection, merchant, name)
    except NotFound:
        return None
    fits = reward.kind == "coupon" and reward.subject_id == subject and refusal_of(reward, "", now) is None
    return reward if fits else None
