"""Events: what happened in the shop. Order events have effects on rewards, which the reply lists; the others feed the risk engine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.automatic import give_automatically
from api.endpoint import Context, Resource, answer
from api.v1.batches import BatchReply, each, items_field
from api.v1.fields import Actor, event_of, fen, lines_field, lines_of, moment, payments_of, text
from campaigns.acting.early import identifiers_of
from campaigns.acting.stage import After
from campaigns.orders.facts import ORDER_FACTS, OrderFact, PaymentRefused, apply_order_fact
from campaigns.orders.lines import Part
from campaigns.rebates.accrual import received
from campaigns.store import firsts
from core.audit.log import append
from core.errors import Unavailable
from core.event import Event
from core.hotstate.outage import Outage
from core.privacy.subjects import subject_for
from fraud.events import record_event, store_effects

blp = Resource("events", __name__, description="What happened, told once; the same event id is harmless however often it comes.")
SEEN = (
    "user.registered",
    "user.logged_in",
    "session.started",
    "page.viewed",
    "share.clicked",
    "parcel.shipped",
    "parcel.signed",
    "receipt.confirmed",
    "review.posted",
)


class EventBody(Actor):
    """One event. `id` is the shop's own."""

    id = text(128, required=True)
    type = ma.fields.String(required=True, validate=ma.validate.OneOf([*sorted(ORDER_FACTS), *SEEN]))
    occurred_at = moment()
    campaign = text(64)
    order_id = text(64)
    amount_fen = fen(metadata={"description": "what was paid, or what was refunded"})
    list_fen = fen(metadata={"description": "the order's total before discounts, for thresholds"})
    refund_id = text(64)
    bill_no = text(64, metadata={"description": "the part's bill that was paid; another one is refused"})
    lines = lines_field()
    reward_ids = ma.fields.List(text(32), validate=ma.validate.Length(max=20), metadata={"description": "coupons that the order used"})

    @ma.validates_schema
    def _complete(self, data: dict[str, Any], **_: Any) -> None:
        wanted = {"order.paid": ("order_id", "amount_fen"), "order.refunded": ("order_id", "amount_fen", "refund_id"), "order.cancelled": ("order_id",)}
        missing = {name: ["Missing data for this event type."] for name in wanted.get(data["type"], ()) if name not in data}
        if missing:
            raise ma.ValidationError(missing)
        if data["type"] != "order.refunded":
            return
        if data["amount_fen"] == 0:
            raise ma.ValidationError({"amount_fen": ["A refund is of at least 1 fen."]})
        if "lines" in data and sum(line["amount_fen"] for line in data["lines"]) != data["amount_fen"]:
            raise ma.ValidationError({"lines": ["The lines of a refund sum to its amount."]})


class EventBatchBody(ma.Schema):
    events = items_field("events")


_EVENT = EventBody()


class EventReply(ma.Schema):
    id = ma.fields.String()
    effects = ma.fields.List(ma.fields.Dict())


@blp.endpoint("POST", "/events", scopes=("shop",), body=EventBody, replies={200: EventReply})
def take(ctx: Context) -> Response:
    """Take one event; the reply lists what it caused."""
    return answer(take_event(ctx, ctx.body))


@blp.endpoint("POST", "/events/batch", scopes=("shop",), body=EventBatchBody, replies={200: BatchReply})
def take_many(ctx: Context) -> Response:
    """Take up to a thousand events, in their order. Each is taken or refused by itself; send the whole batch again after a lost reply."""
    outage = Outage()
    return answer(each(ctx.body["events"], _EVENT, lambda body: take_event(ctx, body, outage)))


def take_event(ctx: Context, body: Mapping[str, Any], outage: Outage | None = None) -> dict[str, Any]:
    """Take the event that a body of `EventBody`'s form tells; returns its id and what it caused."""
    received = ctx.services.clock.now()
    more = {name: body[name] for name in ("campaign", "order_id", "amount_fen") if name in body}
    # What an order event says beyond the common fields belongs to its content, by which a retry is told from a contradiction.
    custom = {name: body[name] for name in ("list_fen", "refund_id", "bill_no", "reward_ids", "lines") if name in body}
    event = event_of(body, id=body["id"], type=body["type"], merchant=ctx.merchant, received_at=received, custom=custom, **more)
    believed = event.believed(timedelta(seconds=ctx.services.settings.lateness_seconds))
    after = After()
    try:
        with ctx.services.database.write() as connection:
            effects = _effects(connection, ctx, believed, after)
    except PaymentRefused as refused:
        _keep_refusal(ctx, event, refused)
        raise
    ctx.services.follow(after)
    ctx.services.rebates.judge(after.accrued, believed)
    chosen = ctx.services.choices.of(ctx.services.vault, ctx.merchant, event.user)
    with suppress(Unavailable):
        # A seen event gates nothing, and its row stands: when Redis is away the features miss it, the record does not.
        if not chosen.forbids_profiling:
            ctx.services.risk.observe(event, outage)
    return {"id": event.id, "effects": [*effects, *give_automatically(ctx, believed, chosen)]}


def _keep_refusal(ctx: Context, event: Event, refused: PaymentRefused) -> None:
    """A payment that contradicts its part leaves its trace, although nothing of it is taken."""
    detail = {"code": refused.code, "event": event.id, **refused.extra}
    with ctx.services.database.write() as connection:
        who, at = ctx.caller.principal_id, ctx.services.clock.now()
        append(connection, merchant=ctx.merchant, actor=who, action="payment.refused", target=event.order_id or "", now=at, detail=detail)


def _parts_of(custom: Mapping[str, Any]) -> tuple[Part, ...]:
    return tuple(Part(one.get("line"), one["sku"], one["amount_fen"]) for one in custom.get("lines", ()))


def _effects(connection: Connection, ctx: Context, event: Event, after: After) -> list[dict[str, Any]]:
    """The event's row first, then what it causes, in one transaction; a retry hears the stored effects."""
    subject = subject_for(connection, ctx.services.vault, ctx.merchant, event.user, event.received_at)
    known = record_event(connection, event, subject)
    if known is not None:
        return list((known.effects or {}).get("effects", ()))
    if event.type == "receipt.confirmed" and event.order_id is not None:
        received(connection, ctx.merchant, event.order_id, subject.id, event.occurred_at)
    # An order that is not named is only seen.
    if event.type not in ORDER_FACTS or event.order_id is None:
        return []
    custom = event.custom
    fact = OrderFact(
        merchant=ctx.merchant,
        order_id=event.order_id,
        kind=event.type,
        at=event.occurred_at,
        actor=ctx.caller.principal_id,
        amount_fen=event.amount_fen,
        list_fen=custom.get("list_fen"),
        refund_id=custom.get("refund_id"),
        bill_no=custom.get("bill_no"),
        lines=() if event.type == "order.refunded" else lines_of(custom),
        parts=_parts_of(custom) if event.type == "order.refunded" else (),
        reward_ids=tuple(custom.get("reward_ids", ())),
        line_payments=payments_of(custom) if event.type == "order.paid" else (),
    )
    now = ctx.services.clock.now()
    effects = apply_order_fact(connection, fact, subject, now, after)
    if event.type == "order.paid":
        # What an order was paid with is new to the shop no more.
        for kind, token in identifiers_of(ctx.services.vault, event).items():
            firsts.claim(connection, ctx.merchant, kind, token, subject.id, "paid", now)
    store_effects(connection, ctx.merchant, event.id, {"effects": effects})
    return effects
