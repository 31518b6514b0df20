"""Decisions, to look up why: the shop gets reasons in words, compliance gets values, operators, thresholds and windows."""

from __future__ import annotations

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from fraud.queries import find_decision
from fraud.telling import told_of

blp = Resource("decisions", __name__, description="Why a customer was allowed, held or refused.")


class ReasonText(ma.Schema):
    zh = ma.fields.String()
    en = ma.fields.String()


class Reason(ma.Schema):
    class Meta:
        unknown = ma.INCLUDE

    code = ma.fields.String()
    text = ma.fields.Nested(ReasonText)


class OutcomeTold(ma.Schema):
    """What came of a check."""

    told = ma.fields.String(metadata={"description": "confirmed or cancelled"})
    at = ma.fields.String()
    amount_fen = ma.fields.Integer(allow_none=True)
    order_id = ma.fields.String(allow_none=True)


class Decision(ma.Schema):
    """A decision. With the compliance scope it also has every rule's result, features and evidence, and how long its stages took.

    `outcome_told` is in what is read back, null while the shop has told nothing; `timing_us` by stage: features, evaluate, settle.
    """

    class Meta:
        unknown = ma.INCLUDE

    id = ma.fields.String()
    outcome = ma.fields.String(metadata={"description": "allow, challenge, review or reject"})
    score = ma.fields.Integer()
    degraded = ma.fields.Boolean()
    policy = ma.fields.String()
    policy_version = ma.fields.String()
    reasons = ma.fields.List(ma.fields.Nested(Reason))
    outcome_told = ma.fields.Nested(OutcomeTold, allow_none=True)
    timing_us = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), allow_none=True)


@blp.endpoint("GET", "/decisions/<decision_id>", scopes=("shop", "compliance"), replies={200: Decision})
def show(ctx: Context, decision_id: str) -> Response:
    """One decision. A check that gates no reward is written within a second of its reply."""
    with ctx.services.database.read() as connection:
        decision = find_decision(connection, decision_id, ctx.merchant)
        told = told_of(connection, decision_id)
    seen_whole = ctx.caller.scopes & {"compliance", "admin"}
    return answer((decision.full() if seen_whole else decision.public()) | {"outcome_told": told})
