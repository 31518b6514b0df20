"""Promoters: who they are, whom they bring, and what their commissions come to."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection, select

from api.approving import release_alone_fen
from api.commissions import resolve_rebate
from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.asked import open_campaign, refusal, use_pass
from api.v1.fields import Actor, event_of, moment, text
from campaigns.catalogue import Standing
from campaigns.mechanics.rebate.mechanic import BIND
from campaigns.mechanics.rebate.terms import NAME
from campaigns.policies import policy_named
from campaigns.rebates.binding import Place, become_promoter, bind, downline
from campaigns.rebates.held import held_rebates
from campaigns.rebates.tables import commissions, rebate_orders
from campaigns.store import ledger
from campaigns.store.earnings import debt, frozen
from core.errors import NotFound
from core.privacy.subjects import Subject, find_subject, subject_for
from core.text import Text

blp = Resource("promoters", __name__, description="Who promotes, whom they bring, and what it comes to.")


class PromoterBody(Actor):
    """Who promotes. An appointed one, and a level, are a marketer's to give."""

    level = text(63)


class BindBody(Actor):
    """Which customer (`user`) was brought by which promoter."""

    promoter = text(128, required=True, metadata={"description": "the shop's id of the promoter"})
    registered_at = moment()


class RebateResolveBody(ma.Schema):
    resolution = ma.fields.String(required=True, validate=ma.validate.OneOf(["settle", "cancel"]))
    reason = text(2000, required=True)


class Promoter(ma.Schema):
    promoter = ma.fields.String()
    campaign = ma.fields.String()
    level = ma.fields.String(allow_none=True)
    since = ma.fields.String()


class Bound(ma.Schema):
    customer = ma.fields.String()
    promoter = ma.fields.String()
    bound_at = ma.fields.String()
    until = ma.fields.String(allow_none=True)
    doubted = ma.fields.Boolean()


class Commissions(ma.Schema):
    """What a promoter has: frozen until its orders are final, owed from then on, and what they owe us."""

    frozen_fen = ma.fields.Integer()
    owed_fen = ma.fields.Integer()
    debt_fen = ma.fields.Integer()
    customers = ma.fields.Dict()
    items = ma.fields.List(ma.fields.Dict())


class HeldRebates(ma.Schema):
    """Orders whose commissions wait for a person, the oldest first, each with those commissions."""

    items = ma.fields.List(ma.fields.Dict())
    next = ma.fields.String(allow_none=True)


class ResolvedRebate(ma.Schema):
    """The commissions that were moved, and those whose settlement waits for a second person."""

    items = ma.fields.List(ma.fields.Dict())
    waiting = ma.fields.List(ma.fields.Dict())


@blp.endpoint("POST", "/campaigns/<campaign_id>/promoters", scopes=("shop", "marketer"), body=PromoterBody, replies={200: Promoter}, effect=True)
def become(ctx: Context, campaign_id: str) -> Response:
    """Make a customer a promoter of the campaign."""
    standing, body = open_campaign(ctx, campaign_id, NAME), ctx.body
    appointed = bool(ctx.caller.scopes & {"marketer", "admin"})
    if body.get("level") and not appointed:
        ctx.caller.require("marketer")
    personal = event_of(body, id="p", type=BIND, merchant=ctx.merchant, received_at=ctx.services.clock.now()).personal()

    def effect(connection: Connection) -> dict[str, Any]:
        subject = subject_for(connection, ctx.services.vault, ctx.merchant, body["user"], ctx.services.clock.now())
        return become_promoter(_place(ctx, connection, standing), subject, personal, level=body.get("level"), appointed=appointed)

    return answer_reply(once(ctx, effect))


@blp.endpoint("POST", "/campaigns/<campaign_id>/bindings", scopes=("shop",), body=BindBody, replies={200: Bound}, effect=True)
def bring(ctx: Context, campaign_id: str) -> Response:
    """Note who brought a customer. The risk engine is asked before."""
    standing, body, services = open_campaign(ctx, campaign_id, NAME), ctx.body, ctx.services
    key = ctx.request_key()
    name = "bind:" + services.vault.token(ctx.merchant, "claim-event", f"{key.principal_id}\x00{campaign_id}\x00{key.key}\x00{key.body_hash}")
    event = event_of(body, id=name, type=BIND, merchant=ctx.merchant, received_at=services.clock.now(), campaign=campaign_id)
    decision = services.risk.check(event, BIND, policy_named(standing.campaign, BIND))
    words = Text(zh="本次绑定未通过安全校验,可以申诉", en="the bind did not pass the risk check; the customer may appeal")
    refused = refusal(ctx, decision, event, words)
    if refused is not None:
        return refused

    def effect(connection: Connection) -> dict[str, Any]:
        customer = subject_for(connection, services.vault, ctx.merchant, body["user"], services.clock.now())
        promoter = find_subject(connection, services.vault, ctx.merchant, body["promoter"])
        named = "" if promoter is None else promoter.id
        passed = use_pass(ctx, connection, decision, customer, services.clock.now())
        done = bind(_place(ctx, connection, standing), customer, named, body.get("registered_at"), decision.outcome == "review" and not passed)
        services.book.record(connection, decision, customer)
        return done

    return answer_reply(once(ctx, effect))


@blp.endpoint("GET", "/promoters/<user>/commissions", scopes=("shop", "compliance"), replies={200: Commissions})
def show(ctx: Context, user: str) -> Response:
    """What a promoter's commissions come to, the newest first."""
    with ctx.services.database.read() as connection:
        subject = find_subject(connection, ctx.services.vault, ctx.merchant, user)
        if subject is None:
            raise NotFound("promoter_not_found", Text(zh="没有这位推广员", en="there is no such promoter"))
        return answer(_commissions(ctx, connection, subject))


@blp.endpoint("GET", "/rebates/held", scopes=("compliance",), query=PageQuery, replies={200: HeldRebates})
def held(ctx: Context) -> Response:
    """Commissions that were not let through when they were due."""
    limit = ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = held_rebates(connection, ctx.merchant, after=read_cursor(ctx.query["cursor"]), most=limit + 1)
    return answer(page(rows, limit, lambda row: str(row["rebate"])))


@blp.endpoint("POST", "/rebates/<rebate_id>/resolve", scopes=("compliance",), body=RebateResolveBody, replies={200: ResolvedRebate}, effect=True)
def decide(ctx: Context, rebate_id: str) -> Response:
    """Settle or cancel the commissions of an order that were held: all of its cases at once, under the rules of the review queue."""
    settle, reason, now = ctx.body["resolution"] == "settle", ctx.body["reason"], ctx.services.clock.now()

    def effect(connection: Connection) -> dict[str, Any]:
        second_fen = release_alone_fen(connection)
        return resolve_rebate(connection, ctx.merchant, rebate_id, settle, reason, ctx.caller.principal_id, now, second_fen)

    return answer_reply(once(ctx, effect))


def _commissions(ctx: Context, connection: Connection, subject: Subject) -> dict[str, Any]:
    balances = [ledger.balance(connection, ctx.merchant, account) for account in (frozen(subject.id), ledger.commission(subject.id), debt(subject.id))]
    joined = select(commissions, rebate_orders.c.order_id, rebate_orders.c.campaign, rebate_orders.c.due_at)
    mine = (commissions.c.merchant == ctx.merchant, commissions.c.subject_id == subject.id)
    query = joined.join(rebate_orders, rebate_orders.c.id == commissions.c.rebate_id).where(*mine)
    rows = connection.execute(query.order_by(commissions.c.rebate_id.desc(), commissions.c.number, commissions.c.tier).limit(200))
    items = [
        {"rebate": row.rebate_id, "order": row.order_id, "campaign": row.campaign, "line": row.number, "tier": row.tier + 1, "state": row.state}
        | {"amount_fen": row.amount_fen, "taken_fen": row.taken_fen, "due_at": row.due_at.isoformat()}
        for row in rows
    ]
    customers = downline(connection, ctx.merchant, subject.id, ctx.services.clock.now())
    return {"frozen_fen": balances[0], "owed_fen": balances[1], "debt_fen": max(0, -balances[2]), "customers": customers, "items": items}


def _place(ctx: Context, connection: Connection, standing: Standing) -> Place:
    terms = standing.campaign.terms
    return Place(connection, ctx.merchant, standing.campaign.id, terms, ctx.caller.principal_id, ctx.services.clock.now())
