"""How a bargain comes free of its order, and how it ends. Whoever undoes an order says it through here, so that no way of losing one keeps the success."""

from __future__ import annotations

from campaigns.mechanics.bargain.price import is_over, lapsed_order, price_now, taken
from campaigns.mechanics.base import Moves
from campaigns.mechanics.moves import Free, Move, Step, Tell, Turn
from campaigns.mechanics.situation import Situation


def unbound_state(situation: Situation) -> str:
    """What the bargain is when no order holds it: open again, or expired when its deadline is past."""
    if is_over(situation):
        return "expired"
    return "reached" if len(taken(situation)) >= situation.terms.cuts else "cutting"


def unbound(situation: Situation) -> list[Move]:
    """No order holds the bargain any more. Past its deadline that ends it, since the deadline's own timer let the order wait."""
    return expired(situation) if is_over(situation) else [Turn(state=unbound_state(situation))]


def unbind(situation: Situation) -> list[Move]:
    """Let go of an order that was not paid in time: a forgotten order never keeps the success."""
    order = lapsed_order(situation)
    if order is None:
        return []
    return [Step(order.id, state="lapsed"), Free(order.id), Tell("bargain.order_lapsed", {"part": order.id}), *unbound(situation)]


def expired(situation: Situation) -> list[Move]:
    return [Turn(state="expired"), Tell("bargain.expired", {"price_fen": price_now(situation)})]


def deadline(situation: Situation) -> Moves:
    """An order that waits for its payment is let wait; what comes of it ends the bargain then."""
    standing = situation.instance is not None and situation.instance.state in ("cutting", "reached")
    return expired(situation) if standing and is_over(situation) else ()
