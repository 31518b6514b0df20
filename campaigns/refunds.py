"""Refund instructions: what the shop must give back, once per order, under a bill number that is the same however often it is asked."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, select

from campaigns.store.tables import order_refunds, refund_instructions
from core.audit.log import append
from core.db.engine import insert_ignore
from core.jobs.outbox import announce

Effect = dict[str, Any]


def instruct_refund(
    connection: Connection, merchant: str, order_id: str, *, actor: str, reward_id: str | None, paid_fen: int, reason: str, now: datetime
) -> list[Effect]:
    """Tell the shop to give back what is left of a payment; returns the effects, none when it was told before or nothing is left."""
    amount_fen = max(0, paid_fen - refunded_fen(connection, merchant, order_id))
    bill = bill_no("RF", merchant, order_id)
    body: Effect = {"bill_no": bill, "order_id": order_id, "amount_fen": amount_fen, "reason": reason}
    row = {"merchant": merchant, "reward_id": reward_id, "created_at": now, **body}
    if not amount_fen or not insert_ignore(connection, refund_instructions, row):
        return []
    append(connection, merchant=merchant, actor=actor, action="refund.instructed", target=bill, now=now, detail=body)
    announce(connection, merchant=merchant, topic="refund.instructed", ref=order_id, body=body, now=now)
    return [{"type": "refund.instructed", **body}]


def bill_no(kind: str, merchant: str, order_id: str) -> str:
    """The order's bill of a kind ("RF" gives back, "PB" pays): derived from what it is for, so that a retry never makes a second one."""
    return kind + sha256(f"{merchant}\x00{order_id}".encode()).hexdigest()[:30].upper()


def refunded_fen(connection: Connection, merchant: str, order_id: str) -> int:
    """What was refunded of the order in all, also before its payment was known."""
    of_it = (order_refunds.c.merchant == merchant, order_refunds.c.order_id == order_id)
    return int(connection.execute(select(func.coalesce(func.sum(order_refunds.c.amount_fen), 0)).where(*of_it)).scalar_one())
