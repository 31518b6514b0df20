"""Passes over HTTP, for compliance: who overruled the risk engine, for whom and why, and what it has cost."""

from __future__ import annotations

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from api.pages import PageQuery, page, read_cursor
from api.passes import passes_of

blp = Resource("passes", __name__, description="What overturned appeals let through.")
STATES = ("open", "used", "expired", "all")


class PassQuery(PageQuery):
    state = ma.fields.String(load_default="all", validate=ma.validate.OneOf(STATES))


class RiskPass(ma.Schema):
    """A pass: one customer may ask once more in one scene of one campaign. `cost_fen` is what its reward has paid by now, null where there is none."""

    id = ma.fields.String()
    merchant = ma.fields.String()
    appeal = ma.fields.String()
    decision_id = ma.fields.String(metadata={"description": "the refusal that the appeal overturned"})
    customer = ma.fields.String()
    scene = ma.fields.String()
    campaign = ma.fields.String()
    granted_by = ma.fields.String()
    granted_at = ma.fields.String()
    reason = ma.fields.String(metadata={"description": "what the person answered to the customer"})
    expires_at = ma.fields.String()
    state = ma.fields.String(metadata={"description": "open, used or expired"})
    used_at = ma.fields.String(allow_none=True)
    used_decision_id = ma.fields.String(allow_none=True, metadata={"description": "the decision that was set aside"})
    verdict = ma.fields.String(allow_none=True, metadata={"description": "its outcome; after allow the pass was not needed"})
    reward_id = ma.fields.String(allow_none=True)
    part_id = ma.fields.String(allow_none=True)
    cost_fen = ma.fields.Integer(allow_none=True)


class RiskPasses(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(RiskPass))
    next = ma.fields.String(allow_none=True)


@blp.endpoint("GET", "/passes", scopes=("compliance",), query=PassQuery, replies={200: RiskPasses})
def index(ctx: Context) -> Response:
    """All passes, the oldest first, or those of one state."""
    limit, now = ctx.query["limit"], ctx.services.clock.now()
    with ctx.services.database.read() as connection:
        rows = passes_of(connection, ctx.merchant, now, state=ctx.query["state"], after=read_cursor(ctx.query["cursor"]), most=limit + 1)
    return answer(page(rows, limit, lambda row: str(row["id"])))
