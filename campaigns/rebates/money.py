"""The money of commissions: frozen until they settle, then owed; what cannot be taken back any more is a debt, which later settlements pay first."""

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
    """What a promoter owes us: its balance is zero or below."""
    return Account("debt", subject_id)


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves the money of one commission. `name` is the commission's, and begins every transfer's name."""

    connection: Connection
    merchant: str
    campaign: str
    subject: str
    order_id: str
    name: str
    now: datetime

    def accrue(self, fen: int) -> None:
        self._move(ledger.promotion(self.campaign), frozen(self.subject), fen, "commission.accrued", "accrue")

    def settle(self, fen: int) -> int:
        """Frozen money is owed from now on; a debt is paid first. Returns what was left to owe."""
        owed = min(fen, self.debt_fen())
        self._move(frozen(self.subject), debt(self.subject), owed, "commission.debt_paid", "debt")
        self._move(frozen(self.subject), ledger.commission(self.subject), fen - owed, "commission.settled", "settle")
        return fen - owed

    def take_back(self, fen: int, settled: bool, nth: int) -> int:
        """Take back what a refund undid; returns what became a debt. `nth` is what was taken in all, which names this step."""
        promotion = ledger.promotion(self.campaign)
        if not settled:
            self._move(frozen(self.subject), promotion, fen, "commission.taken_back", f"back:{nth}")
            return 0
        there = min(fen, self._owed())
        self._move(ledger.commission(self.subject), promotion, there, "commission.taken_back", f"back:{nth}")
        self._move(debt(self.subject), promotion, fen - there, "commission.debt", f"debt:{nth}")
        return fen - there

    def debt_fen(self) -> int:
        """What the promoter owes us now."""
        return max(0, -ledger.balance(self.connection, self.merchant, debt(self.subject)))

    def _owed(self) -> int:
        name = ledger.commission(self.subject).id(self.merchant)
        found = self.connection.execute(select(accounts.c.balance_fen).where(accounts.c.id == name).with_for_update()).scalar_one_or_none()
        return int(found or 0)

    def _move(self, debit: Account, credit: Account, fen: int, reason: str, step: str) -> None:
        if fen:
            movement = ledger.Movement(debit, credit, Money(fen), reason, f"{self.name}:{step}", None, self.order_id)
            ledger.post(self.connection, self.merchant, movement, self.now)


def hold_people(connection: Connection, people: Sequence[str]) -> None:
    """Nobody else moves these promoters' money until this transaction ends: a debt is read before it is paid. In one order everywhere."""
    for subject in sorted(set(people)):
        connection.execute(select(subjects.c.id).where(subjects.c.id == subject).with_for_update())
