"""What was withheld in a month, person by person: what a declaration needs. It counts what was paid, in the month in which it was paid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from campaigns.withdrawals.tables import withdrawals
from core.errors import Malformed
from core.text import Text


@dataclass(frozen=True, slots=True)
class Declared:
    """One person under one regime: how many withdrawals, and their sums in fen."""

    promoter: str
    regime: str
    count: int
    gross_fen: int
    tax_fen: int


def month_of(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first moment of the month `2026-11`, and of the next. Raises `Malformed`."""
    match = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", text, re.ASCII)
    if match is None:
        raise Malformed("not_a_month", Text(zh=f"{text[:20]!r} 不是月份,写成 2026-11", en=f"{text[:20]!r} is no month; write 2026-11"))
    year, month = int(match[1]), int(match[2])
    return datetime(year, month, 1, tzinfo=zone), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)


def withheld_in(connection: Connection, merchant: str, begin: datetime, end: datetime) -> list[Declared]:
    """Of withdrawals that were paid from `begin` on and before `end`."""
    sums = (func.count(), func.sum(withdrawals.c.gross_fen), func.sum(withdrawals.c.tax_fen))
    paid = (withdrawals.c.merchant == merchant, withdrawals.c.state == "paid", withdrawals.c.ended_at >= begin, withdrawals.c.ended_at < end)
    by = (withdrawals.c.subject_id, withdrawals.c.regime)
    rows = connection.execute(select(*by, *sums).where(*paid).group_by(*by).order_by(*by)).all()
    return [Declared(subject, regime, int(count), int(gross), int(tax)) for subject, regime, count, gross, tax in rows]
