"""Where every fen of an order went: its transfers, in the order in which they were made, by account and by the reward that they belong to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select

from campaigns.orders.session import show_order
from campaigns.store.tables import refund_instructions, rewards, transfers
from campaigns.withdrawals.explain import commissions_of


def explain_order(connection: Connection, merchant: str, order_id: str) -> dict[str, Any]:
    """The order, every transfer that names it or one of its rewards, what each account has of it, what became of its commissions, and what the shop
    must give back.

    `balances` are credits − debits by account and sum to zero. Raises `NotFound`.
    """
    order = show_order(connection, merchant, order_id)
    named = or_(rewards.c.order_id == order_id, rewards.c.given_for == order_id)
    mine = select(rewards.c.id).where(rewards.c.merchant == merchant, named).scalar_subquery()
    # A coupon that was posted long before is explained from its posting on.
    about = or_(transfers.c.order_id == order_id, transfers.c.reward_id.in_(mine))
    rows = connection.execute(select(transfers).where(transfers.c.merchant == merchant, about).order_by(transfers.c.at, transfers.c.id)).all()
    balances: dict[str, int] = {}
    for row in rows:
        balances[row.debit] = balances.get(row.debit, 0) - row.amount_fen
        balances[row.credit] = balances.get(row.credit, 0) + row.amount_fen
    own = (refund_instructions.c.merchant == merchant, refund_instructions.c.order_id == order_id)
    bills = connection.execute(select(refund_instructions).where(*own).order_by(refund_instructions.c.bill_no))
    return {
        "order": order,
        "transfers": [_transfer(row, merchant) for row in rows],
        "balances": {name.removeprefix(f"{merchant}/"): fen for name, fen in sorted(balances.items())},
        "sum_fen": sum(balances.values()),
        "commissions": commissions_of(connection, merchant, order_id),
        "refund_instructions": [{"bill_no": bill.bill_no, "amount_fen": bill.amount_fen, "reason": bill.reason} for bill in bills],
    }


def _transfer(row: Any, merchant: str) -> dict[str, Any]:
    sides = {"debit": row.debit.removeprefix(f"{merchant}/"), "credit": row.credit.removeprefix(f"{merchant}/")}
    return {"id": row.id, "at": row.at.isoformat(), **sides, "amount_fen": row.amount_fen, "reason": row.reason, "reward": row.reward_id}
