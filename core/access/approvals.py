"""The one approvals port: every act that needs a second person goes through here, bound to the hash of exactly what was seen.

Each principal stands once in an approval's list of parties, as editor or as approver, so the database itself refuses an editor as approver.
How many must agree, with which scopes and until when is written down when it is asked for, see `core.access.rulefile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from core.access.inforce import rules_in_force
from core.access.principals import SYSTEM, Caller
from core.access.standing import near, words_for
from core.audit.log import append
from core.canon import digest
from core.db.engine import insert_ignore
from core.db.tables import approval_parties, approval_proxies, approvals
from core.errors import Conflict, Forbidden, NotFound
from core.ids import new_id
from core.jobs.timers import set_timer
from core.text import Text

# Questions about one customer: what people write of them may name them.
ABOUT_PEOPLE = frozenset({"privacy.unmask", "review.release", "withdrawal.payout", "list.change", "snooze.add"})
STATES = ("pending", "approved", "rejected", "void")
# The timer that puts a question away when nobody decided in time.
TIMER = "approval.expiry"
_DEFAULT_SCOPES = "compliance"


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
    needed: int
    scopes: str | None
    expires_at: datetime | None
    rules_version: str | None

    @property
    def wanted(self) -> tuple[str, ...]:
        """The scopes of which a decider needs one."""
        return tuple((self.scopes or _DEFAULT_SCOPES).split())


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
    measure: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Ask for approval; `editors` had a hand in the content, the first of them proposes. Returns the approval's id.

    `measure` is its size in the kind's unit (fen, entries, hours), by which the rules may ask more people; None is beyond every threshold. `detail` is
    kept in the audit entry as well, so it holds no personal data.
    """
    approval_id, rules = new_id("apr"), rules_in_force(connection)
    terms = rules.terms(kind)
    expires_at = None if terms.open_for is None else now + terms.open_for
    values = {"id": approval_id, "merchant": merchant, "kind": kind, "target": target, "content_hash": content_hash, "note": note}
    asks = {"needed": terms.needed(measure), "scopes": " ".join(terms.scopes), "expires_at": expires_at, "rules_version": rules.version}
    connection.execute(approvals.insert().values(**values, **asks, proposed_by=editors[0], proposed_at=now, state="pending"))
    if expires_at is not None:
        set_timer(connection, merchant=merchant, kind=TIMER, ref=approval_id, due_at=expires_at)
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
        detail={"approval": approval_id, **_words(kind, "note", note), "rules": rules.version, "needed": asks["needed"], **(detail or {})},
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


def pending_for(connection: Connection, merchant: str, kind: str, target: str, content_hash: str, now: datetime) -> str | None:
    """The question that waits already about exactly this, or None."""
    mine = (approvals.c.merchant == merchant, approvals.c.kind == kind, approvals.c.target == target, approvals.c.content_hash == content_hash)
    still = approvals.c.expires_at.is_(None) | (approvals.c.expires_at > now)
    found: str | None = connection.execute(select(approvals.c.id).where(*mine, approvals.c.state == "pending", still)).scalars().first()
    return found


def pending_about(connection: Connection, merchant: str, target: str) -> list[str]:
    """The questions that wait about this, whatever they ask."""
    mine = (approvals.c.merchant == merchant, approvals.c.target == target, approvals.c.state == "pending")
    return list(connection.execute(select(approvals.c.id).where(*mine)).scalars())


def hold_question(connection: Connection, approval_id: str) -> None:
    """Its row is ours until the transaction ends: of several voices at once the last one knows that it is the last."""
    connection.execute(select(approvals.c.id).where(approvals.c.id == approval_id).with_for_update())


def speak_as(connection: Connection, asked: Approval, caller: Caller, now: datetime) -> None:
    """Make sure that the caller may decide: by a scope of their own, or by the word of somebody who has one, which is then written down.

    Raises `Forbidden`, and `Conflict` where whoever they speak for has decided already.
    """
    if caller.scopes & {*asked.wanted, "admin"}:
        return
    given = words_for(connection, asked.merchant, caller.principal_id, asked.kind, asked.wanted, now)
    if not given:
        caller.require(*asked.wanted)
    forbidden = near(connection, asked.merchant, asked.kind, _editors(connection, asked.id), now)
    free = [one for one in given if one.delegator not in forbidden]
    if not free or caller.principal_id in forbidden:
        raise _own_work()
    spoken = agreed(connection, asked.id)
    word = next((one for one in free if one.delegator not in spoken), None)
    if word is None:
        raise _decided_before()
    if not all(_join(connection, asked.id, who, "approver") for who in (caller.principal_id, word.delegator)):
        raise _own_work()
    row = {"approval_id": asked.id, "delegate": caller.principal_id, "delegator": word.delegator, "role": "approver", "delegation_id": word.id}
    if not insert_ignore(connection, approval_proxies, {**row, "expires_at": word.expires_at, "at": now}):
        raise _decided_before()
    detail = {"approval": asked.id, "for": word.delegator, "delegation": word.id}
    append(connection, merchant=asked.merchant, actor=caller.principal_id, action="approval.spoken_for", target=asked.target, now=now, detail=detail)


def is_last(connection: Connection, asked: Approval, by: str) -> bool:
    """Whether this person's agreement is the one that is still missing."""
    return len(agreed(connection, asked.id) - {by}) + 1 >= asked.needed


def agreed(connection: Connection, approval_id: str) -> set[str]:
    """Who has agreed; whoever somebody else spoke for is not counted beside them."""
    mine = (approval_parties.c.approval_id == approval_id, approval_parties.c.role == "approver")
    spoken_for = select(approval_proxies.c.delegator).where(approval_proxies.c.approval_id == approval_id)
    query = select(approval_parties.c.principal_id).where(*mine, approval_parties.c.principal_id.not_in(spoken_for))
    return set(connection.execute(query).scalars())


def agree(connection: Connection, *, approval_id: str, by: str, reason: str, now: datetime) -> Approval:
    """One of several voices; what it is about happens with the last, see `decide`. Raises as `decide` does, and `Conflict` for a second time."""
    asked = _open(connection, approval_id, by, now)
    spoke = select(func.count()).select_from(approval_proxies).where(approval_proxies.c.approval_id == approval_id, approval_proxies.c.delegate == by)
    if not connection.execute(spoke).scalar_one() and by in agreed(connection, approval_id):
        raise _decided_before()
    if not _join(connection, approval_id, by, "approver"):
        raise _own_work()
    detail = {"approval": approval_id, **_words(asked.kind, "reason", reason), "agreed": len(agreed(connection, approval_id)), "needed": asked.needed}
    action = f"{asked.kind}.agreed"
    append(connection, merchant=asked.merchant, actor=by, action=action, target=asked.target, now=now, after=asked.content_hash, detail=detail)
    return asked


def decide(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, content_hash: str, now: datetime) -> Approval:
    """Approve or reject what `content_hash` names; returns the decided approval. The service itself may reject what nobody decided in time.

    Raises `Forbidden` when `by` is an editor of it or has an editor's word, `Conflict` when it was decided before, its time is over, its
    content is another, or others must agree as well.
    """
    asked = find_approval(connection, approval_id)
    if by == SYSTEM and not approve:
        return _close(connection, asked, "rejected", by, None, reason, now)
    require_standing(asked)
    if asked.content_hash != content_hash:
        raise Conflict("approval_content_changed", Text(zh="内容与送审时不同,请重新送审", en="the content is not what was proposed; propose it again"))
    _open(connection, approval_id, by, now)
    if not _join(connection, approval_id, by, "approver"):
        raise _own_work()
    if approve and len(agreed(connection, approval_id)) < asked.needed:
        text = Text(zh=f"须 {asked.needed} 人批准", en=f"{asked.needed} people must agree")
        raise Conflict("approvers_missing", text, needed=asked.needed)
    return _close(connection, asked, "approved" if approve else "rejected", by, "approver", reason, now)


def _close(connection: Connection, asked: Approval, state: str, by: str, role: str | None, reason: str, now: datetime) -> Approval:
    statement = update(approvals).where(approvals.c.id == asked.id, approvals.c.state == "pending")
    decider = {"decided_by": None if role is None else by, "decided_role": role, "decided_at": now}
    if connection.execute(statement.values(state=state, **decider, reason=reason)).rowcount != 1:
        raise _decided_before()
    detail = {"approval": asked.id, **_words(asked.kind, "reason", reason)}
    action = f"{asked.kind}.{state}"
    append(connection, merchant=asked.merchant, actor=by, action=action, target=asked.target, now=now, after=asked.content_hash, detail=detail)
    return find_approval(connection, asked.id)


def _words(kind: str, name: str, text: str) -> dict[str, str]:
    """What somebody wrote, for the sealed log; about a customer only its hash, since the words stay where they can be erased."""
    return {f"{name}_hash": digest(text.encode())} if kind in ABOUT_PEOPLE else {name: text}


def _open(connection: Connection, approval_id: str, by: str, now: datetime) -> Approval:
    """It waits still, and `by` is neither an editor nor somebody with an editor's word. The row is ours, so that two voices do not pass each other."""
    connection.execute(select(approvals.c.id).where(approvals.c.id == approval_id).with_for_update())
    asked = find_approval(connection, approval_id)
    require_standing(asked)
    if by in near(connection, asked.merchant, asked.kind, _editors(connection, approval_id), now):
        raise _own_work()
    if asked.state == "pending" and asked.expires_at is not None and asked.expires_at <= now:
        raise Conflict("approval_expired", Text(zh="审批已过期,请重新送审", en="the time to decide is over; propose it again"))
    if asked.state != "pending":
        raise _decided_before()
    return asked


def _editors(connection: Connection, approval_id: str) -> list[str]:
    query = select(approval_parties.c.principal_id).where(approval_parties.c.approval_id == approval_id, approval_parties.c.role == "editor")
    return list(connection.execute(query).scalars())


def _own_work() -> Forbidden:
    text = Text(zh="不能审批自己(或委托人)参与编辑的内容", en="an editor cannot decide on their own work, nor can whoever has an editor's word")
    return Forbidden("own_work", text)


def _decided_before() -> Conflict:
    return Conflict("approval_decided", Text(zh="该审批已有结论", en="this approval was decided before"))


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
