"""The emergency stop of a rule over HTTP: one person stops it at once, two start it again."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import text
from fraud.stops.changing import REASON_MAX, ask_start, stop_rule, stops_of

blp = Resource("stops", __name__, description="Rules that are stopped: they refuse nobody, and what they would have refused waits for a person.")
_SCOPES = ("marketer", "compliance")


class StopBody(ma.Schema):
    policy = text(64, required=True)
    rule = text(130, required=True)
    reason = text(REASON_MAX, required=True)


class StartBody(ma.Schema):
    note = text(400, least=0, load_default="")


class StopReply(ma.Schema):
    id = ma.fields.String()
    policy = ma.fields.String()
    rule = ma.fields.String()
    reason = ma.fields.String()
    state = ma.fields.String(metadata={"description": "standing, or over once a second person let it start again"})
    stopped_by = ma.fields.String()
    stopped_at = ma.fields.String()
    started_at = ma.fields.String(allow_none=True)
    approval_id = ma.fields.String(allow_none=True, metadata={"description": "the question whether it may start again"})


class StopList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(StopReply))
    next = ma.fields.String(allow_none=True)


@blp.endpoint("GET", "/stops", scopes=_SCOPES, query=PageQuery, replies={200: StopList})
def index(ctx: Context) -> Response:
    """Rules that are stopped now."""
    after, limit = read_cursor(ctx.query["cursor"]), ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = stops_of(connection, ctx.merchant, after, limit + 1)
    return answer(page(rows, limit, lambda row: row["id"]))


@blp.endpoint("POST", "/stops", scopes=_SCOPES, body=StopBody, replies={201: StopReply}, effect=True)
def stop(ctx: Context) -> Response:
    """Stop a rule within two seconds. It refuses nobody any more; what it would have refused is held for a person, so nothing is paid because of it."""
    policies = ctx.services.rulesets.bundle().for_merchant(ctx.merchant)

    def effect(connection: Connection) -> dict[str, Any]:
        return stop_rule(connection, ctx.merchant, policies, **ctx.body, actor=ctx.caller.principal_id, now=ctx.services.clock.now())

    return _changed(ctx, once(ctx, effect, 201))


@blp.endpoint("POST", "/stops/<stop_id>/start", scopes=_SCOPES, body=StartBody, replies={200: StopReply}, effect=True)
def start(ctx: Context, stop_id: str) -> Response:
    """Ask a second person to let the rule count again."""

    def effect(connection: Connection) -> dict[str, Any]:
        return ask_start(connection, ctx.merchant, stop_id, ctx.body["note"], ctx.caller.principal_id, ctx.services.clock.now())

    return _changed(ctx, once(ctx, effect))


def _changed(ctx: Context, reply: Any) -> Response:
    ctx.services.snoozes.forget()
    return answer_reply(reply)
