"""砍价: friends cut a price down to its floor along a sequence that was fixed at the start; its owner orders once, and what fails is freed."""

from __future__ import annotations

from campaigns.mechanics.bargain.commands import BUY, HELP, START
from campaigns.mechanics.bargain.ends import deadline, unbind, unbound
from campaigns.mechanics.bargain.price import BARGAIN, PART, sku_of, view
from campaigns.mechanics.bargain.terms import FORM, BargainTerms
from campaigns.mechanics.base import Mechanic, Moves, Reactions
from campaigns.mechanics.legal import Legal, Prize
from campaigns.mechanics.moves import Free, Move, Post, Refund, Reverse, Step, Tell, Turn
from campaigns.mechanics.situation import Part, Situation
from campaigns.mechanics.skus import find_sku, prices, stock_cost_max
from campaigns.model import Campaign
from core.text import Text

_TOO_LATE = {"lapsed": "paid_too_late", "cancelled": "order_cancelled"}


def _paid(situation: Situation, part: Part) -> Moves:
    """The order was paid. One that is bound still is served, also when its window has just passed: its piece is held, so nobody loses by it.
    What lapsed before is given back."""
    if part.state in ("paid", "undone"):
        return ()
    if not part.live:
        return [Refund(part.id, _TOO_LATE[part.state])]
    due: list[Move] = [Post(part.id)] if part.reward_id is not None else []
    told = [Tell("bargain.succeeded", {"price_fen": part.price_fen})] if part.price_fen == sku_of(situation).price_fen else []
    return [Step(part.id, state="paid"), Turn(state="bought"), *due, *told, Tell("bargain.bought", {"price_fen": part.price_fen})]


def _undone(situation: Situation, part: Part) -> Moves:
    """The order was cancelled or wholly refunded: the bargain is free again while it lives."""
    if not part.live:
        return ()
    step = Step(part.id, state="undone" if part.state == "paid" else "cancelled")
    return [step, Reverse(part.id), Free(part.id), Tell("bargain.order_undone", {"part": part.id}), *unbound(situation)]


def _refused(situation: Situation, part: Part) -> Moves:
    """A review voided the discount: the price was not given, so the money goes back."""
    if not part.live or part.state != "paid":
        return ()
    undone = Tell("bargain.order_undone", {"part": part.id})
    return [Step(part.id, state="undone"), Free(part.id), Refund(part.id, "risk_refused"), undone, *unbound(situation)]


def _pool_size(campaign: Campaign, pool: str) -> int | None:
    sku = find_sku(campaign.terms.skus, pool)
    if sku is None:
        raise KeyError(pool)
    return sku.stock


def _limits(campaign: Campaign) -> dict[str, int]:
    terms: BargainTerms = campaign.terms
    devices = {} if terms.helps_per_device is None else {"helper_device": terms.helps_per_device}
    return {**campaign.limits.caps(), "helper": terms.helps_per_user, **devices}


def _legal(campaign: Campaign) -> Legal:
    """Where an order must wait for the floor, every bargain of so many cuts ends at the same price. Where one may buy at any time, how big the cuts were
    drawn decides what is paid."""
    terms: BargainTerms = campaign.terms
    chance = terms.order_any_time and terms.spread > 0
    prizes = tuple(Prize(("bargain", "skus", one.sku, "floor"), one.discount_fen) for one in terms.skus) if chance else ()
    return Legal(chance, prizes, places={"chance": ("bargain", "order_any_time")})


BARGAIN_MECHANIC = Mechanic(
    name="bargain",
    title=Text(zh="砍价", en="bargain"),
    form=FORM,
    commands=(START, HELP, BUY),
    main_scene="bargain.cut",
    post_scene="bargain.pay",
    pools=lambda campaign: {sku.sku: sku.stock for sku in campaign.terms.skus if sku.stock is not None},
    pool_size=_pool_size,
    limits=_limits,
    cost_max_fen=lambda campaign: stock_cost_max(campaign.terms.skus),
    bounds_itself=True,
    refusals={
        "unknown_sku": Text(zh="活动中没有这个商品", en="the campaign has no such article"),
        "helper_limit": Text(zh="您帮砍的次数已用完", en="this customer has helped as often as one customer may"),
        "helper_device_limit": Text(zh="该设备帮砍的次数已用完", en="this device has helped as often as one device may"),
        "own_bargain": Text(zh="不能给自己的砍价再砍一刀", en="nobody helps with their own bargain"),
        "already_helped": Text(zh="您已经帮砍过了", en="this customer has helped with this bargain already"),
        "not_yours": Text(zh="只有发起人可以下单", en="only the one who started the bargain may order"),
        "floor_not_reached": Text(zh="还没有砍到底价", en="the floor is not reached yet"),
        "bargain_reached": Text(zh="已砍到底价", en="the price is at its floor"),
        "bargain_ordered": Text(zh="该砍价已下单", en="the bargain is bound to an order"),
        "bargain_over": Text(zh="该砍价已结束", en="the bargain is over"),
    },
    instance="brg",
    instance_states=BARGAIN,
    part_states=PART,
    reactions=Reactions(_paid, _undone, _refused),
    # A forgotten order is found by what it is, so a late alarm of an earlier one does no harm.
    alarms={"deadline": lambda situation, _: deadline(situation), "unpaid": lambda situation, _: unbind(situation)},
    view=view,
    prices=lambda campaign: prices(campaign.terms.skus),
    legal=_legal,
    topics=(
        "bargain.started",
        "bargain.cut",
        "bargain.reached",
        "bargain.ordered",
        "bargain.order_lapsed",
        "bargain.order_undone",
        "bargain.bought",
        "bargain.succeeded",
        "bargain.expired",
    ),
)
