"""Settlement: each promoter of a due order is decided again, outside of any transaction; what is not allowed is held for a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.mechanics.rebate.mechanic import ACCRUE, SETTLE
from campaigns.policies import policy_named
from campaigns.ports import Decision, DecisionBook, RiskCheck
from campaigns.rebates.accrual import TIMER
from campaigns.rebates.money import Mover
from campaigns.rebates.tables import commissions, promoters, rebate_orders
from campaigns.store.earnings import hold_people
from campaigns.versions import campaign_at
from core.audit.log import append
from core.clock import Clock
from core.db.engine import Database
from core.db.tables import subjects
from core.errors import Conflict, NotFound
from core.event import Event
from core.jobs.outbox import announce
from core.jobs.timers import set_timer
from core.privacy.subjects import Subject
from core.privacy.vault import Vault, open_fields
from core.text import Text

Handler = Callable[[Connection, str, datetime], None]


@dataclass(frozen=True, slots=True)
class RebateSettler:
    """Settles orders whose commissions are due."""

    database: Database
    risk: RiskCheck
    book: DecisionBook
    vault: Vault
    clock: Clock

    def handler(self, rebate_id: str) -> Handler:
        """For the timer of a rebate: the decisions first, then what to write."""
        now = self.clock.now()
        with self.database.read() as connection:
            rebate = connection.execute(select(rebate_orders).where(rebate_orders.c.id == rebate_id)).one()
            people = self._people(connection, rebate)
            campaign = campaign_at(connection, rebate.merchant, rebate.campaign, rebate.version)
        decided: dict[str, tuple[Decision, Subject]] = {}
        for subject, who in people if now >= rebate.due_at and rebate.settled_at is None else ():
            # The time is ours and no part of what was said: who dies after the decision and comes again finds it.
            about = {"campaign": rebate.campaign, "order_id": rebate.order_id, "clock_flag": "unstated"}
            event = Event(f"settle:{rebate_id}:{subject.id}", SETTLE, rebate.merchant, now, now, **who, **about)
            decided[subject.id] = self.risk.check(event, SETTLE, policy_named(campaign, SETTLE)), subject
        return lambda connection, _, at: self._write(connection, rebate_id, decided, at)

    def judge(self, rebate_ids: list[str], event: Event) -> None:
        """The order's payment in the eyes of the promoters' policy; what it does not allow is held when it is due."""
        for rebate_id in rebate_ids:
            with self.database.read() as connection:
                rebate = connection.execute(select(rebate_orders).where(rebate_orders.c.id == rebate_id)).one()
            campaign, now = rebate.campaign, self.clock.now()
            seen = Event(**{**_fields(event), "id": f"accrue:{rebate_id}", "type": ACCRUE, "campaign": campaign, "custom": {}})
            decision = self.risk.check(seen, ACCRUE)
            with self.database.write() as connection:
                subject = _subject(connection, self.vault, rebate.merchant, rebate.buyer)
                self.book.record(connection, decision, subject)
                if decision.outcome != "allow":
                    connection.execute(update(rebate_orders).where(rebate_orders.c.id == rebate_id).values(doubted=True))
                    detail = {"decision": decision.id, "outcome": decision.outcome}
                    append(connection, merchant=rebate.merchant, actor="system", action="rebate.doubted", target=rebate_id, now=now, detail=detail)

    def _people(self, connection: Connection, rebate: Any) -> list[tuple[Subject, dict[str, Any]]]:
        """The promoters that have something to settle, each with who they are."""
        of_it = (commissions.c.rebate_id == rebate.id, commissions.c.state == "pending")
        found = []
        for name in connection.execute(select(commissions.c.subject_id).distinct().where(*of_it).order_by(commissions.c.subject_id)).scalars().all():
            subject = _subject(connection, self.vault, rebate.merchant, name)
            mine = (promoters.c.merchant == rebate.merchant, promoters.c.campaign == rebate.campaign, promoters.c.subject_id == name)
            sealed = connection.execute(select(promoters.c.actor).where(*mine)).scalar_one_or_none()
            known = subject.key is not None and sealed is not None
            found.append((subject, dict(open_fields(subject.key, sealed)) if known else {"user": subject.id}))  # type: ignore[arg-type]
        return found

    def _write(self, connection: Connection, rebate_id: str, decided: dict[str, tuple[Decision, Subject]], now: datetime) -> None:
        rebate = connection.execute(select(rebate_orders).where(rebate_orders.c.id == rebate_id).with_for_update()).one()
        if rebate.settled_at is not None or now < rebate.due_at:
            return
        rows = connection.execute(select(commissions).where(commissions.c.rebate_id == rebate_id, commissions.c.state == "pending")).all()
        if any(row.subject_id not in decided for row in rows):
            # Somebody's commission came to be pending since: decided in the next round.
            set_timer(connection, merchant=rebate.merchant, kind=TIMER, ref=rebate_id, due_at=now)
            return
        hold_people(connection, [row.subject_id for row in rows])
        for decision, subject in decided.values():
            self.book.record(connection, decision, subject)
        for row in rows:
            allowed = decided[row.subject_id][0].outcome == "allow" and not rebate.doubted
            _move_on(connection, rebate, row, "settled" if allowed else "held", now)
        connection.execute(update(rebate_orders).where(rebate_orders.c.id == rebate_id).values(settled_at=now))


def held_rebates(connection: Connection, merchant: str, *, after: str, most: int) -> list[dict[str, Any]]:
    """Orders with held commissions after the id `after`, in the order in which they were paid."""
    mine = (commissions.c.merchant == merchant, commissions.c.state == "held", commissions.c.rebate_id > after)
    names = connection.execute(select(commissions.c.rebate_id).distinct().where(*mine).order_by(commissions.c.rebate_id).limit(most)).scalars().all()
    found = {row.id: row for row in connection.execute(select(rebate_orders).where(rebate_orders.c.id.in_(names)))}
    rows = connection.execute(select(commissions).where(commissions.c.rebate_id.in_(names), commissions.c.state == "held")).all()
    return [
        {"rebate": name, "order": found[name].order_id, "campaign": found[name].campaign, "version": found[name].version, "doubted": found[name].doubted}
        | {"settled_at": found[name].settled_at.isoformat(), "commissions": [_shown(row) for row in rows if row.rebate_id == name]}
        for name in names
    ]


def _shown(row: Any) -> dict[str, Any]:
    return {"promoter": row.subject_id, "line": row.number, "tier": row.tier + 1, "amount_fen": row.amount_fen - row.taken_fen}


def resolve_held(connection: Connection, merchant: str, rebate_id: str, settle: bool, actor: str, reason: str, now: datetime) -> list[dict[str, Any]]:
    """A person has looked at an order's held commissions: they settle, or come to nothing. Raises `NotFound`, `Conflict` where nothing is held."""
    mine = (rebate_orders.c.id == rebate_id, rebate_orders.c.merchant == merchant)
    rebate = connection.execute(select(rebate_orders).where(*mine).with_for_update()).one_or_none()
    if rebate is None:
        raise NotFound("rebate_not_found", Text(zh="没有这笔返佣", en="there is no such rebate"))
    rows = connection.execute(select(commissions).where(commissions.c.rebate_id == rebate_id, commissions.c.state == "held")).all()
    if not rows:
        raise Conflict("nothing_held", Text(zh="没有待处理的佣金", en="no commission of it is held"))
    hold_people(connection, [row.subject_id for row in rows])
    for row in rows:
        _move_on(connection, rebate, row, "settled" if settle else "cancelled", now)
    detail = {"settle": settle, "reason": reason[:200], "count": len(rows)}
    append(connection, merchant=merchant, actor=actor, action="rebate.resolved", target=rebate_id, now=now, detail=detail)
    return [_shown(row) for row in rows]


def _move_on(connection: Connection, rebate: Any, row: Any, state: str, now: datetime) -> None:
    left = row.amount_fen - row.taken_fen
    mover = Mover(connection, rebate.merchant, rebate.campaign, row.subject_id, rebate.order_id, f"rebate:{rebate.id}:{row.number}:{row.tier}", now)
    values: dict[str, Any] = {"state": state}
    if state == "settled":
        mover.settle(left)
    elif state == "cancelled":
        mover.take_back(left, False, row.amount_fen)
        values["taken_fen"] = row.amount_fen
    same = (commissions.c.rebate_id == row.rebate_id, commissions.c.number == row.number, commissions.c.tier == row.tier)
    connection.execute(update(commissions).where(*same).values(**values))
    body = {"order": rebate.order_id, "rebate": rebate.id, "promoter": row.subject_id, "amount_fen": left}
    announce(connection, merchant=rebate.merchant, topic=f"commission.{state}", ref=rebate.order_id, body=body, now=now)


def _subject(connection: Connection, vault: Vault, merchant: str, subject_id: str) -> Subject:
    wrapped = connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == subject_id)).scalar_one()
    return Subject(subject_id, merchant, None if wrapped is None else vault.unwrap(wrapped))


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__slots__}
