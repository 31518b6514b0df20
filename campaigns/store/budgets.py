"""A budget of money is one guarded row: steps vary, so it cannot be slots. The guard is in the statement and in the table.

Its portions (a day's, a customer's, a device's) are guarded rows as well, and each draw is remembered, so that it returns exactly there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from campaigns.portions import Draw
from campaigns.store.tables import budget_draws, budget_scopes, budgets, notices
from core.db.engine import insert_ignore
from core.errors import Conflict
from core.text import Text

# A campaign without a budget of its own is bounded by its total (the file check asks for one of the two); the row still counts what it used.
OPEN_FEN = 2**62
_COUNT_MAX = 2**31 - 1
_STEPPED = budgets.c.used_fen + bindparam("step")
_MINE = (budgets.c.merchant == bindparam("of"), budgets.c.campaign == bindparam("named"))
_SPEND = update(budgets).where(*_MINE, budgets.c.cap_fen >= _STEPPED).values(used_fen=_STEPPED).returning(budgets.c.used_fen, budgets.c.cap_fen)
_SCOPE = (budget_scopes.c.merchant == bindparam("of"), budget_scopes.c.campaign == bindparam("named"), budget_scopes.c.scope == bindparam("at"))
_DRAWN, _COUNTED = budget_scopes.c.used_fen + bindparam("step"), budget_scopes.c.used_count + bindparam("one")
_WITHIN = (bindparam("most") >= _DRAWN, bindparam("times") >= _COUNTED)
_DRAW = update(budget_scopes).where(*_SCOPE, *_WITHIN).values(used_fen=_DRAWN, used_count=_COUNTED)


@dataclass(frozen=True, slots=True)
class Spent:
    """The budget after a step, in fen."""

    used: int
    cap: int


def declare(connection: Connection, merchant: str, campaign: str, cap_fen: int) -> None:
    """Make the budget, or change its cap. Raises `Conflict` when more is spent already."""
    if insert_ignore(connection, budgets, {"merchant": merchant, "campaign": campaign, "cap_fen": cap_fen, "used_fen": 0}):
        return
    statement = update(budgets).where(budgets.c.merchant == merchant, budgets.c.campaign == campaign, budgets.c.used_fen <= cap_fen)
    if connection.execute(statement.values(cap_fen=cap_fen)).rowcount != 1:
        raise Conflict("budget_below_used", Text(zh="预算不能低于已经用掉的金额", en="the budget cannot go below what is used"))


def spend(connection: Connection, merchant: str, campaign: str, fen: int) -> Spent | None:
    """Use `fen` of the budget; None when it would pass the cap."""
    row = connection.execute(_SPEND, {"of": merchant, "named": campaign, "step": fen}).one_or_none()
    return None if row is None else Spent(row.used_fen, row.cap_fen)


def restore(connection: Connection, merchant: str, campaign: str, fen: int) -> None:
    """Return what was not spent after all."""
    statement = update(budgets).where(budgets.c.merchant == merchant, budgets.c.campaign == campaign)
    connection.execute(statement.values(used_fen=budgets.c.used_fen - fen))


def draw(connection: Connection, merchant: str, campaign: str, holder: str, draws: Sequence[Draw], fen: int) -> str | None:
    """Draw `fen`, and one reward, from every scope; returns the code of the first that has not so much left."""
    for one in draws:
        at = {"merchant": merchant, "campaign": campaign, "scope": one.scope}
        insert_ignore(connection, budget_scopes, {**at, "used_fen": 0, "used_count": 0})
        most = {"most": OPEN_FEN if one.cap_fen is None else one.cap_fen, "times": _COUNT_MAX if one.cap_count is None else one.cap_count}
        if connection.execute(_DRAW, {"of": merchant, "named": campaign, "at": one.scope, "step": fen, "one": 1, **most}).rowcount != 1:
            return one.code
        connection.execute(budget_draws.insert(), {"holder": holder, "scope": one.scope, "fen": fen})
    return None


def return_draws(connection: Connection, merchant: str, campaign: str, holder: str) -> None:
    """Give back what the holder drew, where it was drawn; a second time there is nothing."""
    rows = connection.execute(select(budget_draws.c.scope, budget_draws.c.fen).where(budget_draws.c.holder == holder).order_by(budget_draws.c.scope)).all()
    for row in rows:
        unbounded = {"most": OPEN_FEN, "times": _COUNT_MAX}
        connection.execute(_DRAW, {"of": merchant, "named": campaign, "at": row.scope, "step": -row.fen, "one": -1, **unbounded})
    if rows:
        connection.execute(delete(budget_draws).where(budget_draws.c.holder == holder))


def notice_once(connection: Connection, merchant: str, campaign: str, name: str, now: datetime) -> bool:
    """True for the first who tells of it."""
    return insert_ignore(connection, notices, {"merchant": merchant, "campaign": campaign, "name": name, "at": now})
