"""The shop's side of a sale: orders are paid, cancelled and refunded by events, time passes, and what is due happens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from api.jobs.tasks import fire_with
from campaigns.store.tables import refund_instructions, rewards
from core.jobs.timers import due_timers
from tests.api.conftest import MERCHANT, Shop


def event(shop: Shop, kind: str, order: str, user: str, event_id: str | None = None, **more: Any) -> Any:
    """The reply to one event about an order."""
    tag = more.get("refund_id", "")
    return shop.post("/v1/events", {"id": event_id or f"{kind}:{order}:{tag}", "type": kind, "user": user, "order_id": order, **more})


def pay(shop: Shop, order: str, user: str, fen: int, **more: Any) -> list[str]:
    """What a payment caused, by name."""
    reply = event(shop, "order.paid", order, user, amount_fen=fen, **more)
    assert reply.status_code == 200, reply.json
    return [effect["type"] for effect in reply.json["effects"]]


def cancel(shop: Shop, order: str, user: str) -> list[str]:
    reply = event(shop, "order.cancelled", order, user)
    assert reply.status_code == 200, reply.json
    return [effect["type"] for effect in reply.json["effects"]]


def refund(shop: Shop, order: str, user: str, fen: int, refund_id: str = "r1") -> list[str]:
    reply = event(shop, "order.refunded", order, user, amount_fen=fen, refund_id=refund_id)
    assert reply.status_code == 200, reply.json
    return [effect["type"] for effect in reply.json["effects"]]


def pass_time(shop: Shop, **delta: float) -> None:
    """Turn the clock and fire what is due, until nothing is."""
    shop.clock.turn(**delta)
    for _ in range(10):
        with shop.services.database.read() as connection:
            due = due_timers(connection, shop.clock.now())
        if not due:
            return
        for timer in due:
            fire_with(shop.services, timer.id)
    raise AssertionError("timers never rest")


def rewards_of(shop: Shop, campaign: str) -> list[tuple[str, str, int]]:
    """(kind, state, fen still given) of every reward, in the order in which they were made."""
    mine = (rewards.c.merchant == MERCHANT, rewards.c.campaign == campaign)
    with shop.services.database.read() as connection:
        rows = connection.execute(select(rewards).where(*mine).order_by(rewards.c.id)).all()
    return [(row.kind, row.state, row.posted_fen - row.reversed_fen) for row in rows]


def bills(shop: Shop) -> dict[str, tuple[int, str]]:
    """Refund instructions by order: amount and reason."""
    with shop.services.database.read() as connection:
        rows = connection.execute(select(refund_instructions).where(refund_instructions.c.merchant == MERCHANT)).all()
    return {row.order_id: (row.amount_fen, row.reason) for row in rows}
