"""Pause, resume and end. One person may always stop a campaign; what was given stays given, and only new claims are refused. Two start it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.catalogue import campaign_missing
from campaigns.store.tables import campaigns
from core.access.approvals import Approval, decide, find_approval, pending_for, propose, void
from core.audit.log import append
from core.canon import digest_of
from core.db.tables import approvals, audit_entries
from core.errors import Conflict
from core.jobs.outbox import announce
from core.text import Text

KIND = "campaign.resume"
# What one person may do: from which states each act may start, and where it leads.
ACTS: dict[str, tuple[frozenset[str], str]] = {
    "pause": (frozenset({"live"}), "paused"),
    "end": (frozenset({"live", "paused"}), "ended"),
}
_RESUME = (frozenset({"paused"}), "live")


def act(connection: Connection, *, merchant: str, campaign: str, name: str, actor: str, reason: str, now: datetime) -> str:
    """Do one of `ACTS`; returns the new status. Raises `NotFound`, or `Conflict` when the campaign is not in a state for it."""
    allowed, new = ACTS[name]
    row = _standing(connection, merchant, campaign, name, allowed)
    if new == "ended":
        waiting = (approvals.c.merchant == merchant, approvals.c.kind == KIND, approvals.c.target == campaign, approvals.c.state == "pending")
        for approval in connection.execute(select(approvals.c.id).where(*waiting).order_by(approvals.c.id)).scalars().all():
            void(connection, approval, "the campaign has ended", actor, now)
    return _move(connection, merchant, campaign, row.status, new, f"campaign.{name}", actor, {"reason": reason}, now)


def ask_resume(connection: Connection, *, merchant: str, campaign: str, actor: str, note: str, now: datetime) -> str:
    """Ask a second person to let it run again; returns the approval's id, that of the question which waits already where there is one.

    Raises as `act` does.
    """
    row = _standing(connection, merchant, campaign, "resume", _RESUME[0])
    content = _content(connection, merchant, campaign, row)
    asked: dict[str, Any] = {"merchant": merchant, "kind": KIND, "target": campaign, "content_hash": content, "now": now}
    return pending_for(connection, **asked) or propose(connection, **asked, editors=[actor], note=note)


def decide_resume(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's word. Raises `Conflict` for a campaign that is not paused, was paused anew, or has another version by now."""
    asked = find_approval(connection, approval_id)
    if not approve:
        return decide(connection, approval_id=approval_id, approve=False, by=by, reason=reason, content_hash=asked.content_hash, now=now)
    row = _standing(connection, asked.merchant, asked.target, "resume", _RESUME[0])
    content = _content(connection, asked.merchant, asked.target, row)
    decided = decide(connection, approval_id=approval_id, approve=True, by=by, reason=reason, content_hash=content, now=now)
    detail = {"reason": asked.note, "approval": approval_id, "asked_by": asked.proposed_by}
    _move(connection, asked.merchant, asked.target, row.status, _RESUME[1], "campaign.resume", by, detail, now)
    return decided


def _standing(connection: Connection, merchant: str, campaign: str, name: str, allowed: frozenset[str]) -> Any:
    """Its row, behind a lock. Raises `NotFound`, or `Conflict` when it is not in a state for this."""
    mine = (campaigns.c.merchant == merchant, campaigns.c.id == campaign)
    row = connection.execute(select(campaigns.c.status, campaigns.c.live_version).where(*mine).with_for_update()).one_or_none()
    if row is None or row.live_version is None:
        raise campaign_missing(campaign)
    if row.status not in allowed:
        text = Text(zh=f"活动状态为 {row.status},不能执行 {name}", en=f"a campaign that is {row.status} cannot {name}")
        raise Conflict("campaign_state", text, status=row.status)
    return row


def _move(connection: Connection, merchant: str, campaign: str, old: str, new: str, action: str, actor: str, detail: dict[str, Any], now: datetime) -> str:
    connection.execute(update(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign).values(status=new))
    known = {"from": old, "to": new, **detail}
    append(connection, merchant=merchant, actor=actor, action=action, target=campaign, now=now, detail=known)
    announce(connection, merchant=merchant, topic=f"campaign.{new}", ref=campaign, body={"campaign": campaign}, now=now)
    return new


def _content(connection: Connection, merchant: str, campaign: str, row: Any) -> str:
    """What a resumption is bound to: the version that would run, and this pause, not one before or after it."""
    paused = (audit_entries.c.merchant == merchant, audit_entries.c.target == campaign, audit_entries.c.action == "campaign.pause")
    pause = connection.execute(select(audit_entries.c.id).where(*paused).order_by(audit_entries.c.id.desc()).limit(1)).scalar_one()
    return digest_of({"campaign": campaign, "version": row.live_version, "pause": pause})
