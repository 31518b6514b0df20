"""The payout port: what the service says to a licensed channel, and what it hears. It gives instructions and never holds anybody's money (二清)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol, TypeAlias

OutcomeState: TypeAlias = Literal["waiting", "paid", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class Bill:
    """One transfer to make: `amount_fen` to `receiver` (such as an openid). `bill_no` is the same however often it is told."""

    bill_no: str
    merchant: str
    amount_fen: int
    receiver: str
    real_name: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a transfer stands: "waiting" for the receiver or the channel, "paid", "failed", or "closed" without having been paid, for good."""

    state: OutcomeState
    channel_ref: str | None = None
    reason: str | None = None


WAITING = Outcome("waiting")


class PayoutChannel(Protocol):
    """A licensed channel. Calls may be repeated and must come to the same; errors are raised and tried again later with the same bill.

    `name` is kept with each withdrawal; `announces` says that the shop itself pays, when it hears `withdrawal.due`; `ask_after` is how long after an
    instruction the outcome is first asked for (None: it is only told).
    """

    @property
    def name(self) -> str: ...
    @property
    def announces(self) -> bool: ...
    @property
    def ask_after(self) -> timedelta | None: ...

    def instruct(self, bill: Bill) -> Outcome:
        """Tell the channel to pay the bill. A bill number that it knows with other contents is an error, never a second transfer."""
        ...

    def look(self, bill_no: str) -> Outcome:
        """Where the bill stands."""
        ...

    def close(self, bill_no: str) -> Outcome:
        """Withdraw a bill that nobody confirmed. "paid" when it was paid after all."""
        ...
