"""Snoozes over HTTP: an analyst silences one rule of a policy for one value, for a while, and says why."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import moment, text
from fraud.snoozes.asking import COMMENT_MAX, VALUE_MAX, asked_snooze
from fraud.snoozes.changing import add_snooze, end_snooze, snoozes_of

blp = Resource("snoozes", __name__, description="Rules that are silenced for one value for a while. Every process knows a change within two seconds.")


class SnoozeBody(ma.Schema):
    """Which rule of which policy, for which value of which field of events, until when, and why."""

    policy = text(64, required=True)
    rule = text(130, required=True)
    field = text(64, required=True, metadata={"description": "a text field of events: device, user, ip, phone …"})
    value = text(VALUE_MAX, required=True, metadata={"description": "kept as a keyed hash, shown masked"})
    until = moment(required=True, metadata={"description": "within 30 days; beyond 7 a second person approves"})
    comment = text(COMMENT_MAX, required=True)


class SnoozeQuery(PageQuery):
    policy = text(64, least=0, load_default="")


class SnoozeReply(ma.Schema):
    id = ma.fields.String()
    policy = ma.fields.String()
    rule = ma.fields.String()
    field = ma.fields.String()
    value = ma.fields.String(metadata={"description": "masked where it tells of a person"})
    comment = ma.fields.String()
    state = ma.fields.String(metadata={"description": "standing, waiting (for approval), rejected, ended or expired"})
    created_by = ma.fields.String()
    created_at = ma.fields.String()
    expires_at = ma.fields.String()
    approval_id = ma.fields.String(allow_none=True)


class SnoozeList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(SnoozeReply))
    next = ma.fields.String(allow_none=True)


@blp.endpoint("GET", "/snoozes", scopes=("marketer", "compliance"), query=SnoozeQuery, replies={200: SnoozeList})
def index(ctx: Context) -> Response:
    """Those in effect, and those that wait for a second person."""
    after, limit = read_cursor(ctx.query["cursor"]), ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = snoozes_of(connection, ctx.merchant, ctx.query["policy"], ctx.services.clock.now(), after, limit + 1)
    return answer(page(rows, limit, lambda row: row["id"]))


@blp.endpoint("POST", "/snoozes", scopes=("compliance",), body=SnoozeBody, replies={201: SnoozeReply}, effect=True)
def add(ctx: Context) -> Response:
    """Silence a rule for a value. Up to seven days at once; for longer a second person approves."""
    now, policies = ctx.services.clock.now(), ctx.services.rulesets.bundle().for_merchant(ctx.merchant)

    def effect(connection: Connection) -> dict[str, Any]:
        asked = asked_snooze(ctx.services.vault, ctx.merchant, policies, **ctx.body, now=now)
        return add_snooze(connection, asked, ctx.caller.principal_id, now)

    return _changed(ctx, once(ctx, effect, 201))


@blp.endpoint("DELETE", "/snoozes/<snooze_id>", scopes=("compliance",), replies={200: SnoozeReply}, effect=True)
def end(ctx: Context, snooze_id: str) -> Response:
    """End a snooze before its time: the rule speaks again."""

    def effect(connection: Connection) -> dict[str, Any]:
        return end_snooze(connection, ctx.merchant, snooze_id, ctx.caller.principal_id, ctx.services.clock.now())

    return _changed(ctx, once(ctx, effect))


def _changed(ctx: Context, reply: Any) -> Response:
    ctx.services.snoozes.forget()
    return answer_reply(reply)
