"""An order session: open → paid → partially_returned → cancelled. Each step is kept with its effects, whatever order the facts come in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from campaigns.orders.lines import LineState, line_states
from campaigns.orders.tables import order_steps
from campaigns.refunds import refunded_fen
from campaigns.store.tables import orders, rewards
from core.canon import canonical
from core.db.engine import insert_ignore
from core.errors import NotFound
from core.ids import new_id
from core.text import Text

Effect = dict[str, Any]


def keep_step(
    connection: Connection, merchant: str, order_id: str, *, kind: str, ref: str, at: datetime, now: datetime, actor: str, effects: Sequence[Effect]
) -> None:
    """Write the step; one that was taken before stays as it is."""
    row = {"merchant": merchant, "order_id": order_id, "kind": kind, "ref": ref, "id": new_id("stp")}
    insert_ignore(connection, order_steps, {**row, "at": at, "taken_at": now, "actor": actor, "effects": canonical({"effects": list(effects)})})


def state_of(paid_fen: int | None, refunded: int, cancelled: bool) -> str:
    """Where the facts say that the order is. One that was given back whole is cancelled."""
    if cancelled or (paid_fen is not None and 0 < paid_fen <= refunded):
        return "cancelled"
    if paid_fen is None:
        return "open"
    return "partially_returned" if refunded else "paid"


def show_order(connection: Connection, merchant: str, order_id: str) -> dict[str, Any]:
    """The order with its lines and steps, JSON-able. Raises `NotFound`."""
    row = connection.execute(select(orders).where(orders.c.merchant == merchant, orders.c.id == order_id)).one_or_none()
    if row is None:
        raise NotFound("order_not_found", Text(zh="没有这个订单的记录", en="nothing is known of this order"))
    refunded = refunded_fen(connection, merchant, order_id)
    steps = connection.execute(select(order_steps).where(order_steps.c.merchant == merchant, order_steps.c.order_id == order_id).order_by(order_steps.c.id))
    columns = (
        rewards.c.id.label("reward"),
        rewards.c.campaign,
        rewards.c.version,
        rewards.c.state,
        rewards.c.use_state,
        rewards.c.face_fen.label("amount_fen"),
    )
    given = select(*columns).where(rewards.c.merchant == merchant, rewards.c.given_for == order_id).order_by(rewards.c.id)
    return {
        "id": order_id,
        "state": state_of(row.paid_fen, refunded, row.cancelled_at is not None),
        "subject": row.subject_id,
        "paid_fen": row.paid_fen,
        "refunded_fen": refunded,
        "lines": [_line(one) for one in line_states(connection, merchant, order_id)],
        "steps": [
            {"kind": step.kind, "ref": step.ref or None, "at": step.at.isoformat(), "taken_at": step.taken_at.isoformat(), **json.loads(step.effects)}
            for step in steps
        ],
        # What the order gave by itself comes after its step, each through a risk check of its own.
        "given": [dict(row._mapping) for row in connection.execute(given)],
    }


def _line(one: LineState) -> dict[str, Any]:
    names = ("number", "sku", "category", "list_fen", "paid_fen", "returned_fen", "kept_fen")
    return {name: getattr(one, name) for name in names}
