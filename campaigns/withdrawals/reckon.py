"""What a withdrawal comes to: fee, tax and what the receiver gets. Incomes of the same month or year count, in the campaign's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from campaigns.mechanics.withdrawal.regime import Earlier, Regime, withhold
from campaigns.mechanics.withdrawal.table import OWN
from campaigns.mechanics.withdrawal.terms import WithdrawalTerms
from campaigns.withdrawals.model import COUNTED
from campaigns.withdrawals.tables import withdrawals
from core.errors import Malformed
from core.money import Money
from core.text import Text


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Amounts in fen; `basis` says how the tax follows."""

    gross_fen: int
    fee_fen: int
    tax_fen: int
    net_fen: int
    basis: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Whose withdrawal it is, by which campaign's rules, at which moment, by which zone's calendar; `but` is a withdrawal that does not count as an
    earlier one."""

    merchant: str
    campaign: str
    subject_id: str
    now: datetime
    zone: ZoneInfo
    but: str = ""


def require_within(terms: WithdrawalTerms, fen: int) -> None:
    """Raises `Malformed` for less than the minimum or more than the maximum."""
    if fen < terms.minimum_fen:
        least = Money(terms.minimum_fen).yuan()
        raise Malformed("under_minimum", Text(zh=f"最低提现 {least} 元", en=f"the least withdrawal is {least} yuan"), minimum_fen=terms.minimum_fen)
    if terms.maximum_fen is not None and fen > terms.maximum_fen:
        most = Money(terms.maximum_fen).yuan()
        raise Malformed("over_maximum", Text(zh=f"单笔最多提现 {most} 元", en=f"the largest withdrawal is {most} yuan"), maximum_fen=terms.maximum_fen)


def reckon(connection: Connection, terms: WithdrawalTerms, person: Person, fen: int) -> Reckoning:
    """Hold the person (`hold_people`) where the answer is to last. Raises `Malformed` where nothing would be left for the receiver."""
    found = withhold(terms.regime, fen, _earlier(connection, terms.regime, person))
    fee = terms.fee_fen(fen)
    net = fen - fee - found.tax_fen
    if net <= 0:
        raise Malformed("nothing_left", Text(zh="扣除手续费与个税后没有余额", en="fee and tax leave nothing to pay out"), fee_fen=fee, tax_fen=found.tax_fen)
    return Reckoning(fen, fee, found.tax_fen, net, found.basis(terms.regime))


def begin_of(per: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The first moment of the day, month or year."""
    local = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return local.replace(day=1, month=1) if per == "year" else local.replace(day=1) if per == "month" else local


def _earlier(connection: Connection, regime: Regime, person: Person) -> Earlier:
    if regime.per == "payment":
        return Earlier()
    mine: tuple[Any, ...] = (withdrawals.c.merchant == person.merchant, withdrawals.c.subject_id == person.subject_id, withdrawals.c.regime == regime.name)
    if regime.name == OWN:
        # Written out in a file: another file's is another, whatever it is like.
        mine = (*mine, withdrawals.c.campaign == person.campaign)
    since = withdrawals.c.due_at >= begin_of(regime.per, person.now, person.zone)
    query = select(withdrawals.c.gross_fen, withdrawals.c.tax_fen, withdrawals.c.due_at).where(*mine, since, withdrawals.c.state.in_(COUNTED))
    rows = connection.execute(query.where(withdrawals.c.id != person.but)).all()
    first = min((row.due_at for row in rows), default=person.now).astimezone(person.zone)
    months = person.now.astimezone(person.zone).month - first.month + 1
    return Earlier(sum(row.gross_fen for row in rows), sum(row.tax_fen for row in rows), max(1, months))
