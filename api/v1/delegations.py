"""The rules of approvals that count, and words that people lend one another until a time."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.approving import KINDS
from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import moment, text
from core.access.delegating import LONGEST, REASON_MAX, delegate, revoke
from core.access.inforce import adoptions, rules_in_force
from core.access.standing import Delegation, delegations_where
from core.db.tables import delegations

blp = Resource("delegations", __name__, description="Who may approve for whom, and by which rules. Words that were lent are not lent on.")
_READERS = ("marketer", "compliance")


class DelegationBody(ma.Schema):
    """To whom, for which kinds of approval, until when, and why."""

    to = text(128, required=True, metadata={"description": "a person's id or name"})
    kinds = ma.fields.List(text(64), required=True, validate=ma.validate.Length(1, 32))
    until = moment(required=True, metadata={"description": f"within {LONGEST.days} days"})
    reason = text(REASON_MAX, required=True)


class DelegationReply(ma.Schema):
    id = ma.fields.String()
    delegator = ma.fields.String()
    delegate = ma.fields.String()
    kinds = ma.fields.List(ma.fields.String())
    reason = ma.fields.String()
    created_at = ma.fields.String()
    expires_at = ma.fields.String()
    revoked_at = ma.fields.String(allow_none=True)
    revoked_by = ma.fields.String(allow_none=True)


class DelegationList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(DelegationReply))
    next = ma.fields.String(allow_none=True)


class ApprovalRulesReply(ma.Schema):
    name = ma.fields.String()
    version = ma.fields.String(metadata={"description": "the hash of the document; approvals and the audit log name it"})
    document = ma.fields.Dict()
    adoptions = ma.fields.List(ma.fields.Dict(), metadata={"description": "which rules counted from when on, the newest first"})


@blp.endpoint("GET", "/approval-rules", scopes=_READERS, replies={200: ApprovalRulesReply})
def rules(ctx: Context) -> Response:
    """The rules in force, whole: what their file left out is filled in."""
    with ctx.services.database.read() as connection:
        found, adopted = rules_in_force(connection), adoptions(connection)
    return answer({"name": found.name, "version": found.version, "document": found.document, "adoptions": adopted})


@blp.endpoint("GET", "/delegations", scopes=_READERS, query=PageQuery, replies={200: DelegationList})
def index(ctx: Context) -> Response:
    """Those in effect."""
    after, limit, now = read_cursor(ctx.query["cursor"]), ctx.query["limit"], ctx.services.clock.now()
    standing = (delegations.c.revoked_at.is_(None), delegations.c.expires_at > now, delegations.c.id > after)
    with ctx.services.database.read() as connection:
        rows = delegations_where(connection, ctx.merchant, *standing)
    return answer(page(rows[: limit + 1], limit, lambda row: row.id, delegation_view))


@blp.endpoint("POST", "/delegations", scopes=_READERS, body=DelegationBody, replies={201: DelegationReply}, effect=True)
def add(ctx: Context) -> Response:
    """Lend your word: until then that person may decide these kinds of approval as you might, but nothing that you had a hand in."""

    def effect(connection: Connection) -> dict[str, Any]:
        return delegation_view(delegate(connection, ctx.caller, ctx.merchant, **ctx.body, known=KINDS, now=ctx.services.clock.now()))

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("DELETE", "/delegations/<delegation_id>", scopes=_READERS, replies={200: DelegationReply}, effect=True)
def end(ctx: Context, delegation_id: str) -> Response:
    """Take it back at once."""

    def effect(connection: Connection) -> dict[str, Any]:
        return delegation_view(revoke(connection, ctx.caller, ctx.merchant, delegation_id, ctx.services.clock.now()))

    return answer_reply(once(ctx, effect))


def delegation_view(one: Delegation) -> dict[str, Any]:
    """As JSON-able data."""
    times = {name: None if (at := getattr(one, name)) is None else at.isoformat() for name in ("created_at", "expires_at", "revoked_at")}
    return {name: getattr(one, name) for name in ("id", "delegator", "delegate", "reason", "revoked_by")} | {"kinds": list(one.kinds)} | times
