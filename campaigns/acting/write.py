"""The one transaction of a command: key, slots, budget, decision, rows, reward, transfers, audit, outbox. All of it stands, or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from campaigns.acting.carry_out import carry_out
from campaigns.acting.early import untimely_status
from campaigns.acting.holding import Gone
from campaigns.acting.model import CommandRequest
from campaigns.acting.replies import reply_of
from campaigns.acting.snapshot import of_instance, of_key
from campaigns.acting.stage import After, Customer, Lease, Stage
from campaigns.audience import Outside, asks_for_orders, facts_of, outside
from campaigns.catalogue import Standing
from campaigns.mechanics import mechanic_named
from campaigns.mechanics.base import Command
from campaigns.mechanics.situation import Refuse, Situation, Wants, Wish
from campaigns.ports import Decision, DecisionBook, Overruled
from campaigns.store.tables import campaigns, orders
from core.access import idempotency
from core.access.idempotency import Reply
from core.access.inforce import terms_of
from core.privacy.subjects import Subject, subject_for
from core.privacy.vault import Vault, seal_fields

# Built once, see core.db.engine. FOR SHARE: whoever raises the epoch waits for us, so a gate rebuilt from SQL never misses a slot that
# we are about to take.
_STANDING = (
    select(campaigns.c.status, campaigns.c.live_version, campaigns.c.gate_epoch)
    .where(campaigns.c.merchant == bindparam("of"), campaigns.c.id == bindparam("named"))
    .with_for_update(read=True)
)


# The kind of approval whose threshold also says what one person may give against the verdict.
_RELEASE = "review.release"
# Verdicts with which nothing is given, unless a person has set them aside.
NOT_LET_THROUGH = ("reject", "challenge")


class RolledBack(Exception):
    """The transaction must not stand. `code` says why: a refusal's code, `stale_lease` or `stale_gate`.

    `conflict` says that something scarce which the gate gave was gone in SQL; `found` what the audience's condition lacks; `refuse` what the
    mechanic said.
    """

    def __init__(self, code: str, conflict: bool = False, found: Outside | None = None, refuse: Refuse | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.conflict = conflict
        self.found = found
        self.refuse = refuse


class DryRun(Exception):
    """Everything was done, and is taken back: `reply` says what it was."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("a dry run leaves nothing")
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Case:
    """One command on its way, after the first look."""

    standing: Standing
    command: Command
    asked: CommandRequest
    wish: Wish
    wants: Wants
    request_id: str
    now: datetime

    @property
    def dry(self) -> bool:
        return self.asked.at is not None

    def key(self, subject: Subject) -> str | None:
        """The key of the instance that a "keyed" command is about: the caller's own where it says "@caller"."""
        if self.command.key is None:
            return None
        named = self.command.key(Situation(self.standing.campaign, self.now), self.wish)
        return subject.id if named == "@caller" else named


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes commands. `keep` is how long replies are kept."""

    vault: Vault
    book: DecisionBook
    keep: timedelta

    def write(self, connection: Connection, case: Case, lease: Lease | None, decision: Decision | None, after: After) -> Reply:
        """Do it, or return the reply of the request that did it. Raises `RolledBack` when it must not be done, `DryRun` when it was one."""
        if not case.dry:
            earlier = idempotency.begin(connection, case.asked.request, case.now, self.keep)
            if earlier is not None:
                return earlier
        _require_standing(connection, case, lease)
        subject = subject_for(connection, self.vault, case.standing.merchant, case.asked.event.user, case.now)
        _require_audience(connection, case, subject)
        overruled = self._overruled(connection, case, decision, subject)
        stage = self._stage(connection, case, lease, decision, subject, after, overruled)
        wish = replace(case.wish, caller=subject.id)
        moves = case.command.act(stage.situation, wish)
        if isinstance(moves, Refuse):
            raise RolledBack(moves.code, refuse=moves)
        if case.command.wants(stage.situation, wish) != case.wants:
            # What the gate gave is not what it takes now, such as after a cut that came between and made the discount bigger.
            raise RolledBack("stale_lease")
        if decision is not None:
            self.book.record(connection, decision, subject)
        try:
            carry_out(stage, moves, case.wants)
            _note_pass(stage)
        except Gone as gone:
            known = gone.code in stage.mechanic.refusals
            raise RolledBack(gone.code, gone.conflict, refuse=Refuse(gone.code) if known else None) from gone
        reply = reply_of(stage, decision)
        if case.dry:
            raise DryRun(reply)
        idempotency.finish(connection, case.asked.request, reply)
        return reply

    def _overruled(self, connection: Connection, case: Case, decision: Decision | None, subject: Subject) -> Overruled | None:
        """A person's pass, used up here and now. What is refused without one must not be done."""
        if decision is None:
            return None
        found = self.book.use_pass(connection, decision, subject, case.now)
        if found is None and decision.outcome in NOT_LET_THROUGH:
            raise RolledBack("risk_refused")
        return found

    def _stage(
        self,
        connection: Connection,
        case: Case,
        lease: Lease | None,
        decision: Decision | None,
        subject: Subject,
        after: After,
        overruled: Overruled | None,
    ) -> Stage:
        situation, version = _situation(connection, case, subject)
        personal = case.asked.event.personal()
        sealed = None if subject.key is None else seal_fields(subject.key, personal)
        customer = Customer(
            subject,
            case.asked.request,
            case.request_id,
            lease,
            decision,
            self.book,
            self.vault,
            personal,
            sealed,
            _given_for(case.asked),
            overruled,
            0 if overruled is None else terms_of(connection, _RELEASE).above or 0,
        )
        mechanic, actor = mechanic_named(case.asked.mechanic), case.asked.request.principal_id
        stage = Stage(connection, case.standing.merchant, mechanic, version, situation, actor, case.now, after, customer)
        stage.instance_id = None if situation.instance is None else situation.instance.id
        stage.key = case.key(subject)
        return stage


def _note_pass(stage: Stage) -> None:
    """What came of a pass; whoever reads the reply learns that a person let it through."""
    by = stage.by
    if by.overruled is None or by.decision is None:
        return
    by.book.note_pass(stage.connection, by.overruled, by.decision, stage.actor, stage.now, reward_id=stage.reward_id, part_id=stage.part_id)
    if by.decision.outcome != "allow":
        stage.tell("risk.overruled", pass_id=by.overruled.id, verdict=by.decision.outcome)


def _given_for(asked: CommandRequest) -> str | None:
    return asked.event.order_id if "by_event" in asked.fields else None


def _situation(connection: Connection, case: Case, subject: Subject) -> tuple[Situation, int]:
    """The same look as before, under the instance's lock."""
    merchant, campaign, now = case.standing.merchant, case.asked.campaign, case.now
    plain = Situation(case.standing.campaign, now)
    if case.command.about == "named":
        found = of_instance(connection, merchant, campaign, case.asked.instance or "", now, lock=True)
        return found.situation, found.version
    key = case.key(subject)
    keyed = None if key is None else of_key(connection, merchant, campaign, key, now, lock=True)
    return (plain, case.standing.version) if keyed is None else (keyed.situation, keyed.version)


def _require_standing(connection: Connection, case: Case, lease: Lease | None) -> None:
    standing = case.standing
    row = connection.execute(_STANDING, {"of": standing.merchant, "named": standing.campaign.id}).one()
    if lease is not None and (row.gate_epoch != lease.epoch or row.live_version != standing.version):
        raise RolledBack("stale_lease")
    code = untimely_status(case.command, row.status)
    if code is not None:
        raise RolledBack(code)


def _require_audience(connection: Connection, case: Case, subject: Subject) -> None:
    """What the shop attests is checked against the orders that we saw ourselves."""
    audience = case.standing.campaign.audience
    if audience is None or case.command.when == "always" or not asks_for_orders(audience):
        return
    paid = select(func.count()).select_from(orders)
    mine: Any = (orders.c.merchant == case.standing.merchant, orders.c.subject_id == subject.id, orders.c.paid_at.is_not(None))
    seen = connection.execute(paid.where(*mine)).scalar_one()
    if seen == 0:
        return
    asked = case.asked
    found = outside(audience, facts_of(asked.event, case.now, asked.registered_at, max(seen, asked.order_count or 0), asked.choices))
    if found is not None:
        raise RolledBack("not_eligible", found=found)
