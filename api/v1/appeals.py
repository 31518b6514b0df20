"""Appeals over HTTP: the shop asks for its customer that a person looks again, and hears the answer."""

from __future__ import annotations

from datetime import timedelta

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from api.v1.fields import text
from fraud.cases.appeals import WORDS_MAX, Asked, appeal_view, find_appeal, open_appeal

blp = Resource("appeals", __name__, description="A refused customer may ask that a person looks again.")


class AppealBody(ma.Schema):
    """Against which decision (`decision_id` of the refusal), and what the customer says."""

    decision_id = text(32, required=True)
    reason = text(WORDS_MAX, required=True)


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


@blp.endpoint("POST", "/appeals", scopes=("shop",), body=AppealBody, replies={200: Appeal, 201: Appeal})
def create(ctx: Context) -> Response:
    """Appeal against a decision. There is one appeal for each: asked again, it is told as it stands (200)."""
    services = ctx.services
    due_in = timedelta(hours=services.settings.appeal_hours)
    asked = Asked(ctx.merchant, ctx.body["decision_id"], ctx.body["reason"], ctx.caller.principal_id, services.clock.now(), due_in)
    with services.database.write() as connection:
        found, new = open_appeal(connection, services.vault, asked)
    return answer(appeal_view(found), 201 if new else 200)


@blp.endpoint("GET", "/appeals/<appeal_id>", scopes=("shop", "compliance"), replies={200: Appeal})
def show(ctx: Context, appeal_id: str) -> Response:
    """How an appeal stands."""
    with ctx.services.database.read() as connection:
        return answer(appeal_view(find_appeal(connection, appeal_id, ctx.merchant)))
