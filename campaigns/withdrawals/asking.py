"""Asking for a withdrawal: bounds, tax and balance under the person's lock, and whether a second person must agree before it is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from campaigns.catalogue import Standing
from campaigns.mechanics.withdrawal.terms import WithdrawalTerms
from campaigns.ports import Decision
from campaigns.store.earnings import hold_people
from campaigns.versions import campaign_at
from campaigns.withdrawals.model import Withdrawal, find_withdrawal, move_on, tell
from campaigns.withdrawals.money import give_back, set_aside
from campaigns.withdrawals.reckon import Person, begin_of, reckon, require_within
from campaigns.withdrawals.tables import withdrawals
from core.access.approvals import Approval, decide, find_approval, propose
from core.audit.log import append
from core.canon import canonical
from core.errors import Conflict, Malformed
from core.ids import new_id
from core.jobs.timers import set_timer
from core.money import Money
from core.privacy.subjects import Subject
from core.privacy.vault import seal_fields
from core.text import Text

KIND = "withdrawal.payout"
PAY = "withdrawal.pay"


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants how much (fen, before tax and fee) by which campaign's rules, paid to whom; `receiver` holds "receiver" and may hold "real_name"."""

    standing: Standing
    subject: Subject
    fen: int
    receiver: Mapping[str, str]
    decision: Decision
    channel: str
    actor: str
    now: datetime


def require_named(terms: WithdrawalTerms, fen: int, receiver: Mapping[str, str]) -> None:
    """Raises `Malformed` where the channel will ask for the real name and there is none."""
    if fen >= terms.real_name_from_fen and not receiver.get("real_name", "").strip():
        from_yuan = Money(terms.real_name_from_fen).yuan()
        raise Malformed("real_name_required", Text(zh=f"{from_yuan} 元起须提供真实姓名", en=f"give the real name from {from_yuan} yuan on"))


def ask(connection: Connection, wish: Ask) -> Withdrawal:
    """Set the money aside. Raises `Malformed` for an amount out of bounds, `Conflict` (`balance_too_low`, `too_many_withdrawals`)."""
    standing, terms, now = wish.standing, wish.standing.campaign.terms, wish.now
    require_within(terms, wish.fen)
    require_named(terms, wish.fen, wish.receiver)
    hold_people(connection, [wish.subject.id])
    _require_turn(connection, wish)
    person = Person(standing.merchant, standing.campaign_id, wish.subject.id, now, standing.campaign.zone)
    found = reckon(connection, terms, person, wish.fen)
    if wish.subject.key is None:
        raise Conflict("subject_erased", Text(zh="该顾客的资料已删除", en="the customer's data was erased"))
    name = new_id("wdr")
    values: dict[str, Any] = {
        "id": name,
        "merchant": standing.merchant,
        "campaign": standing.campaign_id,
        "version": standing.version,
        "subject_id": wish.subject.id,
        # Letters and digits only, at most 32: what channels take. Made once; every retry tells the same.
        "bill_no": name.replace("_", "").upper(),
        "state": "auditing",
        **{field: getattr(found, field) for field in ("gross_fen", "fee_fen", "tax_fen", "net_fen")},
        "regime": terms.regime.name,
        "basis": canonical(found.basis),
        "receiver": seal_fields(wish.subject.key, wish.receiver),
        "channel": wish.channel,
        "decision_id": wish.decision.id,
        "requested_by": wish.actor,
        "requested_at": now,
    }
    connection.execute(withdrawals.insert().values(**values))
    made = find_withdrawal(connection, standing.merchant, name)
    set_aside(connection, made, now)
    detail = {"bill_no": made.bill_no, "gross_fen": made.gross_fen, "decision": made.decision_id, "campaign": made.campaign, "version": made.version}
    append(connection, merchant=made.merchant, actor=wish.actor, action="withdrawal.asked", target=made.id, now=now, detail=detail)
    note = "risk review" if wish.decision.outcome != "allow" else "above the amount that needs a second person"
    if wish.decision.outcome == "allow" and wish.fen <= terms.approve_above_fen:
        return release(connection, made, wish.actor, now)
    tell(connection, made, "withdrawal.auditing", now)
    return _put_up(connection, made, wish.actor, note, now)


def audit_again(connection: Connection, merchant: str, withdrawal_id: str, actor: str, note: str, now: datetime) -> Withdrawal:
    """A transfer failed: a second person decides whether it is told again, with the same bill, or given back."""
    found = find_withdrawal(connection, merchant, withdrawal_id, lock=True)
    return _put_up(connection, move_on(connection, found, "auditing", actor, now), actor, note, now)


def decide_payout(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's decision: it is due, or the money is owed again."""
    asked = find_approval(connection, approval_id)
    found = find_withdrawal(connection, asked.merchant, asked.target, lock=True)
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=found.content_hash, now=now)
    if found.state != "auditing" or found.approval_id != approval_id:
        if not approve:
            # It was paid meanwhile: the question is only put away.
            return decided
        raise Conflict("withdrawal_state", Text(zh="该提现已不在审核中", en="this withdrawal is not being audited any more"), state=found.state)
    if approve:
        release(connection, found, by, now)
    else:
        # The words may name a person, and stand in the approval.
        give_back(connection, move_on(connection, found, "rejected", by, now, ended_at=now), now)
    return decided


def release(connection: Connection, found: Withdrawal, actor: str, now: datetime) -> Withdrawal:
    """It is due. Its tax is that of this moment, unless the channel has heard of the bill already."""
    values: dict[str, Any] = {}
    if found.instructed_at is None:
        hold_people(connection, [found.subject_id])
        campaign = campaign_at(connection, found.merchant, found.campaign, found.version)
        person = Person(found.merchant, found.campaign, found.subject_id, now, campaign.zone, found.id)
        fixed = reckon(connection, campaign.terms, person, found.gross_fen)
        values = {name: getattr(fixed, name) for name in ("fee_fen", "tax_fen", "net_fen")} | {"basis": canonical(fixed.basis), "due_at": now}
    set_timer(connection, merchant=found.merchant, kind=PAY, ref=found.id, due_at=now)
    return move_on(connection, found, "approved", actor, now, **values)


def _put_up(connection: Connection, found: Withdrawal, actor: str, note: str, now: datetime) -> Withdrawal:
    """For a second person: the approvals' list shows it, and whoever asked cannot decide."""
    asks: dict[str, Any] = {"merchant": found.merchant, "kind": KIND, "target": found.id, "content_hash": found.content_hash, "measure": found.gross_fen}
    approval = propose(connection, **asks, editors=[actor], note=note[:200], now=now)
    connection.execute(update(withdrawals).where(withdrawals.c.id == found.id).values(approval_id=approval))
    return find_withdrawal(connection, found.merchant, found.id)


def _require_turn(connection: Connection, wish: Ask) -> None:
    terms, standing = wish.standing.campaign.terms, wish.standing
    if terms.per_day is None:
        return
    mine = (withdrawals.c.merchant == standing.merchant, withdrawals.c.subject_id == wish.subject.id, withdrawals.c.campaign == standing.campaign_id)
    today = withdrawals.c.requested_at >= begin_of("day", wish.now, standing.campaign.zone)
    made = connection.execute(select(func.count()).select_from(withdrawals).where(*mine, today, withdrawals.c.state != "rejected")).scalar_one()
    if made >= terms.per_day:
        text = Text(zh=f"每天最多提现 {terms.per_day} 次", en=f"at most {terms.per_day} withdrawals a day")
        raise Conflict("too_many_withdrawals", text, per_day=terms.per_day)
