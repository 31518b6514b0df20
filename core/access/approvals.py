"""The one approvals port: every act that needs a second person goes through here, bound to the hash of exactly what was seen.

Each principal stands once in an approval's list of parties, as editor or as approver, so the database itself refuses an editor as approver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from core.audit.log import append
from core.db.engine import insert_ignore
from core.db.tables import approval_parties, approvals
from core.errors import Conflict, Forbidden, NotFound
from core.ids import new_id
from core.text import Text

STATES = ("pending", "approved", "rejected", "void")


@dataclass(frozen=True, slots=True)
class Approval:
    """One question put to a second person."""

    id: str
    merchant: str
    kind: str
    target: str
    content_hash: str
    note: str
    proposed_by: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


def propose(
    connection: Connection,
    *,
    merchant: str,
    kind: str,
    target: str,
    content_hash: str,
    editors: list[str],
    note: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Ask for approval; `editors` had a hand in the content, the first of them proposes. `detail` is kept in the audit entry as well, so it holds no
    personal data. Returns the approval's id."""
    approval_id = new_id("apr")
    values = {"id": approval_id, "merchant": merchant, "kind": kind, "target": target, "content_hash": content_hash, "note": note}
    connection.execute(approvals.insert().values(**values, proposed_by=editors[0], proposed_at=now, state="pending"))
    for editor in dict.fromkeys(editors):
        connection.execute(approval_parties.insert().values(approval_id=approval_id, principal_id=editor, role="editor"))
    append(
        connection,
        merchant=merchant,
        actor=editors[0],
        action=f"{kind}.proposed",
        target=target,
        now=now,
        after=content_hash,
        detail={"approval": approval_id, "note": note, **(detail or {})},
    )
    return approval_id


def find_approval(connection: Connection, approval_id: str) -> Approval:
    """Raises `NotFound`."""
    columns = [approvals.c[name] for name in Approval.__slots__]
    row = connection.execute(select(*columns).where(approvals.c.id == approval_id)).one_or_none()
    if row is None:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    return Approval(*row)


def is_approved(connection: Connection, merchant: str, kind: str, target: str, content_hash: str) -> bool:
    """Whether this kind of approval was given for exactly this content."""
    mine = (approvals.c.merchant == merchant, approvals.c.kind == kind, approvals.c.target == target)
    query = select(approvals.c.id).where(*mine, approvals.c.content_hash == content_hash, approvals.c.state == "approved")
    return connection.execute(query).first() is not None


def decide(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, content_hash: str, now: datetime) -> Approval:
    """Approve or reject what `content_hash` names; returns the decided approval.

    Raises `Forbidden` when `by` is an editor of it, `Conflict` when it was decided before, its object has ended or the content is another.
    """
    asked = find_approval(connection, approval_id)
    require_standing(asked)
    if asked.content_hash != content_hash:
        raise Conflict("approval_content_changed", Text(zh="内容与送审时不同,请重新送审", en="the content is not what was proposed; propose it again"))
    if not _join(connection, approval_id, by, "approver"):
        raise Forbidden("own_work", Text(zh="不能审批自己参与编辑的内容", en="an editor cannot decide on their own work"))
    state = "approved" if approve else "rejected"
    statement = update(approvals).where(approvals.c.id == approval_id, approvals.c.state == "pending")
    changed: Any = connection.execute(statement.values(state=state, decided_by=by, decided_role="approver", decided_at=now, reason=reason))
    if changed.rowcount != 1:
        raise Conflict("approval_decided", Text(zh="该审批已有结论", en="this approval was decided before"))
    detail = {"approval": approval_id, "reason": reason}
    append(connection, merchant=asked.merchant, actor=by, action=f"{asked.kind}.{state}", target=asked.target, now=now, after=content_hash, detail=detail)
    return find_approval(connection, approval_id)


def void(connection: Connection, approval_id: str, reason: str, by: str, now: datetime) -> bool:
    """What it is about has ended, so nobody has to decide any more; `by` ended it. False where it was decided before."""
    statement = update(approvals).where(approvals.c.id == approval_id, approvals.c.state == "pending")
    if connection.execute(statement.values(state="void", decided_at=now, reason=reason)).rowcount != 1:
        return False
    asked = find_approval(connection, approval_id)
    detail = {"approval": approval_id, "reason": reason}
    append(connection, merchant=asked.merchant, actor=by, action=f"{asked.kind}.void", target=asked.target, now=now, after=asked.content_hash, detail=detail)
    return True


def require_standing(approval: Approval) -> None:
    """Raises `Conflict` for one whose object has ended, with what ended it."""
    if approval.state == "void":
        text = Text(zh=f"该审批已失效:{approval.reason}", en=f"there is nothing left to decide: {approval.reason}")
        raise Conflict("approval_void", text, reason=approval.reason)


def _join(connection: Connection, approval_id: str, principal_id: str, role: str) -> bool:
    if insert_ignore(connection, approval_parties, {"approval_id": approval_id, "principal_id": principal_id, "role": role}):
        return True
    query = select(approval_parties.c.role).where(approval_parties.c.approval_id == approval_id, approval_parties.c.principal_id == principal_id)
    return bool(connection.execute(query).scalar_one() == role)
