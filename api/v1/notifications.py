"""What the service tells the world, to be read by cursor: at least once, in order, nothing skipped."""

from __future__ import annotations

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from core.jobs.outbox import feed

blp = Resource("notifications", __name__, description="Messages about rewards, campaigns and refunds.")


class FeedQuery(ma.Schema):
    after = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 2**31 - 1), metadata={"description": "the last `seq` that you have"})
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, 200))


class Message(ma.Schema):
    seq = ma.fields.Integer()
    id = ma.fields.String()
    topic = ma.fields.String()
    ref = ma.fields.String()
    at = ma.fields.String()
    body = ma.fields.Dict()


class Feed(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Message))


@blp.endpoint("GET", "/notifications", scopes=("shop",), query=FeedQuery, replies={200: Feed})
def index(ctx: Context) -> Response:
    """Messages after a number, in order."""
    with ctx.services.database.read() as connection:
        return answer({"items": feed(connection, ctx.merchant, ctx.query["after"], ctx.query["limit"])})
