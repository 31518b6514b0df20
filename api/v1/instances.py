"""Groups, bargains and calendars, and the parts of customers in them, as they stand."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import select

from api.endpoint import Context, Resource, answer
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import text
from campaigns.acting.replies import instance_view, part_view
from campaigns.acting.snapshot import find_instance, of_part_alone
from campaigns.mechanics import mechanic_named
from campaigns.store.playing import instances, parts
from core.errors import NotFound
from core.text import Text

blp = Resource("instances", __name__, description="What customers do together.")
_READERS = ("shop", "marketer", "compliance")


class Instance(ma.Schema):
    """An instance with its parts; beyond these members each mechanic shows its own."""

    class Meta:
        unknown = ma.INCLUDE

    id = ma.fields.String()
    campaign = ma.fields.String()
    mechanic = ma.fields.String()
    owner = ma.fields.String()
    state = ma.fields.String()
    deadline = ma.fields.String(allow_none=True)
    created_at = ma.fields.String()
    parts = ma.fields.List(ma.fields.Dict())


class Part(ma.Schema):
    class Meta:
        unknown = ma.INCLUDE

    id = ma.fields.String()
    state = ma.fields.String()


class InstanceRow(ma.Schema):
    id = ma.fields.String()
    campaign = ma.fields.String()
    mechanic = ma.fields.String()
    state = ma.fields.String()
    deadline = ma.fields.String(allow_none=True)


class InstanceList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(InstanceRow))
    next = ma.fields.String(allow_none=True)


class InstanceQuery(PageQuery):
    state = text(16)


@blp.endpoint("GET", "/instances/<instance_id>", scopes=_READERS, replies={200: Instance})
def show(ctx: Context, instance_id: str) -> Response:
    """One group, bargain or calendar, with its parts."""
    with ctx.services.database.read() as connection:
        situation = find_instance(connection, ctx.merchant, instance_id, ctx.services.clock.now()).situation
    mechanic = mechanic_named(situation.campaign.mechanic)
    return answer({**instance_view(mechanic, situation), "parts": [part_view(ctx.merchant, part) for part in situation.parts]})


@blp.endpoint("GET", "/campaigns/<campaign_id>/instances", scopes=_READERS, query=InstanceQuery, replies={200: InstanceList})
def index(ctx: Context, campaign_id: str) -> Response:
    """A campaign's groups or bargains, in the order in which they began."""
    limit, after = ctx.query["limit"], read_cursor(ctx.query["cursor"])
    query = select(instances).where(instances.c.merchant == ctx.merchant, instances.c.campaign == campaign_id, instances.c.id > after)
    if "state" in ctx.query:
        query = query.where(instances.c.state == ctx.query["state"])
    with ctx.services.database.read() as connection:
        rows = connection.execute(query.order_by(instances.c.id).limit(limit + 1)).all()
    return answer(page(rows, limit, lambda row: str(row.id), _row))


@blp.endpoint("GET", "/parts/<part_id>", scopes=_READERS, replies={200: Part})
def show_part(ctx: Context, part_id: str) -> Response:
    """One customer's part: a seat, a cut, a purchase or a day."""
    with ctx.services.database.read() as connection:
        row = connection.execute(select(parts.c.id).where(parts.c.id == part_id, parts.c.merchant == ctx.merchant)).one_or_none()
        if row is None:
            raise NotFound("part_not_found", Text(zh="没有这条参与记录", en="there is no such part"))
        return answer(part_view(ctx.merchant, of_part_alone(connection, part_id)[0]))


def _row(row: Any) -> dict[str, Any]:
    deadline = None if row.deadline is None else row.deadline.isoformat()
    return {"id": row.id, "campaign": row.campaign, "mechanic": row.mechanic, "state": row.state, "deadline": deadline}
