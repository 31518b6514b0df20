"""Where an order's commissions went: still owed, paid out under which bill with how much tax, or taken to make good another order's refund."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select

from campaigns.rebates.tables import commissions, rebate_orders
from campaigns.store.tables import rewards
from campaigns.withdrawals.model import Withdrawal, find_withdrawal
from campaigns.withdrawals.statement import trace_of
from campaigns.withdrawals.trace import Trace
from core.money import shares


def commissions_of(connection: Connection, merchant: str, order_id: str) -> list[dict[str, Any]]:
    """For each person who earned by the order, what became of it, in fen; `earned_fen` is the sum of the rest. What earned first leaves first."""
    found = []
    for subject in _earners(connection, merchant, order_id):
        traced = trace_of(connection, merchant, subject)
        lots = [lot for lot in traced.lots if lot.order_id == order_id or lot.order_id in _rewards(connection, merchant, order_id)]
        uses: dict[tuple[str, str], int] = {}
        for lot in lots:
            for kind, ref, fen in lot.uses:
                uses[kind, ref] = uses.get((kind, ref), 0) + fen
        owed = sum(lot.left_fen for lot in lots)
        earned = owed + sum(uses.values())
        if earned:
            own = {lot.order_id for lot in lots}
            parts = [_use(connection, merchant, traced, own, kind, ref, fen) for (kind, ref), fen in uses.items()]
            found.append({"promoter": subject, "earned_fen": earned, "owed_fen": owed, "uses": parts})
    return found


def _use(connection: Connection, merchant: str, traced: Trace, own: set[str], kind: str, ref: str, fen: int) -> dict[str, Any]:
    if kind != "withdrawn":
        return {"kind": kind, "order": ref or None, "amount_fen": fen}
    paid = find_withdrawal(connection, merchant, ref)
    parts = _shares_in(paid, traced.parts[ref], own)
    return {"kind": kind, "withdrawal": ref, "bill_no": paid.bill_no, "state": paid.state, "amount_fen": fen, **parts}


def _shares_in(paid: Withdrawal, parts: list[tuple[str, int]], own: set[str]) -> dict[str, int]:
    """The order's share of the tax, the fee and what was received; over all orders of the withdrawal they sum to what it says."""
    weights = [fen for _, fen in parts]
    mine = [place for place, (order, _) in enumerate(parts) if order in own]
    tax, fee = (sum(shares(whole, weights)[place] for place in mine) for whole in (paid.tax_fen, paid.fee_fen))
    return {"tax_fen": tax, "fee_fen": fee, "net_fen": sum(weights[place] for place in mine) - tax - fee}


def _earners(connection: Connection, merchant: str, order_id: str) -> list[str]:
    joined = select(commissions.c.subject_id).join(rebate_orders, rebate_orders.c.id == commissions.c.rebate_id)
    by_line = connection.execute(joined.where(rebate_orders.c.merchant == merchant, rebate_orders.c.order_id == order_id)).scalars()
    by_reward = connection.execute(select(rewards.c.subject_id).where(*_earned_by(merchant, order_id))).scalars()
    return list(dict.fromkeys([*by_line, *by_reward]))


def _rewards(connection: Connection, merchant: str, order_id: str) -> set[str]:
    return set(connection.execute(select(rewards.c.id).where(*_earned_by(merchant, order_id))).scalars())


def _earned_by(merchant: str, order_id: str) -> tuple[Any, ...]:
    """A leader's commission."""
    return rewards.c.merchant == merchant, rewards.c.kind == "commission", or_(rewards.c.order_id == order_id, rewards.c.given_for == order_id)
