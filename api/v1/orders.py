"""Orders as sessions: told step by step, each step once; shown with lines, steps and effects; explained to the last fen.

A step is an event whose id follows from the order, so that telling it again is harmless and telling something else is a conflict.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from api.v1.events import EventReply, take_event
from api.v1.fields import Actor, fen, lines_field, moment, text
from campaigns.orders.explain import explain_order
from campaigns.orders.session import show_order
from core.errors import Malformed
from core.text import Text

ORDER_ID_MAX = 64
blp = Resource("orders", __name__, description="Orders as sessions: open, paid, partially_returned, cancelled. In any order, as often as you like.")


class CancelBody(Actor):
    """Who acts, and when it was."""

    occurred_at = moment()


class OpenBody(CancelBody):
    """What is ordered."""

    lines = lines_field()


class PayBody(OpenBody):
    """What was paid for the whole order."""

    amount_fen = fen(required=True)
    list_fen = fen(metadata={"description": "the order's total before discounts, for thresholds"})
    bill_no = text(64)
    reward_ids = ma.fields.List(text(32), validate=ma.validate.Length(max=20), metadata={"description": "coupons that the order used"})


class RefundBody(OpenBody):
    """What was given back, and of which lines."""

    refund_id = text(64, required=True)
    amount_fen = fen(1, required=True)

    @ma.validates_schema
    def _lines_sum(self, data: dict[str, Any], **_: Any) -> None:
        if "lines" in data and sum(line["amount_fen"] for line in data["lines"]) != data.get("amount_fen"):
            raise ma.ValidationError({"lines": ["The lines of a refund sum to its amount."]})


class Order(ma.Schema):
    """An order as it stands. Amounts in fen; `given` is what it gave by itself."""

    id = ma.fields.String()
    state = ma.fields.String(metadata={"description": "open, paid, partially_returned or cancelled"})
    subject = ma.fields.String()
    paid_fen = ma.fields.Integer(allow_none=True)
    refunded_fen = ma.fields.Integer()
    lines = ma.fields.List(ma.fields.Dict())
    steps = ma.fields.List(ma.fields.Dict())
    given = ma.fields.List(ma.fields.Dict())


class Explained(ma.Schema):
    """Every transfer of the order; balances sum to zero."""

    order = ma.fields.Nested(Order)
    transfers = ma.fields.List(ma.fields.Dict())
    balances = ma.fields.Dict()
    sum_fen = ma.fields.Integer()
    commissions = ma.fields.List(ma.fields.Dict())
    refund_instructions = ma.fields.List(ma.fields.Dict())


@blp.endpoint("POST", "/orders/<order_id>/open", scopes=("shop",), body=OpenBody, replies={200: EventReply})
def begin(ctx: Context, order_id: str) -> Response:
    """The order was made."""
    return _step(ctx, "order.created", order_id)


@blp.endpoint("POST", "/orders/<order_id>/pay", scopes=("shop",), body=PayBody, replies={200: EventReply})
def pay(ctx: Context, order_id: str) -> Response:
    """The order was paid in full."""
    return _step(ctx, "order.paid", order_id)


@blp.endpoint("POST", "/orders/<order_id>/refunds", scopes=("shop",), body=RefundBody, replies={200: EventReply})
def refund(ctx: Context, order_id: str) -> Response:
    """A part of what was paid, or all of it, was given back."""
    return _step(ctx, "order.refunded", order_id, ctx.body["refund_id"])


@blp.endpoint("POST", "/orders/<order_id>/cancel", scopes=("shop",), body=CancelBody, replies={200: EventReply})
def cancel(ctx: Context, order_id: str) -> Response:
    """The order is off, with everything that hangs on it."""
    return _step(ctx, "order.cancelled", order_id)


@blp.endpoint("GET", "/orders/<order_id>", scopes=("shop", "compliance", "marketer"), replies={200: Order})
def show(ctx: Context, order_id: str) -> Response:
    """The order with its lines, its steps and what each of them caused."""
    with ctx.services.database.read() as connection:
        return answer(show_order(connection, ctx.merchant, order_id))


@blp.endpoint("GET", "/orders/<order_id>/ledger", scopes=("shop", "compliance"), replies={200: Explained})
def ledger(ctx: Context, order_id: str) -> Response:
    """Where every fen of the order went."""
    with ctx.services.database.read() as connection:
        return answer(explain_order(connection, ctx.merchant, order_id))


def _step(ctx: Context, kind: str, order_id: str, ref: str = "") -> Response:
    if not 0 < len(order_id) <= ORDER_ID_MAX:
        raise Malformed("invalid_request", Text(zh=f"订单号为 1–{ORDER_ID_MAX} 字", en=f"an order's id is 1 to {ORDER_ID_MAX} characters"))
    # Ids of orders and refunds may be as long as an event's; their hash never is.
    name = blake2b(f"{len(order_id)}:{order_id}:{ref}".encode(), digest_size=16).hexdigest()
    return answer(take_event(ctx, {**ctx.body, "id": f"step:{kind}:{name}", "type": kind, "order_id": order_id}))
