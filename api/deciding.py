"""Deciding an approval, from any entry point: each kind of approval has its own consequence, looked up here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.persons.unmask import KIND as UNMASK
from api.persons.unmask import decide_unmask
from api.resolving import decide_release
from campaigns.law.book import LawBook
from campaigns.law.pack import EXCEPTION
from campaigns.lifecycle import KIND as RESUME
from campaigns.lifecycle import decide_resume
from campaigns.mechanics import mechanic_named, mechanic_names
from campaigns.publishing import KIND as PUBLISH
from campaigns.publishing import decide_further, decide_publication
from campaigns.withdrawals.asking import KIND as PAYOUT
from campaigns.withdrawals.asking import decide_payout
from core.access.approvals import Approval, agree, agreed, find_approval, hold_question, is_last, speak_as
from core.access.principals import SYSTEM, Caller
from core.db.engine import Database
from core.errors import NotFound
from core.text import Text
from fraud.cases.releases import KIND as RELEASE
from fraud.lists.changing import KIND as LIST_CHANGE
from fraud.lists.changing import decide_change
from fraud.rulesets.gate import ready_approval
from fraud.rulesets.publishing import KIND as PUBLISH_POLICY
from fraud.rulesets.publishing import decide_policy
from fraud.snoozes.changing import KIND as SNOOZE
from fraud.snoozes.changing import decide_snooze
from fraud.stops.changing import KIND as START_RULE
from fraud.stops.changing import decide_start

Decider = Callable[..., Approval]

# Kind of approval → what its decision does, in one transaction with it.
_FURTHER = {kind: decide_further for name in mechanic_names() for kind in mechanic_named(name).approval_kinds}
DECIDERS: dict[str, Decider] = {
    PUBLISH: decide_publication,
    RESUME: decide_resume,
    PUBLISH_POLICY: decide_policy,
    PAYOUT: decide_payout,
    LIST_CHANGE: decide_change,
    RELEASE: decide_release,
    SNOOZE: decide_snooze,
    EXCEPTION: decide_further,
    START_RULE: decide_start,
    UNMASK: decide_unmask,
    **_FURTHER,
}
# Kind of approval → what must hold before it is given; it may take seconds, so it runs outside of the transaction.
PREPARATIONS: dict[str, Callable[[Database, str], None]] = {PUBLISH_POLICY: ready_approval}


def decide_approval(services: Any, caller: Caller, merchant: str, approval_id: str, *, approve: bool, reason: str) -> dict[str, Any]:
    """Approve or reject. Raises `NotFound` (also for another merchant's), `Forbidden` for an editor, `Conflict` when decided before."""
    prepare_decision(services.database, merchant, approval_id, approve=approve)
    with services.database.write() as connection:
        decided = decide_in(connection, caller, merchant, approval_id, services.law, approve=approve, reason=reason, now=services.clock.now())
        view = approval_view(decided, agreed(connection, approval_id))
    services.rulesets.forget()
    services.lists.forget()
    services.snoozes.forget()
    services.catalogue.forget()
    return view


def prepare_decision(database: Database, merchant: str, approval_id: str, *, approve: bool) -> None:
    """Whatever must hold before `decide_in` may approve. Raises `NotFound`, or `Malformed` with what does not hold."""
    with database.read() as connection:
        asked = _of_merchant(find_approval(connection, approval_id), merchant)
    if approve and asked.state == "pending" and asked.kind in PREPARATIONS:
        PREPARATIONS[asked.kind](database, approval_id)


def decide_in(
    connection: Connection, caller: Caller, merchant: str, approval_id: str, law: LawBook | None = None, *, approve: bool, reason: str, now: datetime
) -> Approval:
    """The same, in the caller's transaction; `prepare_decision` comes before it. Where several must agree, only the last voice has the consequence."""
    asked = _of_merchant(find_approval(connection, approval_id), merchant)
    if asked.needed > 1:
        hold_question(connection, approval_id)
    by = caller.principal_id
    speak_as(connection, asked, caller, now)
    if approve and not is_last(connection, asked, by):
        return agree(connection, approval_id=approval_id, by=by, reason=reason, now=now)
    # A publication is judged again by the law that is in force now.
    more = {"law": law} if asked.kind == PUBLISH else {}
    return DECIDERS[asked.kind](connection, approval_id=approval_id, approve=approve, by=by, reason=reason, now=now, **more)


def lapse(connection: Connection, approval_id: str, now: datetime) -> None:
    """Nobody decided in time: the question is put away as if it had been rejected, so that what waited for it waits no more. Idempotent."""
    asked = find_approval(connection, approval_id)
    if asked.state == "pending" and asked.expires_at is not None and asked.expires_at <= now:
        DECIDERS[asked.kind](connection, approval_id=approval_id, approve=False, by=SYSTEM, reason="nobody decided in time", now=now)


def _of_merchant(approval: Approval, merchant: str) -> Approval:
    if approval.merchant != merchant:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    return approval


def approval_view(approval: Approval, voices: Collection[str] = ()) -> dict[str, Any]:
    """An approval as JSON-able data; `voices` are those who agreed to it so far."""
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
        "needed": approval.needed,
        "agreed": sorted(voices),
        "scopes": list(approval.wanted),
        "expires_at": None if approval.expires_at is None else approval.expires_at.isoformat(),
        "rules_version": approval.rules_version,
    }
