"""The ledger: transfers from a debit to a credit account, each once by its key. Every transfer has both sides, so all balances sum to zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, update

from campaigns.store.tables import accounts, transfers
from core.db.engine import insert_ignore, insert_ignore_all
from core.errors import Conflict
from core.ids import new_id
from core.money import Money
from core.text import Text

_STEPPED = accounts.c.balance_fen + bindparam("step")
_MOVE = update(accounts).where(accounts.c.id == bindparam("account"), _STEPPED >= 0).values(balance_fen=_STEPPED)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a merchant. `owed` accounts hold what we owe people: the database keeps them from going below zero."""

    kind: str
    owner: str
    owed: bool = False

    def id(self, merchant: str) -> str:
        return f"{merchant}/{self.kind}/{self.owner}"


def promotion(campaign: str) -> Account:
    """Where a campaign's promises come from."""
    return Account("promotion", campaign)


def discounts(campaign: str) -> Account:
    """Discounts that orders really received."""
    return Account("discounts", campaign)


def entitlement(subject_id: str) -> Account:
    """What a person may still use."""
    return Account("entitlement", subject_id, owed=True)


def commission(subject_id: str) -> Account:
    """What a person earned and is owed in money."""
    return Account("commission", subject_id, owed=True)


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer to make. `once` names it within the merchant: the same name never moves money twice."""

    debit: Account
    credit: Account
    amount: Money
    reason: str
    once: str
    reward_id: str | None = None
    order_id: str | None = None


def post(connection: Connection, merchant: str, movement: Movement, now: datetime) -> bool:
    """Make the transfer; False when it was made before. Raises `Conflict` when an account of what we owe would go below zero."""
    sides = sorted((movement.debit, movement.credit), key=lambda account: account.id(merchant))
    rows = [{"id": account.id(merchant), "merchant": merchant, "kind": account.kind, "guarded": account.owed, "balance_fen": 0} for account in sides]
    insert_ignore_all(connection, accounts, rows)
    row = {
        "id": new_id("trf"),
        "merchant": merchant,
        "debit": movement.debit.id(merchant),
        "credit": movement.credit.id(merchant),
        "amount_fen": movement.amount.fen,
        "currency": movement.amount.currency,
        "reason": movement.reason,
        "reward_id": movement.reward_id,
        "order_id": movement.order_id,
        "once_key": movement.once,
        "at": now,
    }
    if not insert_ignore(connection, transfers, row):
        return False
    _move(connection, merchant, movement.debit, -movement.amount.fen)
    _move(connection, merchant, movement.credit, movement.amount.fen)
    return True


def balance(connection: Connection, merchant: str, account: Account) -> int:
    """Credits − debits in fen, summed from the transfers."""
    name = account.id(merchant)
    credit, debit = (
        connection.execute(select(func.coalesce(func.sum(transfers.c.amount_fen), 0)).where(side == name)).scalar_one()
        for side in (transfers.c.credit, transfers.c.debit)
    )
    return int(credit) - int(debit)


def _move(connection: Connection, merchant: str, account: Account, fen: int) -> None:
    if not account.owed:
        return
    if connection.execute(_MOVE, {"account": account.id(merchant), "step": fen}).rowcount != 1:
        raise Conflict("balance_too_low", Text(zh="可用余额不足", en="the balance is too low"), account=account.kind)


def count(connection: Connection, merchant: str, once_prefix: str) -> int:
    """How many transfers have a `once` key that begins so."""
    begins = transfers.c.once_key.startswith(once_prefix, autoescape=True)
    return int(connection.execute(select(func.count()).where(transfers.c.merchant == merchant, begins)).scalar_one())
