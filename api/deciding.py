"""Deciding an approval, from any entry point: each kind of approval has its own consequence, looked up here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from campaigns.publishing import KIND as PUBLISH
from campaigns.publishing import decide_publication
from core.access.approvals import Approval, find_approval
from core.access.principals import Caller
from core.errors import NotFound
from core.text import Text

Decider = Callable[..., Approval]

# Kind of approval → what its decision does, in one transaction with it.
DECIDERS: dict[str, Decider] = {PUBLISH: decide_publication}


def decide_approval(services: Any, caller: Caller, merchant: str, approval_id: str, *, approve: bool, reason: str) -> dict[str, Any]:
    """Approve or reject. Raises `NotFound` (also for another merchant's), `Forbidden` for an editor, `Conflict` when decided before."""
    with services.database.write() as connection:
        decided = decide_in(connection, caller.principal_id, merchant, approval_id, approve=approve, reason=reason, now=services.clock.now())
    return approval_view(decided)


def decide_in(connection: Connection, by: str, merchant: str, approval_id: str, *, approve: bool, reason: str, now: datetime) -> Approval:
    """The same, in the caller's transaction."""
    asked = find_approval(connection, approval_id)
    if asked.merchant != merchant:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    return DECIDERS[asked.kind](connection, approval_id=approval_id, approve=approve, by=by, reason=reason, now=now)


def approval_view(approval: Approval) -> dict[str, Any]:
    """An approval as JSON-able data."""
    return {
        "id": approval.id,
        "kind": approval.kind,
        "target": approval.target,
        "content_hash": approval.content_hash,
        "note": approval.note,
        "proposed_by": approval.proposed_by,
        "proposed_at": approval.proposed_at.isoformat(),
        "state": approval.state,
        "decided_by": approval.decided_by,
        "decided_at": None if approval.decided_at is None else approval.decided_at.isoformat(),
        "reason": approval.reason,
    }
