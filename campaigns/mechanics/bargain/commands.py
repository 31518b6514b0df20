"""What customers do with a bargain: start it, help with a cut, order at its price."""

from __future__ import annotations

import marshmallow as ma

from campaigns.mechanics.bargain.cuts import cut_of, sequence
from campaigns.mechanics.bargain.ends import unbind, unbound_state
from campaigns.mechanics.bargain.price import CUT, ORDER, cut_parts, cuts_of, free_places, is_over, lapsed_order, open_order, price_now, sku_of, taken
from campaigns.mechanics.bargain.terms import BargainTerms
from campaigns.mechanics.base import Command, Moves
from campaigns.mechanics.moves import Join, Move, Open, Promise, Tell, Turn
from campaigns.mechanics.situation import Limited, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import find_sku
from core.text import Text


class StartFields(ma.Schema):
    sku = ma.fields.String(required=True, validate=ma.validate.Length(1, 32))


class OrderFields(ma.Schema):
    order_id = ma.fields.String(required=True, validate=ma.validate.Length(1, 64))


def start_wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    terms: BargainTerms = situation.terms
    if find_sku(terms.skus, wish.fields["sku"]) is None:
        return Refuse("unknown_sku", {"known": [one.sku for one in terms.skus][:20]})
    return Wants(limits=tuple(Limited(kind, kind) for kind in situation.campaign.limits.caps()))


def start_act(situation: Situation, wish: Wish) -> Moves | Refuse:
    wanted = start_wants(situation, wish)
    if isinstance(wanted, Refuse):
        return wanted
    terms: BargainTerms = situation.terms
    sku = next(one for one in terms.skus if one.sku == wish.fields["sku"])
    cuts = sequence(wish.seed, sku.discount_fen, terms.cuts, terms.shape, terms.spread)
    state = "reached" if terms.own_cut and terms.cuts == 1 else "cutting"
    begin = Open(state, terms.cuts, data={"sku": sku.sku, "seed": wish.seed}, deadline=situation.now + terms.life)
    # The initiator's part holds the place under their limits; where their own cut counts it is the first cut as well.
    own = {"seats": [0], "cut_fen": cuts[0], "own": True} if terms.own_cut else {"seats": [], "cut_fen": 0, "own": True}
    started: list[Move] = [begin, Join(CUT, "made", seat=0 if terms.own_cut else None, data=own), Tell("bargain.started", {"sku": sku.sku})]
    return [*started, Tell("bargain.reached")] if state == "reached" else started


def cut_wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    refused = _not_cutting(situation, wish)
    if refused is not None:
        return refused
    terms: BargainTerms = situation.terms
    limits = [Limited("helper", "user")]
    if terms.helps_per_device is not None:
        limits.append(Limited("helper_device", "device"))
    return Wants(limits=tuple(limits))


def cut_act(situation: Situation, wish: Wish) -> Moves | Refuse:
    refused = _not_cutting(situation, wish)
    if refused is not None:
        return refused
    places = free_places(situation, 2 if _is_new(situation, wish) else 1)
    cut_fen = cut_of(cuts_of(situation), places)
    data = {"seats": places, "cut_fen": cut_fen}
    moves: list[Move] = [*unbind(situation), Join(CUT, "made", seat=places[0], seats=len(places), data=data)]
    moves.append(Tell("bargain.cut", {"cut_fen": cut_fen, "price_fen": price_now(situation) - cut_fen}))
    if len(taken(situation)) + len(places) < situation.terms.cuts:
        return moves
    return [*moves, Turn(state="reached"), Tell("bargain.reached")]


def order_wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    refused = _not_ordering(situation, wish)
    if refused is not None:
        return refused
    sku = sku_of(situation)
    return Wants(None if sku.stock is None else sku.sku, 1, sku.list_fen - price_now(situation))


def order_act(situation: Situation, wish: Wish) -> Moves | Refuse:
    refused = _not_ordering(situation, wish)
    if refused is not None:
        return refused
    sku, price = sku_of(situation), price_now(situation)
    pay_by = situation.now + situation.terms.pay_within
    discount = sku.list_fen - price
    order = Join(
        ORDER,
        "reserved",
        price_fen=price,
        list_fen=sku.list_fen,
        order_id=wish.fields["order_id"],
        pay_by=pay_by,
        data={"sku": sku.sku},
        reward=Promise("discount", discount) if discount else None,
    )
    return [*unbind(situation), order, Turn(state="ordered"), Tell("bargain.ordered", {"price_fen": price})]


def _state(situation: Situation) -> str:
    """The bargain's state, as if every timer had fired."""
    state = "" if situation.instance is None else situation.instance.state
    if state == "ordered":
        return state if lapsed_order(situation) is None else unbound_state(situation)
    return "expired" if state in ("cutting", "reached") and is_over(situation) else state


def _not_cutting(situation: Situation, wish: Wish) -> Refuse | None:
    state = _state(situation)
    if state == "ordered":
        return Refuse("bargain_ordered")
    if state == "reached":
        return Refuse("bargain_reached")
    if state != "cutting":
        return Refuse("bargain_over")
    if situation.instance is not None and wish.caller == situation.instance.owner:
        return Refuse("own_bargain")
    return Refuse("already_helped") if any(part.subject == wish.caller for part in cut_parts(situation)) else None


def _not_ordering(situation: Situation, wish: Wish) -> Refuse | None:
    if situation.instance is not None and wish.caller != situation.instance.owner:
        return Refuse("not_yours")
    state = _state(situation)
    if state == "ordered":
        order = open_order(situation)
        return Refuse("bargain_ordered", {"order_id": None if order is None else order.order_id})
    if state not in ("cutting", "reached"):
        return Refuse("bargain_over")
    if state == "cutting" and not situation.terms.order_any_time:
        return Refuse("floor_not_reached", {"price_fen": price_now(situation), "floor_fen": sku_of(situation).price_fen})
    return None


def _is_new(situation: Situation, wish: Wish) -> bool:
    within, since = situation.terms.new_within, wish.registered_at
    return within is not None and since is not None and situation.now - within < since <= situation.now


START = Command("start", "bargains", Text(zh="发起砍价", en="Start a bargain."), StartFields, "bargain.start", wants=start_wants, act=start_act, about="new")
HELP = Command(
    "cut",
    "bargains/<instance>/cuts",
    Text(zh="帮砍一刀", en="Help with a cut."),
    ma.Schema,
    "bargain.cut",
    wants=cut_wants,
    act=cut_act,
    when="begun",
    about="named",
)
BUY = Command(
    "order",
    "bargains/<instance>/order",
    Text(zh="按砍后价下单", en="Order at the bargain's price, which is kept for the payment window."),
    OrderFields,
    "bargain.order",
    wants=order_wants,
    act=order_act,
    when="begun",
    about="named",
)
