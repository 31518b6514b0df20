"""The review queue: held rewards wait for a person, who posts or voids them with a reason."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import text
from api.v1.rewards import Reward
from campaigns.acting.facts import order_of_part, reward_refused
from campaigns.acting.stage import After
from campaigns.orders.coupons import reverse_earlier_refunds
from campaigns.rewards import find_reward, post_reward, void_reward
from fraud.reviews import find_review, list_open, resolve

blp = Resource("reviews", __name__, description="Held rewards, and the person who decides on them.")


class Review(ma.Schema):
    id = ma.fields.String()
    merchant = ma.fields.String()
    decision_id = ma.fields.String()
    reward_id = ma.fields.String()
    campaign = ma.fields.String()
    state = ma.fields.String()
    opened_at = ma.fields.String()
    due_at = ma.fields.String()
    resolution = ma.fields.String(allow_none=True)
    resolved_by = ma.fields.String(allow_none=True)
    resolved_at = ma.fields.String(allow_none=True)
    reason = ma.fields.String(allow_none=True)


class ReviewList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Review))
    next = ma.fields.String(allow_none=True)


class Resolved(ma.Schema):
    review = ma.fields.Nested(Review)
    reward = ma.fields.Nested(Reward)


class ResolveBody(ma.Schema):
    resolution = ma.fields.String(required=True, validate=ma.validate.OneOf(["post", "void"]))
    reason = text(2000, required=True)


@blp.endpoint("GET", "/reviews", scopes=("compliance",), query=PageQuery, replies={200: ReviewList})
def index(ctx: Context) -> Response:
    """Open reviews, the oldest first."""
    limit = ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = list_open(connection, ctx.merchant, after=read_cursor(ctx.query["cursor"]), most=limit + 1)
    return answer(page(rows, limit, lambda row: row.id, lambda row: row.public()))


@blp.endpoint("GET", "/reviews/<review_id>", scopes=("compliance",), replies={200: Review})
def show(ctx: Context, review_id: str) -> Response:
    """One review."""
    with ctx.services.database.read() as connection:
        return answer(find_review(connection, review_id, ctx.merchant).public())


@blp.endpoint("POST", "/reviews/<review_id>/resolve", scopes=("compliance",), body=ResolveBody, replies={200: Resolved}, effect=True)
def decide(ctx: Context, review_id: str) -> Response:
    """Post or void the held reward, once, with a reason."""
    by, now, after = ctx.caller.principal_id, ctx.services.clock.now(), After()

    def effect(connection: Connection) -> dict[str, Any]:
        review = resolve(connection, review_id, ctx.body["resolution"], by, ctx.body["reason"], now, merchant=ctx.merchant)
        reward = find_reward(connection, ctx.merchant, review.reward_id, lock=True)
        if review.resolution == "post":
            order = order_of_part(connection, reward.part_id)
            posted = post_reward(connection, reward, by, now, order_id=order)
            if order is not None and posted.kind == "discount":
                reverse_earlier_refunds(connection, posted, order, by, now)
        else:
            after.given.append(void_reward(connection, reward, by, now))
            if reward.part_id is not None:
                reward_refused(connection, ctx.merchant, reward.id, reward.part_id, by, now, after)
        return {"review": review.public(), "reward": find_reward(connection, ctx.merchant, reward.id).public()}

    reply = once(ctx, effect)
    ctx.services.follow(after)
    return answer_reply(reply)
