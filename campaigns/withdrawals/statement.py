"""A person's statement: every transfer that changed what is frozen, owed, on its way or in debt. It adds up, line by line, to the ledger's balances."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from campaigns.store import ledger
from campaigns.store.earnings import debt, frozen
from campaigns.store.ledger import Account
from campaigns.store.tables import transfers
from campaigns.withdrawals.money import paying
from campaigns.withdrawals.trace import Step, Trace, trace
from core.cells import text_cell
from core.money import Money

COLUMNS = ("frozen", "owed", "paying", "debt")
_HEAD = ("at", "reason", "order", "withdrawal", "campaign", *(f"{name}_change" for name in COLUMNS), *COLUMNS)


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer: what it changed in each of `COLUMNS`, in fen, and what they came to."""

    at: datetime
    reason: str
    order_id: str | None
    withdrawal: str | None
    campaign: str | None
    change: tuple[int, ...]
    balance: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """What stood before, the lines of the time asked for, and what stands after them, in fen by `COLUMNS`."""

    opening: tuple[int, ...]
    lines: tuple[Line, ...]

    @property
    def closing(self) -> tuple[int, ...]:
        return self.lines[-1].balance if self.lines else self.opening


def statement(connection: Connection, merchant: str, subject_id: str, since: datetime | None, until: datetime | None) -> Statement:
    """Of transfers from `since` on and before `until`."""
    names = [account.id(merchant) for account in _accounts(subject_id)]
    balance, lines = (0,) * len(names), []
    opening = balance
    for row in _transfers(connection, merchant, names):
        if until is not None and row.at >= until:
            break
        change = tuple((row.credit == name) * row.amount_fen - (row.debit == name) * row.amount_fen for name in names)
        balance = tuple(old + step for old, step in zip(balance, change, strict=True))
        if since is not None and row.at < since:
            opening = balance
            continue
        lines.append(Line(row.at, row.reason, row.order_id, _withdrawal_of(row), _campaign_of(row, merchant), change, balance))
    return Statement(opening, tuple(lines))


def as_csv(found: Statement) -> str:
    """For a spreadsheet: yuan, the opening balances first and the closing ones last."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD)
    writer.writerow(["", "opening", "", "", "", "", "", "", "", *map(_yuan, found.opening)])
    for line in found.lines:
        words = [line.at.isoformat(), line.reason, line.order_id or "", line.withdrawal or "", line.campaign or ""]
        writer.writerow([*map(text_cell, words), *map(_yuan, line.change), *map(_yuan, line.balance)])
    writer.writerow(["", "closing", "", "", "", "", "", "", "", *map(_yuan, found.closing)])
    return out.getvalue()


def trace_of(connection: Connection, merchant: str, subject_id: str) -> Trace:
    """Which order's commission went into which withdrawal."""
    owed, owing = ledger.commission(subject_id).id(merchant), debt(subject_id).id(merchant)
    return trace(step for row in _transfers(connection, merchant, [owed, owing]) if (step := _step(row, owed, owing)) is not None)


def _step(row: Any, owed: str, owing: str) -> Step | None:
    order, withdrawal = row.order_id or row.reward_id or "", _withdrawal_of(row)
    if withdrawal is not None and row.credit == owed:
        return Step("returned", withdrawal, row.amount_fen)
    if withdrawal is not None and row.debit == owed:
        return Step("withdrawn", withdrawal, row.amount_fen)
    if row.credit == owed:
        return Step("earned", order, row.amount_fen)
    if row.debit == owed:
        return Step("taken", order, row.amount_fen)
    # A returned withdrawal that paid a debt: its lots come back with the rest, and this part of them is used for the debt.
    return Step("debt", "", row.amount_fen) if row.credit == owing and withdrawal is not None else None


def _transfers(connection: Connection, merchant: str, names: list[str]) -> list[Any]:
    mine = (transfers.c.merchant == merchant, or_(transfers.c.debit.in_(names), transfers.c.credit.in_(names)))
    rows = connection.execute(select(transfers).where(*mine)).all()
    # Of one moment, what was given comes before what was taken, and what comes back before the debt that it pays.
    return sorted(rows, key=lambda row: (row.at, row.debit in names, row.credit in names and row.reason == "commission.debt_paid", row.id))


def _accounts(subject_id: str) -> tuple[Account, ...]:
    return frozen(subject_id), ledger.commission(subject_id), paying(subject_id), debt(subject_id)


def _withdrawal_of(row: Any) -> str | None:
    return str(row.once_key).split(":")[1] if str(row.once_key).startswith("withdrawal:") else None


def _campaign_of(row: Any, merchant: str) -> str | None:
    begins = f"{merchant}/promotion/"
    side = next((side for side in (row.debit, row.credit) if side.startswith(begins)), None)
    return None if side is None else str(side.removeprefix(begins))


def _yuan(fen: int) -> str:
    return Money(fen).yuan()
