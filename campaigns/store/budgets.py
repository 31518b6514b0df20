"""A budget of money is one guarded row: steps vary, so it cannot be slots. The guard is in the statement and in the table."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, update

from campaigns.store.tables import budgets
from core.db.engine import insert_ignore
from core.errors import Conflict
from core.text import Text

# A campaign without a budget of its own is bounded by its total (the file check asks for one of the two); the row still counts what it used.
OPEN_FEN = 2**62
_STEPPED = budgets.c.used_fen + bindparam("step")
_MINE = (budgets.c.merchant == bindparam("of"), budgets.c.campaign == bindparam("named"))
_SPEND = update(budgets).where(*_MINE, budgets.c.cap_fen >= _STEPPED).values(used_fen=_STEPPED)


def declare(connection: Connection, merchant: str, campaign: str, cap_fen: int) -> None:
    """Make the budget, or change its cap. Raises `Conflict` when more is spent already."""
    if insert_ignore(connection, budgets, {"merchant": merchant, "campaign": campaign, "cap_fen": cap_fen, "used_fen": 0}):
        return
    statement = update(budgets).where(budgets.c.merchant == merchant, budgets.c.campaign == campaign, budgets.c.used_fen <= cap_fen)
    if connection.execute(statement.values(cap_fen=cap_fen)).rowcount != 1:
        raise Conflict("budget_below_used", Text(zh="预算不能低于已经用掉的金额", en="the budget cannot go below what is used"))


def spend(connection: Connection, merchant: str, campaign: str, fen: int) -> bool:
    """Use `fen` of the budget; False when it would pass the cap. True where the campaign has none."""
    return connection.execute(_SPEND, {"of": merchant, "named": campaign, "step": fen}).rowcount == 1


def restore(connection: Connection, merchant: str, campaign: str, fen: int) -> None:
    """Return what was not spent after all."""
    statement = update(budgets).where(budgets.c.merchant == merchant, budgets.c.campaign == campaign)
    connection.execute(statement.values(used_fen=budgets.c.used_fen - fen))
