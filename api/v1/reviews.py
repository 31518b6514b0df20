"""The review queue: cases wait for a person, who resolves them with a reason, one by one or many at once."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.approving import release_alone_fen
from api.commissions import commission_view
from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.resolving import Word, resolve_case
from api.v1.batches import BatchReply, replies_to
from api.v1.fields import text
from api.v1.rewards import Reward
from campaigns.acting.stage import After
from core.access.idempotency import Reply, RequestKey
from core.canon import digest_of
from fraud.cases.queue import Wanted, list_cases, place_of, policy_of, rules_of
from fraud.reviews import RESOLUTIONS, find_review

blp = Resource("reviews", __name__, description="Held rewards and commissions, and appeals, and the person who decides on them.")
BULK_MAX = 200
_WORDS = [word for words in RESOLUTIONS.values() for word in words]


class Review(ma.Schema):
    """A case. Until `locked_until` only its assignee may resolve it; `approval_id` is a release that waits for, or was given by, a second person."""

    id = ma.fields.String()
    merchant = ma.fields.String()
    kind = ma.fields.String(
        metadata={
            "description": "reward: one that is held; commission: what is held of an order for a promoter; appeal: a customer asks that a person looks again"
        }
    )
    decision_id = ma.fields.String()
    reward_id = ma.fields.String(allow_none=True)
    rebate_id = ma.fields.String(allow_none=True, metadata={"description": "of a commission"})
    campaign = ma.fields.String(allow_none=True)
    state = ma.fields.String(metadata={"description": "open or resolved"})
    opened_at = ma.fields.String()
    due_at = ma.fields.String()
    overdue = ma.fields.Boolean()
    request = ma.fields.String(allow_none=True, metadata={"description": "what the customer says in an appeal"})
    assignee = ma.fields.String(allow_none=True)
    locked_until = ma.fields.String(allow_none=True)
    approval_id = ma.fields.String(allow_none=True)
    resolution = ma.fields.String(allow_none=True)
    resolved_by = ma.fields.String(allow_none=True)
    resolved_at = ma.fields.String(allow_none=True)
    reason = ma.fields.String(allow_none=True)


class HeldLine(ma.Schema):
    line = ma.fields.Integer()
    tier = ma.fields.Integer()
    amount_fen = ma.fields.Integer()


class HeldCommission(ma.Schema):
    """What is held of an order for a promoter. `doubted`: its payment, or a bind on the way, was not let through."""

    rebate = ma.fields.String()
    order = ma.fields.String()
    promoter = ma.fields.String()
    buyer = ma.fields.String()
    amount_fen = ma.fields.Integer()
    doubted = ma.fields.Boolean()
    lines = ma.fields.List(ma.fields.Nested(HeldLine))


class HeldCommissionDetails(HeldCommission):
    decisions = ma.fields.List(ma.fields.Dict(), metadata={"description": "every decision that speaks of it, with reasons and evidence"})


class ReviewDetails(Review):
    policy = ma.fields.String()
    commission = ma.fields.Nested(HeldCommissionDetails, allow_none=True)
    rules = ma.fields.List(ma.fields.String(), metadata={"description": "the rules that hit"})


class ReviewList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Review))
    next = ma.fields.String(allow_none=True)


class ReviewQuery(PageQuery):
    """Which cases. `assignee` is a principal's id, `me` or `none`."""

    state = ma.fields.String(load_default="open", validate=ma.validate.OneOf(["open", "resolved", "all"]))
    kind = ma.fields.String(validate=ma.validate.OneOf(list(RESOLUTIONS)))
    assignee = text(32)
    campaign = text(64)
    policy = text(64)
    rule = text(128)
    overdue = ma.fields.Boolean(load_default=False, metadata={"description": "only those whose time is over"})


class Resolved(ma.Schema):
    """The case and its reward or its commission, which an appeal has none of. With `approval_id` and an open case a second person must agree first."""

    review = ma.fields.Nested(Review)
    reward = ma.fields.Nested(Reward, allow_none=True)
    commission = ma.fields.Nested(HeldCommission, allow_none=True)
    approval_id = ma.fields.String(allow_none=True)


class ResolveBody(ma.Schema):
    resolution = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(_WORDS),
        metadata={"description": "post or void (settle or cancel, of commissions); upheld or overturned of an appeal"},
    )
    reason = text(2000, required=True, metadata={"description": "for the record; of an appeal: for the customer"})


class ResolveManyBody(ResolveBody):
    ids = ma.fields.List(text(32), required=True, validate=ma.validate.Length(1, BULK_MAX))


@blp.endpoint("GET", "/reviews", scopes=("compliance",), query=ReviewQuery, replies={200: ReviewList})
def index(ctx: Context) -> Response:
    """Cases by the time at which they are due, open ones unless others are asked for."""
    limit, now = ctx.query["limit"], ctx.services.clock.now()
    with ctx.services.database.read() as connection:
        rows = list_cases(connection, ctx.merchant, _wanted(ctx), after=read_cursor(ctx.query["cursor"]), most=limit + 1)
    return answer(page(rows, limit, place_of, lambda row: row.public(now)))


@blp.endpoint("GET", "/reviews/<review_id>", scopes=("compliance",), replies={200: ReviewDetails})
def show(ctx: Context, review_id: str) -> Response:
    """One case, with the policy that decided and the rules that hit."""
    with ctx.services.database.read() as connection:
        found = find_review(connection, review_id, ctx.merchant)
        more: dict[str, Any] = {"policy": policy_of(connection, found), "rules": rules_of(connection, review_id)}
        more["commission"] = commission_view(connection, found) if found.kind == "commission" else None
    return answer(found.public(ctx.services.clock.now()) | more)


@blp.endpoint("POST", "/reviews/<review_id>/resolve", scopes=("compliance",), body=ResolveBody, replies={200: Resolved}, effect=True)
def decide(ctx: Context, review_id: str) -> Response:
    """Post or void the held reward or commissions, or answer the appeal, once, with a reason. Posting much is proposed to a second person."""
    return answer_reply(_resolved(ctx, review_id, ctx.request_key()))


@blp.endpoint("POST", "/reviews/resolve", scopes=("compliance",), body=ResolveManyBody, replies={200: BatchReply}, effect=True)
def decide_many(ctx: Context) -> Response:
    """The same for up to 200 cases with one reason, each by itself: the reply says what became of each, in the order of `ids`."""
    ids, whole = ctx.body["ids"], ctx.request_key()

    def one(review_id: str) -> dict[str, Any]:
        # A key for each, so that a retry of the whole hears of each what it heard before.
        key = digest_of({"bulk": whole.key, "review": review_id})
        said = digest_of({"review": review_id, "resolution": ctx.body["resolution"], "reason": ctx.body["reason"]})
        return dict(_resolved(ctx, review_id, RequestKey(whole.merchant, whole.principal_id, key, said)).body)

    return answer(replies_to(ids, one))


def _resolved(ctx: Context, review_id: str, key: RequestKey) -> Reply:
    after, services = After(), ctx.services

    def effect(connection: Connection) -> dict[str, Any]:
        by, now, second_fen = ctx.caller.principal_id, services.clock.now(), release_alone_fen(connection)
        word = Word(ctx.body["resolution"], ctx.body["reason"], by, now, second_fen, services.settings.pass_hours)
        return resolve_case(connection, ctx.merchant, review_id, word, after)

    reply = once(ctx, effect, key=key)
    services.follow(after)
    return reply


def _wanted(ctx: Context) -> Wanted:
    query = ctx.query
    state = None if query["state"] == "all" else query["state"]
    assignee = ctx.caller.principal_id if query.get("assignee") == "me" else query.get("assignee")
    due_by = ctx.services.clock.now() if query["overdue"] else None
    return Wanted(state, query.get("kind"), assignee, query.get("campaign"), query.get("policy"), query.get("rule"), due_by)
