"""What a customer may do with a group: open it, join it, leave it."""

from __future__ import annotations

import marshmallow as ma

from campaigns.mechanics.base import Command, Moves
from campaigns.mechanics.group_buy.group import LEADER, MEMBER, awaits_end, counts, expire, fail, fillers, holding, is_over, lapsed
from campaigns.mechanics.group_buy.terms import GroupBuyTerms
from campaigns.mechanics.moves import Free, Join, Move, Open, Promise, Refund, Step, Tell, Turn
from campaigns.mechanics.situation import Limited, Part, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import Sku, find_sku
from core.text import Text


class SeatFields(ma.Schema):
    """The order that will pay for the seat, how many pieces, and through which channel the customer came."""

    order_id = ma.fields.String(required=True, validate=ma.validate.Length(1, 64))
    quantity = ma.fields.Integer(load_default=1, strict=True, validate=ma.validate.Range(1, 1000))
    channel = ma.fields.String(validate=ma.validate.Length(1, 64))


class OpenFields(SeatFields):
    sku = ma.fields.String(required=True, validate=ma.validate.Length(1, 32))


def open_wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    terms: GroupBuyTerms = situation.terms
    sku = find_sku(terms.skus, wish.fields["sku"])
    if sku is None:
        return Refuse("unknown_sku", {"known": [one.sku for one in terms.skus][:20]})
    return _refused(situation, wish) or _wants(situation, wish, sku, terms.commission_fen)


def open_act(situation: Situation, wish: Wish) -> Moves | Refuse:
    wanted = open_wants(situation, wish)
    if isinstance(wanted, Refuse):
        return wanted
    terms: GroupBuyTerms = situation.terms
    begin = Open("pending", terms.size, hold_fen=terms.commission_fen, data={"sku": wish.fields["sku"]})
    return [begin, _seat(situation, wish, LEADER, wish.fields["sku"]), Tell("group.opened", {"sku": wish.fields["sku"]})]


def join_wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    sku = find_sku(situation.terms.skus, _sku(situation))
    refused = _refused(situation, wish) or _closed(situation, wish)
    if refused is not None or sku is None:
        return refused or Refuse("group_over")
    return _wants(situation, wish, sku, 0)


def join_act(situation: Situation, wish: Wish) -> Moves | Refuse:
    wanted = join_wants(situation, wish)
    if isinstance(wanted, Refuse):
        return wanted
    return [*expire(lapsed(situation)), _seat(situation, wish, MEMBER, _sku(situation)), Tell("group.joined", {"sku": _sku(situation)})]


def leave_wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    return _not_leaving(situation, wish) or Wants()


def leave_act(situation: Situation, wish: Wish) -> Moves | Refuse:
    refused = _not_leaving(situation, wish)
    if refused is not None:
        return refused
    return depart(situation, next(part for part in situation.parts if part.live and part.subject == wish.caller), "left_group")


def depart(situation: Situation, part: Part, refund_reason: str | None) -> Moves:
    """A seat is given up before the group succeeded; what it paid goes back where `refund_reason` says so. A leader is followed by the next
    member who has paid, and the deadline stays."""
    moves: list[Move] = [Step(part.id, state="left"), Free(part.id)]
    if refund_reason is not None:
        moves.append(Refund(part.id, refund_reason))
    moves.append(Tell("group.left", {"part": part.id}))
    if part.role != LEADER or situation.instance is None:
        return moves
    if situation.instance.state == "pending":
        return [*moves, Turn(state="cancelled", hold_fen=0), Tell("group.cancelled")]
    heirs = [other for other in holding(situation) if other.id != part.id and other.state == "paid"]
    if not heirs:
        rest = Situation(situation.campaign, situation.now, situation.instance, tuple(other for other in situation.parts if other.id != part.id))
        return [*moves, *fail(rest)]
    heir = min(heirs, key=lambda other: other.seat or 0)
    return [*moves, Step(part.id, role=MEMBER), Step(heir.id, role=LEADER), Turn(owner=heir.subject), Tell("group.leader_changed", {"part": heir.id})]


def _refused(situation: Situation, wish: Wish) -> Refuse | None:
    terms: GroupBuyTerms = situation.terms
    if wish.user in terms.denied_users or wish.fields.get("channel") in terms.denied_channels:
        return Refuse("denied")
    if wish.fields["quantity"] > terms.per_order:
        return Refuse("per_order_limit", {"limit": terms.per_order})
    return None


def _closed(situation: Situation, wish: Wish) -> Refuse | None:
    state = "" if situation.instance is None else situation.instance.state
    if state == "pending":
        return Refuse("group_not_open")
    if state == "succeeded":
        return Refuse("group_full")
    if state != "open" or is_over(situation):
        return Refuse("group_over")
    if any(part.subject == wish.caller for part in holding(situation)):
        return Refuse("already_in_group")
    found = counts(situation)
    return Refuse("group_full") if found.locked >= found.target else None


def _not_leaving(situation: Situation, wish: Wish) -> Refuse | None:
    if situation.instance is not None and situation.instance.state == "succeeded":
        return Refuse("group_succeeded")
    if not any(part.live and part.subject == wish.caller for part in situation.parts):
        return Refuse("not_in_group")
    if awaits_end(situation):
        return Refuse("group_succeeded" if fillers(situation) else "group_over")
    return None


def _wants(situation: Situation, wish: Wish, sku: Sku, hold_fen: int) -> Wants:
    limits = [Limited(kind, kind) for kind in situation.campaign.limits.caps()]
    quantity = wish.fields["quantity"]
    return Wants(None if sku.stock is None else sku.sku, quantity, sku.discount_fen * quantity + hold_fen, (*limits, Limited("live", "user")))


def _seat(situation: Situation, wish: Wish, role: str, code: str) -> Join:
    """A locked seat. Nobody is given longer to pay than the group has to live."""
    terms: GroupBuyTerms = situation.terms
    sku, quantity = next(one for one in terms.skus if one.sku == code), wish.fields["quantity"]
    pay_by, deadline = situation.now + terms.pay_within, None if situation.instance is None else situation.instance.deadline
    return Join(
        role,
        "locked",
        seat="any",
        quantity=quantity,
        price_fen=sku.price_fen * quantity,
        list_fen=sku.list_fen * quantity,
        order_id=wish.fields["order_id"],
        pay_by=pay_by if deadline is None else min(pay_by, deadline),
        data={"sku": code},
        reward=Promise("discount", sku.discount_fen * quantity),
    )


def _sku(situation: Situation) -> str:
    return "" if situation.instance is None else str(situation.instance.data["sku"])


OPEN = Command("open", "groups", Text(zh="开团", en="Open a group."), OpenFields, "group_buy.open", wants=open_wants, act=open_act, about="new")
JOIN = Command(
    "join",
    "groups/<instance>/join",
    Text(zh="参团", en="Take a seat in a group, to be paid within the payment window."),
    SeatFields,
    "group_buy.join",
    wants=join_wants,
    act=join_act,
    when="begun",
    about="named",
)
LEAVE = Command(
    "leave",
    "groups/<instance>/leave",
    Text(zh="退团", en="Give up a seat before the group has succeeded; what was paid is given back."),
    ma.Schema,
    None,
    wants=leave_wants,
    act=leave_act,
    rewards=False,
    when="always",
    about="named",
)
