"""What people earn in money: a debt is paid before anything is owed, and what cannot be taken back any more becomes a debt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from campaigns.store import ledger
from campaigns.store.ledger import Account
from campaigns.store.tables import accounts
from core.db.tables import subjects
from core.money import Money


def frozen(subject_id: str) -> Account:
    """Commissions of orders that may still be given back."""
    return Account("frozen", subject_id, owed=True)


def debt(subject_id: str) -> Account:
    """What a person owes us: its balance is zero or below."""
    return Account("debt", subject_id)


@dataclass(frozen=True, slots=True)
class About:
    """What a transfer is about: `once` begins its name."""

    once: str
    reward_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Purse:
    """The money of one person, held until the transaction ends."""

    connection: Connection
    merchant: str
    subject: str
    now: datetime

    def earn(self, source: Account, fen: int, reason: str, about: About) -> int:
        """From now on we owe it; a debt is paid first. Returns what was left to owe, in fen."""
        hold_people(self.connection, [self.subject])
        back = min(fen, self.debt_fen())
        self.move(source, debt(self.subject), back, "commission.debt_paid", _named(about, "debt"))
        self.move(source, ledger.commission(self.subject), fen - back, reason, about)
        return fen - back

    def take(self, to: Account, fen: int, reason: str, about: About) -> int:
        """Take what we owe; returns what became a debt because it was not there any more, in fen."""
        hold_people(self.connection, [self.subject])
        there = min(fen, self._owed())
        self.move(ledger.commission(self.subject), to, there, reason, about)
        self.move(debt(self.subject), to, fen - there, "commission.debt", _named(about, "debt"))
        return fen - there

    def debt_fen(self) -> int:
        """What the person owes us now."""
        return max(0, -ledger.balance(self.connection, self.merchant, debt(self.subject)))

    def move(self, debit: Account, credit: Account, fen: int, reason: str, about: About) -> None:
        """One transfer, where there is anything to transfer."""
        if fen:
            movement = ledger.Movement(debit, credit, Money(fen), reason, about.once, about.reward_id, about.order_id)
            ledger.post(self.connection, self.merchant, movement, self.now)

    def _owed(self) -> int:
        name = ledger.commission(self.subject).id(self.merchant)
        found = self.connection.execute(select(accounts.c.balance_fen).where(accounts.c.id == name).with_for_update(key_share=True)).scalar_one_or_none()
        return int(found or 0)


def hold_people(connection: Connection, people: Sequence[str]) -> None:
    """Nobody else moves these people's money until this transaction ends: a debt is read before it is paid. In one order everywhere."""
    for subject in sorted(set(people)):
        # Not against rows that only refer to the person: two orders of one person would each wait for the other's.
        connection.execute(select(subjects.c.id).where(subjects.c.id == subject).with_for_update(key_share=True))


def _named(about: About, step: str) -> About:
    return About(f"{about.once}:{step}", about.reward_id, about.order_id)
