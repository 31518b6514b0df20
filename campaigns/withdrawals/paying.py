"""Paying: the channel is told outside of any transaction, with a bill number that makes telling it again harmless; then what it said is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select

from campaigns.versions import campaign_at
from campaigns.withdrawals.asking import PAY
from campaigns.withdrawals.model import Withdrawal, find_withdrawal, move_on, tell
from campaigns.withdrawals.money import give_back, pay_out
from campaigns.withdrawals.ports import WAITING, Bill, Outcome, PayoutChannel
from campaigns.withdrawals.tables import withdrawals
from core.audit.log import append
from core.clock import Clock
from core.db.engine import Database
from core.db.tables import subjects
from core.errors import Conflict
from core.jobs.timers import set_timer
from core.privacy.vault import Vault, open_fields
from core.text import Text

log = structlog.get_logger(__name__)
FOLLOW = "withdrawal.follow"
Handler = Callable[[Connection, str, datetime], None]
_ERASED = Outcome("failed", None, "receiver_erased")


@dataclass(frozen=True, slots=True)
class Payer:
    """Tells channels to pay and follows what becomes of it."""

    database: Database
    vault: Vault
    clock: Clock
    channels: Mapping[str, PayoutChannel]

    def pay(self, withdrawal_id: str) -> Handler:
        """For the timer of a due withdrawal."""
        with self.database.read() as connection:
            found = _any(connection, withdrawal_id)
            bill = self.bill(connection, found)
        if found.state != "approved":
            return _nothing
        try:
            outcome = _ERASED if bill is None else self.channels[found.channel].instruct(bill)
        except Exception:
            log.exception("payout_channel_away", withdrawal=withdrawal_id)
            return lambda connection, _, now: _later(connection, found, PAY, now)
        return lambda connection, _, now: self._instructed(connection, withdrawal_id, outcome, now)

    def follow(self, withdrawal_id: str) -> Handler:
        """For the timer of a bill that was told: ask for it, and close it when nobody confirmed in time."""
        with self.database.read() as connection:
            found = _any(connection, withdrawal_id)
            until = _until(connection, found)
        if found.state != "paying" or until is None:
            return _nothing
        channel = self.channels[found.channel]
        try:
            outcome = channel.look(found.bill_no)
            if outcome.state == "waiting" and self.clock.now() >= until:
                outcome = channel.close(found.bill_no)
        except Exception:
            log.exception("payout_channel_away", withdrawal=withdrawal_id)
            return lambda connection, _, now: _later(connection, found, FOLLOW, now)
        return lambda connection, _, now: self._heard(connection, withdrawal_id, outcome, now)

    def bill(self, connection: Connection, found: Withdrawal) -> Bill | None:
        """What the channel is told; None where the receiver's data was erased."""
        wrapped = connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == found.subject_id)).scalar_one()
        if wrapped is None:
            return None
        fields = open_fields(self.vault.unwrap(wrapped), found.receiver)
        return Bill(found.bill_no, found.merchant, found.net_fen, fields["receiver"], fields.get("real_name"))

    def _instructed(self, connection: Connection, withdrawal_id: str, outcome: Outcome, now: datetime) -> None:
        found = _any(connection, withdrawal_id, lock=True)
        if found.state != "approved":
            return
        told = {} if outcome is _ERASED else {"instructed_at": now}
        if outcome is _ERASED:
            conclude(connection, found, outcome, "system", now)
            return
        moved = move_on(connection, found, "paying", "system", now, channel_ref=outcome.channel_ref, **told)
        if self.channels[found.channel].announces:
            tell(connection, moved, "withdrawal.due", now)
        self._go_on(connection, moved, outcome, now)

    def _heard(self, connection: Connection, withdrawal_id: str, outcome: Outcome, now: datetime) -> None:
        found = _any(connection, withdrawal_id, lock=True)
        if found.state == "paying":
            self._go_on(connection, found, outcome, now)

    def _go_on(self, connection: Connection, found: Withdrawal, outcome: Outcome, now: datetime) -> None:
        if outcome.state != "waiting":
            conclude(connection, found, outcome, "system", now)
            return
        until, pause = _until(connection, found), self.channels[found.channel].ask_after
        if until is not None and found.instructed_at is not None:
            # Asked less and less often, and once more at the end.
            later = until if pause is None else min(until, max(found.instructed_at + pause, now + (now - found.instructed_at)))
            set_timer(connection, merchant=found.merchant, kind=FOLLOW, ref=found.id, due_at=later if later > now else now + timedelta(minutes=1))


def conclude(connection: Connection, found: Withdrawal, outcome: Outcome, actor: str, now: datetime) -> Withdrawal:
    """Write how a transfer ended. Told again it changes nothing; a payment is a fact, however late it is told.

    Raises `Conflict` for what was never told to a channel, and for a failure of what was paid.
    """
    state = {"paid": "paid", "failed": "transfer_failed", "closed": "closed"}[outcome.state]
    if found.state == state:
        return found
    if found.instructed_at is None and outcome is not _ERASED:
        raise Conflict("not_instructed", Text(zh="这笔提现还没有发出付款指令", en="no channel was told to pay this withdrawal yet"), state=found.state)
    values = {"reason": outcome.reason, "channel_ref": outcome.channel_ref or found.channel_ref}
    ended = {} if state == "transfer_failed" else {"ended_at": now}
    moved = move_on(connection, found, state, actor, now, **values, **ended)
    if state == "closed":
        give_back(connection, moved, now)
    elif state == "paid":
        owing = pay_out(connection, found, now)
        if owing:
            detail = {"bill_no": found.bill_no, "was": found.state, "debt_fen": owing}
            append(connection, merchant=found.merchant, actor=actor, action="withdrawal.paid_late", target=found.id, now=now, detail=detail)
    return moved


def told_outcome(connection: Connection, merchant: str, withdrawal_id: str, bill: tuple[str, int], outcome: Outcome, actor: str, now: datetime) -> Withdrawal:
    """What the shop heard from its channel. Raises `PayoutMismatch` when the bill number or the amount is not this withdrawal's."""
    found = find_withdrawal(connection, merchant, withdrawal_id, lock=True)
    if bill != (found.bill_no, found.net_fen):
        text = Text(zh="账单号或金额与这笔提现不符", en="the bill number or the amount is not this withdrawal's")
        raise PayoutMismatch("payout_mismatch", text, bill_no=found.bill_no, net_fen=found.net_fen)
    return conclude(connection, found, outcome, actor, now)


class PayoutMismatch(Conflict):
    """A callback that contradicts the bill: nothing is taken from it, and it is kept in the audit log."""


@dataclass(frozen=True, slots=True)
class ShopChannel:
    """The shop's own backend pays: it hears `withdrawal.due`, tells its licensed channel, and reports the outcome."""

    name: str = "shop"
    announces: bool = True
    ask_after: timedelta | None = None

    def instruct(self, bill: Bill) -> Outcome:
        return WAITING

    def look(self, bill_no: str) -> Outcome:
        return WAITING

    def close(self, bill_no: str) -> Outcome:
        return Outcome("closed", None, "unconfirmed")


def _later(connection: Connection, found: Withdrawal, kind: str, now: datetime) -> None:
    """The channel is away: asked again each minute, for as long as it takes. Nothing is given back while nobody knows."""
    set_timer(connection, merchant=found.merchant, kind=kind, ref=found.id, due_at=now + timedelta(minutes=1))


def _until(connection: Connection, found: Withdrawal) -> datetime | None:
    if found.instructed_at is None:
        return None
    within: timedelta = campaign_at(connection, found.merchant, found.campaign, found.version).terms.confirm_within
    return found.instructed_at + within


def _any(connection: Connection, withdrawal_id: str, lock: bool = False) -> Withdrawal:
    merchant = connection.execute(select(withdrawals.c.merchant).where(withdrawals.c.id == withdrawal_id)).scalar_one()
    return find_withdrawal(connection, merchant, withdrawal_id, lock)


def _nothing(connection: Connection, ref: str, now: datetime) -> Any:
    return None
