"""Appeals over HTTP: the shop asks for its customer that a person looks again, and hears the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.endpoint import Context, Resource, answer
from api.passes import remedy_of
from api.v1.fields import text
from fraud.cases.appeals import WORDS_MAX, Asked, appeal_view, find_appeal, open_appeal
from fraud.reviews import Review

blp = Resource("appeals", __name__, description="A refused customer may ask that a person looks again.")


class AppealBody(ma.Schema):
    """Against which decision (`decision_id` of the refusal), and what the customer says."""

    decision_id = text(32, required=True)
    reason = text(WORDS_MAX, required=True)


class RemedyText(ma.Schema):
    zh = ma.fields.String()
    en = ma.fields.String()


class Remedy(ma.Schema):
    """What is to be done: `ask_again` before `until`, `used`, `expired`, `shop_lets_through` (a plain check), or `by_hand`."""

    code = ma.fields.String()
    text = ma.fields.Nested(RemedyText)
    pass_id = ma.fields.String(allow_none=True)
    until = ma.fields.String(allow_none=True)


class Appeal(ma.Schema):
    """`state` is open, upheld (the refusal stands) or overturned; `answer` is for the customer."""

    id = ma.fields.String()
    decision_id = ma.fields.String()
    state = ma.fields.String()
    reason = ma.fields.String()
    opened_at = ma.fields.String()
    due_at = ma.fields.String()
    answered_at = ma.fields.String(allow_none=True)
    answer = ma.fields.String(allow_none=True)
    remedy = ma.fields.Nested(Remedy, allow_none=True, metadata={"description": "of an overturned one: what the customer must do now"})


@blp.endpoint("POST", "/appeals", scopes=("shop",), body=AppealBody, replies={200: Appeal, 201: Appeal})
def create(ctx: Context) -> Response:
    """Appeal against a decision. There is one appeal for each: asked again, it is told as it stands (200)."""
    services = ctx.services
    due_in = timedelta(hours=services.settings.appeal_hours)
    asked = Asked(ctx.merchant, ctx.body["decision_id"], ctx.body["reason"], ctx.caller.principal_id, services.clock.now(), due_in)
    services.teller.to_record(ctx.body["decision_id"], ctx.merchant)
    with services.database.write() as connection:
        found, new = open_appeal(connection, services.vault, asked)
        told = _told(ctx, connection, found)
    return answer(told, 201 if new else 200)


@blp.endpoint("GET", "/appeals/<appeal_id>", scopes=("shop", "compliance"), replies={200: Appeal})
def show(ctx: Context, appeal_id: str) -> Response:
    """How an appeal stands."""
    with ctx.services.database.read() as connection:
        return answer(_told(ctx, connection, find_appeal(connection, appeal_id, ctx.merchant)))


def _told(ctx: Context, connection: Connection, found: Review) -> dict[str, Any]:
    return appeal_view(found) | {"remedy": remedy_of(connection, found, ctx.services.clock.now())}
