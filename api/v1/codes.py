"""Codes of coupon campaigns: 20,000 in one call, millions as a job. A retry shows the same codes; nothing stores them in clear."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer
from api.v1.fields import StrictInteger, text
from campaigns.codes import batches

blp = Resource("codes", __name__, description="Codes with which coupons are taken.")


class CodesBody(ma.Schema):
    """How many codes, and what they look like: each # is one of 32 characters."""

    count = StrictInteger(strict=True, required=True, validate=ma.validate.Range(1, batches.COUNT_MAX))
    pattern = text(64, load_default=batches.DEFAULT_PATTERN)


class CodeBatch(ma.Schema):
    id = ma.fields.String()
    campaign = ma.fields.String()
    pattern = ma.fields.String()
    count = ma.fields.Integer()
    done = ma.fields.Integer()
    state = ma.fields.String(metadata={"description": "running or done"})
    created_at = ma.fields.String()
    codes = ma.fields.List(ma.fields.String())


class CodesQuery(ma.Schema):
    first = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, batches.COUNT_MAX))
    count = ma.fields.Integer(load_default=1000, validate=ma.validate.Range(1, batches.AT_ONCE_MAX))


@blp.endpoint("POST", "/campaigns/<campaign_id>/codes", scopes=("marketer",), body=CodesBody, replies={201: CodeBatch, 202: CodeBatch}, effect=True)
def create(ctx: Context, campaign_id: str) -> Response:
    """Make codes: up to 20,000 come with the reply (201), more are made by a job (202)."""
    count, now, vault = ctx.body["count"], ctx.services.clock.now(), ctx.services.vault
    now_all = count <= batches.AT_ONCE_MAX

    def effect(connection: Connection) -> dict[str, Any]:
        wanted = {"merchant": ctx.merchant, "campaign": campaign_id, "pattern": ctx.body["pattern"], "count": count}
        batch_id = batches.begin(connection, vault, author=ctx.caller.principal_id, now=now, **wanted)
        if now_all:
            batches.make_chunk(connection, vault, batch_id, count)
        batch = batches.find_batch(connection, ctx.merchant, batch_id)
        if not now_all:
            batches.later(connection, batch, now)
        return batch.public()

    reply = once(ctx, effect, 201 if now_all else 202)
    if not now_all:
        return answer(reply.body, 202, reply.replayed)
    with ctx.services.database.read() as connection:
        batch = batches.find_batch(connection, ctx.merchant, reply.body["id"])
    return answer({**reply.body, "codes": list(batches.codes_of(vault, batch, 0, count))}, 201, reply.replayed)


@blp.endpoint("GET", "/code-batches/<batch_id>", scopes=("marketer", "compliance"), replies={200: CodeBatch})
def show(ctx: Context, batch_id: str) -> Response:
    """How far a batch is."""
    with ctx.services.database.read() as connection:
        return answer(batches.find_batch(connection, ctx.merchant, batch_id).public())


@blp.endpoint("GET", "/code-batches/<batch_id>/codes", scopes=("marketer",), query=CodesQuery, replies={200: CodeBatch})
def index(ctx: Context, batch_id: str) -> Response:
    """The batch's codes from number `first` on, as far as they are made."""
    with ctx.services.database.read() as connection:
        batch = batches.find_batch(connection, ctx.merchant, batch_id)
    return answer({**batch.public(), "codes": list(batches.codes_of(ctx.services.vault, batch, ctx.query["first"], ctx.query["count"]))})
