"""拼团: a price for those who come together in time. Every payment is served by a group that succeeds, or given back."""

from __future__ import annotations

from campaigns.mechanics.base import Mechanic, Moves, Reactions
from campaigns.mechanics.group_buy.commands import JOIN, LEAVE, OPEN, depart
from campaigns.mechanics.group_buy.group import (
    COMMISSION,
    GROUP,
    LEADER,
    SEAT,
    awaits_end,
    counts,
    end,
    expire,
    fillers,
    holding,
    is_over,
    lapsed,
    succeed,
    view,
)
from campaigns.mechanics.group_buy.terms import FORM, GroupBuyTerms
from campaigns.mechanics.legal import Legal
from campaigns.mechanics.moves import Free, Move, Refund, Reverse, Step, Tell, Turn
from campaigns.mechanics.situation import Part, Situation
from campaigns.mechanics.skus import find_sku, prices, stock_cost_max
from campaigns.model import Campaign
from core.text import Text

VIRTUAL_FILL = "campaign.virtual_fill"
_TOO_LATE = {"expired": "paid_too_late", "left": "left_group", "failed": "group_failed"}


def _paid(situation: Situation, part: Part) -> Moves:
    """The seat's order was paid. What cannot be served any more is given back, never an error."""
    state = "" if situation.instance is None else situation.instance.state
    if part.state in ("paid", "served", "undone"):
        return ()
    if not part.live:
        return [Refund(part.id, _TOO_LATE.get(part.state, "group_over"))]
    if state == "pending" and part.role == LEADER:
        terms: GroupBuyTerms = situation.terms
        deadline = situation.now + terms.life
        return [Step(part.id, state="paid"), Turn(state="open", deadline=deadline), Tell("group.started", {"deadline": deadline.isoformat()})]
    if is_over(situation):
        return end(situation)
    found = counts(situation)
    paid = Step(part.id, state="paid")
    if found.complete < found.target:
        return [paid, Tell("group.paid", {"part": part.id, "missing": found.target - found.complete})]
    return [paid, *succeed(situation, holding(situation), 0)]


def _undone(situation: Situation, part: Part) -> Moves:
    """The seat's order was cancelled, or all of it was refunded: before success it is as if the member had left, after it only their own share goes."""
    if not part.live:
        return ()
    if part.state == "served":
        return _taken_out(part)
    if awaits_end(situation):
        return [*end(situation), *(_taken_out(part) if part in fillers(situation) else ())]
    return depart(situation, part, None)


def _refused(situation: Situation, part: Part) -> Moves:
    """A review voided the member's reward: the price was not given, so the money goes back."""
    if not part.live or part.state != "served":
        return ()
    return [*_taken_out(part), Refund(part.id, "risk_refused")]


def _taken_out(part: Part) -> list[Move]:
    """A member of a group that succeeded goes; the group stays as it is for the others. A leader's commission goes with its leader."""
    award: list[Move] = [Reverse(part.id, COMMISSION)] if part.role == LEADER else []
    return [Step(part.id, state="undone"), Reverse(part.id), *award, Free(part.id), Tell("group.member_undone", {"part": part.id})]


def _deadline(situation: Situation, _: Part | None) -> Moves:
    return end(situation) if awaits_end(situation) else ()


def _unpaid(situation: Situation, part: Part | None) -> Moves:
    """The payment window of a seat is over."""
    if part is None or part not in lapsed(situation):
        return ()
    moves = expire([part])
    if situation.instance is not None and situation.instance.state == "pending":
        moves += [Turn(state="cancelled", hold_fen=0), Tell("group.cancelled")]
    return moves


def _pool_size(campaign: Campaign, pool: str) -> int | None:
    sku = find_sku(campaign.terms.skus, pool)
    if sku is None:
        raise KeyError(pool)
    return sku.stock


def _cost_max(campaign: Campaign) -> int | None:
    """All stock at its discount, and as many commissions as there can be. A commission goes with its leader's order and stays when other members
    are refunded, whose pieces then fill a further group: so all leaders but the last may keep one piece each, and the last has a whole group."""
    terms: GroupBuyTerms = campaign.terms
    cost = stock_cost_max(terms.skus)
    groups = sum(max(0, (sku.stock or 0) - terms.members_min + 1) for sku in terms.skus)
    return None if cost is None else cost + groups * terms.commission_fen


def _legal(campaign: Campaign) -> Legal:
    places = {"virtual_members": ("group_buy", "virtual_fill")}
    return Legal(facts={"virtual_members": campaign.terms.virtual_from_percent is not None}, places=places)


GROUP_BUY = Mechanic(
    name="group_buy",
    title=Text(zh="拼团", en="group-buy"),
    form=FORM,
    commands=(OPEN, JOIN, LEAVE),
    main_scene="group_buy.join",
    post_scene="group_buy.success",
    pools=lambda campaign: {sku.sku: sku.stock for sku in campaign.terms.skus if sku.stock is not None},
    pool_size=_pool_size,
    limits=lambda campaign: {**campaign.limits.caps(), "live": 1},
    cost_max_fen=_cost_max,
    bounds_itself=True,
    refusals={
        "unknown_sku": Text(zh="活动中没有这个商品", en="the campaign has no such article"),
        "denied": Text(zh="该顾客或渠道不能参加此活动", en="this customer or channel may not take part"),
        "per_order_limit": Text(zh="超过每单限购数量", en="more pieces than one order may have"),
        "live_limit": Text(zh="您已有一个进行中的团", en="this customer is in a live group already"),
        "group_not_open": Text(zh="团长尚未付款,还不能参团", en="the leader has not paid yet"),
        "group_full": Text(zh="该团已满", en="the group is full"),
        "group_over": Text(zh="该团已结束", en="the group is over"),
        "already_in_group": Text(zh="您已在该团中", en="this customer is in the group already"),
        "not_in_group": Text(zh="您不在该团中", en="this customer is not in the group"),
        "group_succeeded": Text(zh="已成团,请通过退款处理", en="the group has succeeded; refund the order instead"),
    },
    instance="grp",
    instance_states=GROUP,
    part_states=SEAT,
    reactions=Reactions(_paid, _undone, _refused),
    alarms={"deadline": _deadline, "unpaid": _unpaid},
    view=view,
    prices=lambda campaign: prices(campaign.terms.skus),
    approval_kinds=(VIRTUAL_FILL,),
    legal=_legal,
    topics=(
        "group.opened",
        "group.joined",
        "group.started",
        "group.paid",
        "group.left",
        "group.leader_changed",
        "group.seat_expired",
        "group.cancelled",
        "group.succeeded",
        "group.failed",
        "group.member_undone",
    ),
)
