"""Webhooks: where other systems hear of what happens. Signed, at least once, in order for each subject; what was given up can be sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import ColumnElement, Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import StrictInteger, text
from core.audit.log import append
from core.webhooks import deliveries, endpoints
from core.webhooks.addresses import URL_MAX, addresses_of, parse_target
from core.webhooks.signing import secret_of
from core.webhooks.tables import webhook_deliveries

blp = Resource("webhooks", __name__, description="Where other systems hear of what happens.")
ADMIN = ("admin",)


class WebhookBody(ma.Schema):
    """Where to, and about what; no topics: about everything."""

    url = text(URL_MAX, required=True, metadata={"description": "https, at a public address"})
    topics = ma.fields.List(text(64), load_default=list, validate=ma.validate.Length(max=50))


class Webhook(ma.Schema):
    id = ma.fields.String()
    url = ma.fields.String()
    topics = ma.fields.List(ma.fields.String())
    enabled = ma.fields.Boolean()
    secret_number = ma.fields.Integer()
    overlap_until = ma.fields.String(allow_none=True)
    created_at = ma.fields.String()


class WebhookList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Webhook))


class Secret(ma.Schema):
    """What signatures are checked with."""

    secret = ma.fields.String()
    secret_number = ma.fields.Integer()


class RotateBody(ma.Schema):
    """How long the secret before still signs too."""

    overlap_hours = StrictInteger(strict=True, load_default=24, validate=ma.validate.Range(0, 168))


class Nothing(ma.Schema):
    """No members."""


class DeliveryQuery(PageQuery):
    state = ma.fields.String(validate=ma.validate.OneOf(["pending", "delivered", "dead"]))


class Delivery(ma.Schema):
    id = ma.fields.String()
    endpoint_id = ma.fields.String()
    message_id = ma.fields.String()
    seq = ma.fields.Integer()
    topic = ma.fields.String()
    ref = ma.fields.String()
    state = ma.fields.String()
    attempts = ma.fields.Integer()
    last_status = ma.fields.Integer(allow_none=True)
    last_error = ma.fields.String(allow_none=True)
    next_at = ma.fields.String(allow_none=True)
    delivered_at = ma.fields.String(allow_none=True)


class DeliveryList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Delivery))
    next = ma.fields.String(allow_none=True)


class ReplayBody(ma.Schema):
    """Which ones: one delivery, or those of a topic, or all that were given up."""

    delivery = text(32)
    topic = text(64)
    state = ma.fields.String(load_default="dead", validate=ma.validate.OneOf(["dead", "delivered"]))


class Replayed(ma.Schema):
    count = ma.fields.Integer()


@blp.endpoint("POST", "/webhooks", scopes=ADMIN, body=WebhookBody, replies={201: Webhook}, effect=True)
def register(ctx: Context) -> Response:
    """Register an address; it hears what is announced from now on."""
    # Looked at outside of the transaction: a name server may be slow.
    anywhere = ctx.services.webhooks_anywhere
    addresses_of(parse_target(ctx.body["url"], anywhere), anywhere)

    def effect(connection: Connection) -> dict[str, Any]:
        who, now = ctx.caller.principal_id, ctx.services.clock.now()
        return endpoints.register(connection, ctx.merchant, ctx.body["url"], ctx.body["topics"], who, now).public()

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("GET", "/webhooks", scopes=(*ADMIN, "compliance"), replies={200: WebhookList})
def index(ctx: Context) -> Response:
    """The merchant's webhooks."""
    with ctx.services.database.read() as connection:
        return answer({"items": [one.public() for one in endpoints.endpoints_of(connection, ctx.merchant)]})


@blp.endpoint("GET", "/webhooks/<webhook_id>/secret", scopes=ADMIN, replies={200: Secret})
def secret(ctx: Context, webhook_id: str) -> Response:
    """The secret with which its receiver checks signatures. Each look is in the audit log."""
    with ctx.services.database.write() as connection:
        found = endpoints.find(connection, ctx.merchant, webhook_id)
        who, now = ctx.caller.principal_id, ctx.services.clock.now()
        append(connection, merchant=ctx.merchant, actor=who, action="webhook.secret_read", target=found.id, now=now, detail={})
    return answer({"secret": secret_of(ctx.services.vault, found.id, found.secret_number), "secret_number": found.secret_number})


@blp.endpoint("POST", "/webhooks/<webhook_id>/rotate", scopes=ADMIN, body=RotateBody, replies={200: Webhook}, effect=True)
def rotate(ctx: Context, webhook_id: str) -> Response:
    """A new secret; the one before signs too for a while."""

    def effect(connection: Connection) -> dict[str, Any]:
        overlap, now = timedelta(hours=ctx.body["overlap_hours"]), ctx.services.clock.now()
        return endpoints.rotate(connection, ctx.merchant, webhook_id, overlap, ctx.caller.principal_id, now).public()

    return answer_reply(once(ctx, effect))


@blp.endpoint("POST", "/webhooks/<webhook_id>/disable", scopes=ADMIN, body=Nothing, replies={200: Webhook}, effect=True)
def disable(ctx: Context, webhook_id: str) -> Response:
    """Hold its deliveries."""
    return _switch(ctx, webhook_id, False)


@blp.endpoint("POST", "/webhooks/<webhook_id>/enable", scopes=ADMIN, body=Nothing, replies={200: Webhook}, effect=True)
def enable(ctx: Context, webhook_id: str) -> Response:
    """Let its deliveries go on."""
    return _switch(ctx, webhook_id, True)


@blp.endpoint("DELETE", "/webhooks/<webhook_id>", scopes=ADMIN, replies={200: Nothing})
def remove(ctx: Context, webhook_id: str) -> Response:
    """Remove it, with what still waits for it."""
    with ctx.services.database.write() as connection:
        endpoints.remove(connection, ctx.merchant, webhook_id, ctx.caller.principal_id, ctx.services.clock.now())
    return answer({})


@blp.endpoint("GET", "/webhooks/<webhook_id>/deliveries", scopes=(*ADMIN, "compliance"), query=DeliveryQuery, replies={200: DeliveryList})
def listed(ctx: Context, webhook_id: str) -> Response:
    """Its deliveries; `state=dead` shows what was given up."""
    limit = ctx.query["limit"]
    with ctx.services.database.read() as connection:
        endpoints.find(connection, ctx.merchant, webhook_id)
        after = read_cursor(ctx.query["cursor"])
        rows = deliveries.listed(connection, ctx.merchant, webhook_id, ctx.query.get("state"), after, limit + 1)
    return answer(page(rows, limit, lambda row: str(row["id"]), lambda row: row))


@blp.endpoint("POST", "/webhooks/<webhook_id>/replay", scopes=ADMIN, body=ReplayBody, replies={200: Replayed}, effect=True)
def replay(ctx: Context, webhook_id: str) -> Response:
    """Send again: what was given up, or what was delivered."""

    def effect(connection: Connection) -> dict[str, Any]:
        endpoints.find(connection, ctx.merchant, webhook_id)
        mine, body = webhook_deliveries.c, ctx.body
        asked: list[ColumnElement[bool]] = [mine.endpoint_id == webhook_id]
        asked += [mine.id == body["delivery"]] if "delivery" in body else [mine.state == body["state"]]
        asked += [mine.topic == body["topic"]] if "topic" in body else []
        now = ctx.services.clock.now()
        count = deliveries.replay(connection, ctx.merchant, *asked, now=now)
        append(connection, merchant=ctx.merchant, actor=ctx.caller.principal_id, action="webhook.replayed", target=webhook_id, now=now, detail={"count": count})
        return {"count": count}

    return answer_reply(once(ctx, effect))


def _switch(ctx: Context, webhook_id: str, enabled: bool) -> Response:
    def effect(connection: Connection) -> dict[str, Any]:
        return endpoints.switch(connection, ctx.merchant, webhook_id, enabled, ctx.caller.principal_id, ctx.services.clock.now()).public()

    return answer_reply(once(ctx, effect))
