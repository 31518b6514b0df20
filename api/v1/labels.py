"""Labels over HTTP: what decisions turned out to be, and how precise that makes each rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from api.v1.batches import BatchReply, each, items_field
from api.v1.fields import text
from core.hotstate.outage import Outage
from fraud.labels import LABELS, SOURCES, Label, precision_of, put_label

blp = Resource("labels", __name__, description="What decisions turned out to be. A label changes no decision; it tells how precise the rules are.")


class LabelBody(ma.Schema):
    """What a decision turned out to be, and where that comes from."""

    decision_id = text(32, required=True)
    label = ma.fields.String(required=True, validate=ma.validate.OneOf(LABELS))
    source = ma.fields.String(required=True, validate=ma.validate.OneOf(SOURCES))


class LabelBatchBody(ma.Schema):
    labels = items_field("labels")


class LabelReply(ma.Schema):
    decision_id = ma.fields.String()
    label = ma.fields.String()
    changed = ma.fields.Boolean()


class PrecisionQuery(ma.Schema):
    since = ma.fields.AwareDateTime(format="iso", load_default=datetime(2000, 1, 1, tzinfo=UTC))


class RulePrecision(ma.Schema):
    rule = ma.fields.String()
    fraud = ma.fields.Integer()
    honest = ma.fields.Integer()
    precision = ma.fields.Float()
    low = ma.fields.Float()
    high = ma.fields.Float()


class PolicyPrecision(ma.Schema):
    """Rules that hit in labelled decisions, with the share of fraud and its 95 % interval."""

    items = ma.fields.List(ma.fields.Nested(RulePrecision))


_LABEL = LabelBody()


@blp.endpoint("POST", "/labels", scopes=("shop", "compliance"), body=LabelBody, replies={200: LabelReply})
def label(ctx: Context) -> Response:
    """Label one decision. The same label again changes nothing; another one replaces it."""
    return answer(_labelled(ctx, ctx.body))


@blp.endpoint("POST", "/labels/batch", scopes=("shop", "compliance"), body=LabelBatchBody, replies={200: BatchReply})
def label_many(ctx: Context) -> Response:
    """Label up to a thousand decisions, each by itself."""
    outage = Outage()
    return answer(each(ctx.body["labels"], _LABEL, lambda body: _labelled(ctx, body, outage)))


@blp.endpoint("GET", "/policies/<policy_id>/precision", scopes=("marketer", "compliance"), query=PrecisionQuery, replies={200: PolicyPrecision})
def precision(ctx: Context, policy_id: str) -> Response:
    """How often each rule was right, as far as decisions were labelled."""
    with ctx.services.database.read() as connection:
        found = precision_of(connection, ctx.merchant, policy_id, ctx.query["since"])
    return answer({"items": [asdict(one) for one in found]})


def _labelled(ctx: Context, body: Mapping[str, Any], outage: Outage | None = None) -> dict[str, Any]:
    one = Label(body["decision_id"], body["label"], body["source"])
    ctx.services.teller.to_record(one.decision_id, ctx.merchant, outage)
    with ctx.services.database.write() as connection:
        changed = put_label(connection, ctx.merchant, one, ctx.caller.principal_id, ctx.services.clock.now())
    return {"decision_id": one.decision_id, "label": one.label, "changed": changed}
