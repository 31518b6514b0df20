"""What waits for a second person, and their decision."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection, select

from api.deciding import approval_view, decide_in, prepare_decision
from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import text
from core.access.approvals import STATES, find_approval
from core.db.tables import approvals
from core.errors import Malformed, NotFound
from core.text import Text
from fraud.lists.changing import proposed_changes

blp = Resource("approvals", __name__, description="Four eyes: an editor cannot approve their own work.")


_ENTRIES_MAX = 200


class Approval(ma.Schema):
    id = ma.fields.String()
    kind = ma.fields.String()
    target = ma.fields.String()
    content_hash = ma.fields.String()
    note = ma.fields.String()
    proposed_by = ma.fields.String()
    proposed_at = ma.fields.String()
    state = ma.fields.String(metadata={"description": "pending, approved, rejected, or void: what it is about has ended"})
    decided_by = ma.fields.String(allow_none=True)
    decided_at = ma.fields.String(allow_none=True)
    reason = ma.fields.String(allow_none=True)


class ProposedEntry(ma.Schema):
    """One entry of a list that would change."""

    entry = ma.fields.String()
    reason = ma.fields.String()
    expires_at = ma.fields.String(allow_none=True)
    remove = ma.fields.Boolean()


class WholeApproval(Approval):
    entries = ma.fields.List(ma.fields.Nested(ProposedEntry), metadata={"description": "of a change of a list: its first 200 entries"})


class ApprovalQuery(PageQuery):
    state = ma.fields.String(load_default="pending", validate=ma.validate.OneOf([*STATES, "all"]))


class ApprovalList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(Approval))
    next = ma.fields.String(allow_none=True)


class DecideBody(ma.Schema):
    reason = text(2000, required=True)


@blp.endpoint("GET", "/approvals", scopes=("marketer", "compliance"), query=ApprovalQuery, replies={200: ApprovalList})
def index(ctx: Context) -> Response:
    """What waits, unless others are asked for. One whose object has ended is `void`, and its `reason` says what ended it."""
    after, limit = read_cursor(ctx.query["cursor"]), ctx.query["limit"]
    mine = [approvals.c.merchant == ctx.merchant, approvals.c.id > after]
    if ctx.query["state"] != "all":
        mine.append(approvals.c.state == ctx.query["state"])
    with ctx.services.database.read() as connection:
        ids = connection.execute(select(approvals.c.id).where(*mine).order_by(approvals.c.id).limit(limit + 1)).scalars().all()
        rows = [find_approval(connection, name) for name in ids]
    return answer(page(rows, limit, lambda row: row.id, approval_view))


@blp.endpoint("GET", "/approvals/<approval_id>", scopes=("marketer", "compliance"), replies={200: WholeApproval})
def show(ctx: Context, approval_id: str) -> Response:
    """One approval, and of a change of a list what would change."""
    with ctx.services.database.read() as connection:
        found = find_approval(connection, approval_id)
        entries = proposed_changes(connection, approval_id, _ENTRIES_MAX)
    if found.merchant != ctx.merchant:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    return answer(approval_view(found) | {"entries": entries})


@blp.endpoint("POST", "/approvals/<approval_id>/approve", scopes=("compliance",), body=DecideBody, replies={200: Approval}, effect=True)
def approve(ctx: Context, approval_id: str) -> Response:
    """Approve exactly what was proposed; it takes effect at once."""
    return _decide(ctx, approval_id, approve=True)


@blp.endpoint("POST", "/approvals/<approval_id>/reject", scopes=("compliance",), body=DecideBody, replies={200: Approval}, effect=True)
def reject(ctx: Context, approval_id: str) -> Response:
    """Reject what was proposed."""
    return _decide(ctx, approval_id, approve=False)


def _decide(ctx: Context, approval_id: str, approve: bool) -> Response:
    by, reason, now = ctx.caller.principal_id, ctx.body["reason"], ctx.services.clock.now()
    if not reason.strip():
        raise Malformed("reason_required", Text(zh="须写明理由", en="give a reason"))
    prepare_decision(ctx.services.database, ctx.merchant, approval_id, approve=approve)

    def effect(connection: Connection) -> dict[str, Any]:
        return approval_view(decide_in(connection, by, ctx.merchant, approval_id, ctx.services.law, approve=approve, reason=reason, now=now))

    reply = once(ctx, effect)
    ctx.services.catalogue.forget()
    ctx.services.rulesets.forget()
    ctx.services.lists.forget()
    ctx.services.snoozes.forget()
    return answer_reply(reply)
