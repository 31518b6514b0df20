"""The money of withdrawals: what is owed is on its way, then paid out, withheld and kept as fee; or it comes back, debts first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.store import ledger
from campaigns.store.earnings import About, Purse, hold_people
from campaigns.store.ledger import Account
from campaigns.withdrawals.model import UNDER_WAY, Withdrawal


def paying(subject_id: str) -> Account:
    """Money on its way out: no longer owed, not yet paid."""
    return Account("paying", subject_id, owed=True)


def paid_out(subject_id: str) -> Account:
    """What the channel paid to a person."""
    return Account("paid_out", subject_id)


def withheld(regime: str) -> Account:
    """Tax that was held back, and is owed to the tax office."""
    return Account("withheld", regime, owed=True)


def fees(campaign: str) -> Account:
    """Fees of withdrawals."""
    return Account("fees", campaign)


def set_aside(connection: Connection, found: Withdrawal, now: datetime) -> None:
    """From owed to on its way. Raises `Conflict` (`balance_too_low`): no two withdrawals can take the same money."""
    purse = _purse(connection, found, now)
    purse.move(ledger.commission(found.subject_id), paying(found.subject_id), found.gross_fen, "withdrawal.asked", _about(found, "asked"))


def give_back(connection: Connection, found: Withdrawal, now: datetime) -> None:
    """It will not be paid: owed again, a debt first."""
    _purse(connection, found, now).earn(paying(found.subject_id), found.gross_fen, "withdrawal.returned", _about(found, "returned"))


def pay_out(connection: Connection, found: Withdrawal, now: datetime) -> int:
    """It was paid. What had been given back already is taken again; returns what became a debt by that, in fen."""
    hold_people(connection, [found.subject_id])
    purse, mine = _purse(connection, found, now), paying(found.subject_id)
    owing = 0
    if found.state not in UNDER_WAY:
        owing = purse.take(mine, found.gross_fen, "withdrawal.paid_late", _about(found, "late"))
    purse.move(mine, paid_out(found.subject_id), found.net_fen, "withdrawal.paid", _about(found, "net"))
    purse.move(mine, withheld(found.regime), found.tax_fen, "withdrawal.withheld", _about(found, "tax"))
    purse.move(mine, fees(found.campaign), found.fee_fen, "withdrawal.fee", _about(found, "fee"))
    return owing


def _purse(connection: Connection, found: Withdrawal, now: datetime) -> Purse:
    return Purse(connection, found.merchant, found.subject_id, now)


def _about(found: Withdrawal, step: str) -> About:
    return About(f"withdrawal:{found.id}:{step}")
