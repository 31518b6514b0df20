"""The money of one commission: frozen until it settles, then owed. Each step has a name of its own, so that it is made once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.store import ledger
from campaigns.store.earnings import About, Purse, frozen


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
        self._purse.move(ledger.promotion(self.campaign), frozen(self.subject), fen, "commission.accrued", self._about("accrue"))

    def settle(self, fen: int) -> int:
        """Frozen money is owed from now on; a debt is paid first. Returns what was left to owe."""
        return self._purse.earn(frozen(self.subject), fen, "commission.settled", self._about("settle"))

    def take_back(self, fen: int, settled: bool, nth: int) -> int:
        """Take back what a refund undid; returns what became a debt. `nth` is what was taken in all, which names this step."""
        promotion, about = ledger.promotion(self.campaign), self._about(f"back:{nth}")
        if settled:
            return self._purse.take(promotion, fen, "commission.taken_back", about)
        self._purse.move(frozen(self.subject), promotion, fen, "commission.taken_back", about)
        return 0

    @property
    def _purse(self) -> Purse:
        return Purse(self.connection, self.merchant, self.subject, self.now)

    def _about(self, step: str) -> About:
        return About(f"{self.name}:{step}", None, self.order_id)
