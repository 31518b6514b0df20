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
from core.access.approvals import STATES, agreed, find_approval
from core.db.tables import approvals
from core.errors import Malformed, NotFound
from core.text import Text
from fraud.lists.changing import proposed_changes

blp = Resource("approvals", __name__, description="Four eyes: an editor cannot approve their own work.")


_ENTRIES_MAX = 200
# Which of them may decide what is for the rules of approvals to say, and for whoever lent them their word.
_DECIDERS = ("marketer", "compliance")


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
    needed = ma.fields.Integer(metadata={"description": "how many people must agree"})
    agreed = ma.fields.List(ma.fields.String(), metadata={"description": "who has agreed so far"})
    scopes = ma.fields.List(ma.fields.String(), metadata={"description": "of which a decider needs one, or the word of somebody who has it"})
    expires_at = ma.fields.String(allow_none=True, metadata={"description": "until when it may be decided"})
    rules_version = ma.fields.String(allow_none=True, metadata={"description": "of the rules of approvals by which it was asked for"})


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
        rows = [(find_approval(connection, name), agreed(connection, name)) for name in ids]
    return answer(page(rows, limit, lambda row: row[0].id, lambda row: approval_view(*row)))


@blp.endpoint("GET", "/approvals/<approval_id>", scopes=("marketer", "compliance"), replies={200: WholeApproval})
def show(ctx: Context, approval_id: str) -> Response:
    """One approval, and of a change of a list what would change."""
    with ctx.services.database.read() as connection:
        found = find_approval(connection, approval_id)
        entries, voices = proposed_changes(connection, approval_id, _ENTRIES_MAX), agreed(connection, approval_id)
    if found.merchant != ctx.merchant:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    return answer(approval_view(found, voices) | {"entries": entries})


@blp.endpoint("POST", "/approvals/<approval_id>/approve", scopes=_DECIDERS, body=DecideBody, replies={200: Approval}, effect=True)
def approve(ctx: Context, approval_id: str) -> Response:
    """Approve exactly what was proposed; with the last voice that is needed it takes effect at once."""
    return _decide(ctx, approval_id, approve=True)


@blp.endpoint("POST", "/approvals/<approval_id>/reject", scopes=_DECIDERS, body=DecideBody, replies={200: Approval}, effect=True)
def reject(ctx: Context, approval_id: str) -> Response:
    """Reject what was proposed."""
    return _decide(ctx, approval_id, approve=False)


def _decide(ctx: Context, approval_id: str, approve: bool) -> Response:
    reason, now = ctx.body["reason"], ctx.services.clock.now()
    if not reason.strip():
        raise Malformed("reason_required", Text(zh="须写明理由", en="give a reason"))
    prepare_decision(ctx.services.database, ctx.merchant, approval_id, approve=approve)

    def effect(connection: Connection) -> dict[str, Any]:
        decided = decide_in(connection, ctx.caller, ctx.merchant, approval_id, ctx.services.law, approve=approve, reason=reason, now=now)
        return approval_view(decided, agreed(connection, approval_id))

    reply = once(ctx, effect)
    ctx.services.catalogue.forget()
    ctx.services.rulesets.forget()
    ctx.services.lists.forget()
    ctx.services.snoozes.forget()
    return answer_reply(reply)
