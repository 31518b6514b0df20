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
from campaigns.rebates.held import move_on
from campaigns.rebates.tables import commissions, promoters, rebate_orders
from campaigns.store.earnings import hold_people
from campaigns.versions import campaign_at
from core.audit.log import append
from core.clock import Clock
from core.db.engine import Database
from core.db.tables import subjects
from core.event import Event
from core.jobs.timers import set_timer
from core.privacy.subjects import Subject
from core.privacy.vault import Vault, open_fields

Handler = Callable[[Connection, str, datetime], None]


@dataclass(frozen=True, slots=True)
class _Decided:
    """What the risk engine said of a promoter, and who that is."""

    decision: Decision
    subject: Subject
    who: dict[str, Any]


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
        decided: dict[str, _Decided] = {}
        for subject, who in people if now >= rebate.due_at and rebate.settled_at is None else ():
            # The time is ours and no part of what was said: who dies after the decision and comes again finds it.
            about = {"campaign": rebate.campaign, "order_id": rebate.order_id, "clock_flag": "unstated"}
            event = Event(f"settle:{rebate_id}:{subject.id}", SETTLE, rebate.merchant, now, now, **who, **about)
            decided[subject.id] = _Decided(self.risk.check(event, SETTLE, policy_named(campaign, SETTLE)), subject, who)
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

    def _write(self, connection: Connection, rebate_id: str, decided: dict[str, _Decided], now: datetime) -> None:
        rebate = connection.execute(select(rebate_orders).where(rebate_orders.c.id == rebate_id).with_for_update()).one()
        if rebate.settled_at is not None or now < rebate.due_at:
            return
        rows = connection.execute(select(commissions).where(commissions.c.rebate_id == rebate_id, commissions.c.state == "pending")).all()
        if any(row.subject_id not in decided for row in rows):
            # Somebody's commission came to be pending since: decided in the next round.
            set_timer(connection, merchant=rebate.merchant, kind=TIMER, ref=rebate_id, due_at=now)
            return
        hold_people(connection, [row.subject_id for row in rows])
        for one in decided.values():
            self.book.record(connection, one.decision, one.subject)
        held = {name for name in {row.subject_id for row in rows} if rebate.doubted or decided[name].decision.outcome != "allow"}
        for row in rows:
            move_on(connection, rebate, row, "held" if row.subject_id in held else "settled", now)
        for name in sorted(held):
            one = decided[name]
            self.book.open_commission_review(connection, one.decision, rebate_id, rebate.campaign, one.who, now)
        connection.execute(update(rebate_orders).where(rebate_orders.c.id == rebate_id).values(settled_at=now))


def _subject(connection: Connection, vault: Vault, merchant: str, subject_id: str) -> Subject:
    wrapped = connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == subject_id)).scalar_one()
    return Subject(subject_id, merchant, None if wrapped is None else vault.unwrap(wrapped))


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__slots__}
