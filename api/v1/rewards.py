"""Rewards: look them up, lock a coupon at checkout, use it with the order, give it back when the order is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import fen, lines_field, lines_of, text
from campaigns import usage
from campaigns.rewards import Reward as RewardRow
from campaigns.rewards import find_reward, list_rewards

blp = Resource("rewards", __name__, description="What customers were given, and how they use it.")


class Reward(ma.Schema):
    """A reward. `state` says whether it is paid, `use_state` how a paid coupon is used. Amounts in fen."""

    id = ma.fields.String()
    campaign = ma.fields.String()
    version = ma.fields.Integer()
    mechanic = ma.fields.String()
    kind = ma.fields.String(metadata={"description": "coupon, discount or commission"})
    part_id = ma.fields.String(allow_none=True)
    subject = ma.fields.String()
    decision_id = ma.fields.String()
    state = ma.fields.String()
    use_state = ma.fields.String()
    amount_fen = ma.fields.Integer()
    posted_fen = ma.fields.Integer()
    reversed_fen = ma.fields.Integer()
    discount_fen = ma.fields.Integer(allow_none=True, metadata={"description": "what it takes off the order that has it"})
    terms = ma.fields.Dict(allow_none=True, metadata={"description": "a percentage, and the articles and categories that it is for"})
    currency = ma.fields.String()
    threshold_fen = ma.fields.Integer()
    valid_from = ma.fields.String()
    valid_until = ma.fields.String()
    order_id = ma.fields.String(allow_none=True)
    locked_until = ma.fields.String(allow_none=True)
    created_at = ma.fields.String()


class RewardList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Reward))
    next = ma.fields.String(allow_none=True)


class RewardQuery(PageQuery):
    campaign = text(64)
    state = ma.fields.String(validate=ma.validate.OneOf(["reserved", "held", "posted", "void", "reversed"]))
    subject_id = text(32)
    order_id = text(64)


class UseBody(ma.Schema):
    """For which order; with the order's total before the discount, which a threshold asks for, and its lines, which a scope asks for."""

    order_id = text(64, required=True)
    amount_fen = fen()
    lines = lines_field()


@blp.endpoint("GET", "/rewards", scopes=("shop", "compliance", "marketer"), query=RewardQuery, replies={200: RewardList})
def index(ctx: Context) -> Response:
    """List rewards in the order they were made."""
    filters: dict[str, str] = {name: ctx.query[name] for name in ("campaign", "state", "subject_id", "order_id") if name in ctx.query}
    limit = ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = list_rewards(connection, ctx.merchant, after=read_cursor(ctx.query["cursor"]), most=limit + 1, filters=filters)
    return answer(page(rows, limit, lambda row: row.id, lambda row: row.public()))


@blp.endpoint("GET", "/rewards/<reward_id>", scopes=("shop", "compliance", "marketer"), replies={200: Reward})
def show(ctx: Context, reward_id: str) -> Response:
    """One reward."""
    with ctx.services.database.read() as connection:
        return answer(find_reward(connection, ctx.merchant, reward_id).public())


@blp.endpoint("POST", "/rewards/<reward_id>/lock", scopes=("shop",), body=UseBody, replies={200: Reward}, effect=True)
def lock(ctx: Context, reward_id: str) -> Response:
    """Lock a coupon for an order at checkout."""
    return _use(ctx, reward_id, usage.lock)


@blp.endpoint("POST", "/rewards/<reward_id>/redeem", scopes=("shop",), body=UseBody, replies={200: Reward}, effect=True)
def redeem(ctx: Context, reward_id: str) -> Response:
    """Use a coupon with an order."""
    return _use(ctx, reward_id, usage.redeem)


@blp.endpoint("POST", "/rewards/<reward_id>/cancel", scopes=("shop",), body=UseBody, replies={200: Reward}, effect=True)
def cancel(ctx: Context, reward_id: str) -> Response:
    """Give a coupon back when its order is cancelled."""
    return _use(ctx, reward_id, usage.cancel)


def _use(ctx: Context, reward_id: str, act: Callable[[Connection, usage.Usage], RewardRow]) -> Response:
    actor, now = ctx.caller.principal_id, ctx.services.clock.now()
    wish = usage.Usage(ctx.merchant, reward_id, ctx.body["order_id"], actor, now, ctx.body.get("amount_fen"), lines_of(ctx.body))

    def effect(connection: Connection) -> dict[str, Any]:
        return act(connection, wish).public()

    return answer_reply(once(ctx, effect))
