"""A purchase of a seckill: pieces are taken before their order is paid, from the bell on, and return when it is not paid in time.

Timers are late, so whatever comes at `pay_by` or after it fares as if the timer had fired: the pieces are back, and a payment is given back.
"""

from __future__ import annotations

from datetime import UTC

import marshmallow as ma

from campaigns.mechanics.base import Command, Moves, Reactions, States
from campaigns.mechanics.moves import Free, Join, Move, Post, Promise, Refund, Reverse, Step, Tell
from campaigns.mechanics.seckill.sessions import Plan, Session
from campaigns.mechanics.seckill.terms import SeckillTerms
from campaigns.mechanics.situation import Limited, Part, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import Sku, find_sku
from campaigns.model import Campaign
from core.text import Text

SCENE, POST_SCENE = "seckill.buy", "seckill.pay"
SESSION_LIMIT = "session_user"
# The topics of a purchase are named for the states that it comes to.
PURCHASE: States = {
    "reserved": frozenset({"paid", "expired", "cancelled"}),
    "paid": frozenset({"undone"}),
    "expired": frozenset(),
    "cancelled": frozenset(),
    "undone": frozenset(),
}
_TOO_LATE = {"expired": "paid_too_late", "cancelled": "order_cancelled"}


class BuyFields(ma.Schema):
    """What is bought, and the order that will pay for it."""

    sku = ma.fields.String(required=True, validate=ma.validate.Length(1, 32))
    order_id = ma.fields.String(required=True, validate=ma.validate.Length(1, 64))
    quantity = ma.fields.Integer(load_default=1, strict=True, validate=ma.validate.Range(1, 1000))


def plan_of(campaign: Campaign) -> Plan:
    """When the campaign sells."""
    terms: SeckillTerms = campaign.terms
    return Plan(terms.slots, campaign.zone, campaign.starts, campaign.ends)


def pool_of(session: Session, sku: str) -> str:
    """The stock of an article in a session."""
    return f"{session.name}|{sku}"


def wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    """Pieces of the open session's stock, and as many places under each limit."""
    found = _offer(situation, wish)
    if isinstance(found, Refuse):
        return found
    session, sku = found
    quantity = wish.fields["quantity"]
    limits = [Limited(kind, kind, places=quantity) for kind in situation.campaign.limits.caps()]
    if situation.terms.per_user_session is not None:
        limits.append(Limited(SESSION_LIMIT, "user", places=quantity, scope=session.name))
    return Wants(pool_of(session, sku.sku), quantity, sku.discount_fen * quantity, tuple(limits))


def buy(situation: Situation, wish: Wish) -> Moves | Refuse:
    found = _offer(situation, wish)
    if isinstance(found, Refuse):
        return found
    session, sku = found
    quantity, terms = wish.fields["quantity"], situation.terms
    data = {"sku": sku.sku, "session": session.name}
    purchase = Join(
        "buyer",
        "reserved",
        quantity=quantity,
        price_fen=sku.price_fen * quantity,
        list_fen=sku.list_fen * quantity,
        order_id=wish.fields["order_id"],
        pay_by=situation.now.astimezone(UTC) + terms.pay_within,
        data=data,
        reward=Promise("discount", sku.discount_fen * quantity),
    )
    return [purchase, Tell("purchase.reserved", {**data, "quantity": quantity})]


def _offer(situation: Situation, wish: Wish) -> tuple[Session, Sku] | Refuse:
    """The article, and the session that sells it now."""
    terms: SeckillTerms = situation.terms
    sku = find_sku(terms.skus, wish.fields["sku"])
    if sku is None:
        return Refuse("unknown_sku", {"known": [one.sku for one in terms.skus][:20]})
    if wish.fields["quantity"] > terms.per_order[sku.sku]:
        return Refuse("per_order_limit", {"limit": terms.per_order[sku.sku]})
    plan = plan_of(situation.campaign)
    session = plan.at(situation.now)
    if session is None:
        following = plan.next(situation.now)
        return Refuse("session_not_open", {"next_session": None if following is None else following.begins.astimezone(plan.zone).isoformat()})
    return session, sku


def paid(situation: Situation, part: Part) -> Moves:
    """The order was paid. Pieces that went back, or are due to, are not served: the money goes back."""
    if part.state in ("paid", "undone"):
        return ()
    if has_lapsed(situation, part):
        return [*_ended(part, "expired"), Refund(part.id, _TOO_LATE["expired"])]
    if not part.live:
        return [Refund(part.id, _TOO_LATE[part.state])]
    return [Step(part.id, state="paid"), Post(part.id), Tell("purchase.paid", dict(part.data))]


def undone(situation: Situation, part: Part) -> Moves:
    """The order was cancelled or wholly refunded: its pieces return to their session's stock."""
    if not part.live:
        return ()
    if has_lapsed(situation, part):
        return _ended(part, "expired")
    return [Reverse(part.id), *_ended(part, "undone" if part.state == "paid" else "cancelled")]


def refused(_: Situation, part: Part) -> Moves:
    """A review voided the discount: the price was not given, so the money goes back and the pieces return."""
    if not part.live or part.state != "paid":
        return ()
    return [*_ended(part, "undone"), Refund(part.id, "risk_refused")]


def unpaid(situation: Situation, part: Part | None) -> Moves:
    """The payment window is over: the pieces return."""
    return _ended(part, "expired") if part is not None and has_lapsed(situation, part) else ()


def has_lapsed(situation: Situation, part: Part) -> bool:
    """Whether its time to pay is over, exactly at `pay_by` included, and its timer has not fired yet."""
    return part.live and part.state == "reserved" and part.pay_by is not None and situation.now >= part.pay_by


def _ended(part: Part, state: str) -> list[Move]:
    """The purchase holds nothing any more. Pieces that return after their session are simply not sold."""
    return [Step(part.id, state=state), Free(part.id), Tell(f"purchase.{state}", dict(part.data))]


BUY = Command("buy", "purchases", Text(zh="秒杀下单", en="Take pieces for an order."), BuyFields, SCENE, wants=wants, act=buy)
REACTIONS = Reactions(paid, undone, refused)
