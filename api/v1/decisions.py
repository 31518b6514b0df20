"""Decisions, to look up why: the shop gets reasons in words, compliance gets values, operators, thresholds and windows."""

from __future__ import annotations

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from api.replayed import public
from api.v1.fields import text
from fraud.replays import Replayer

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
    """A decision. With the compliance scope it also has the results of all rules that did not simply miss, features and evidence, and how long its stages took.

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


class ReplayQuery(ma.Schema):
    version = text(64, data_key="with", load_default=None, metadata={"description": "Another version of the policy: its number or its hash."})


class Judged(ma.Schema):
    version = ma.fields.String()
    outcome = ma.fields.String()
    score = ma.fields.Integer()


class ReplayDifference(ma.Schema):
    what = ma.fields.String()
    recorded = ma.fields.Raw(allow_none=True)
    replayed = ma.fields.Raw(allow_none=True)


class JudgedAgain(ma.Schema):
    """A decision judged again from its record. `state`: same, different, partly (rules in `unjudged` read what is gone), impossible (no such rules)."""

    decision = ma.fields.String()
    state = ma.fields.String()
    policy = ma.fields.String()
    recorded = ma.fields.Nested(Judged)
    replayed = ma.fields.Nested(Judged)
    differences = ma.fields.List(ma.fields.Nested(ReplayDifference))
    unjudged = ma.fields.List(ma.fields.String())
    lacking = ma.fields.List(ma.fields.String())


@blp.endpoint("GET", "/decisions/<decision_id>/replay", scopes=("compliance",), query=ReplayQuery, replies={200: JudgedAgain})
def replay(ctx: Context, decision_id: str) -> Response:
    """Judge the decision again by the rules that judged it, or by another version of them."""
    with ctx.services.database.read() as connection:
        decision, again = Replayer(connection, ctx.services.vault, ctx.services.pinned()).one(decision_id, ctx.merchant, ctx.query["version"])
    return answer(public(again, decision))


@blp.endpoint("GET", "/decisions/<decision_id>", scopes=("shop", "compliance"), replies={200: Decision})
def show(ctx: Context, decision_id: str) -> Response:
    """One decision, from its reply on. A check that gates no reward is on record within a second; until then its `subject` is null."""
    decision, told = ctx.services.teller.read(decision_id, ctx.merchant)
    seen_whole = ctx.caller.scopes & {"compliance", "admin"}
    return answer((decision.full() if seen_whole else decision.public()) | {"outcome_told": told})
