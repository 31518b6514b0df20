"""限时秒杀: so many pieces in each session, from the bell on. A piece is taken before its order is paid, and returns when it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import marshmallow as ma

from campaigns.mechanics.base import Command, Mechanic, Moves, Occasion, Reactions, States
from campaigns.mechanics.moves import Free, Join, Move, Post, Promise, Refund, Reverse, Step, Tell
from campaigns.mechanics.seckill.sessions import Plan, Session, first_conflict
from campaigns.mechanics.seckill.terms import FORM, SeckillTerms
from campaigns.mechanics.situation import Limited, Part, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import Sku, find_sku, prices
from campaigns.model import Campaign
from core.text import Text

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


def due_pools(campaign: Campaign, now: datetime) -> list[str]:
    """Stocks of sessions that are open or about to be: their gates are built before the bell, and nothing is taken before it."""
    terms: SeckillTerms = campaign.terms
    sessions = plan_of(campaign).between(now, now + terms.prewarm + timedelta(microseconds=1))
    return [pool_of(session, sku.sku) for session in sessions for sku in terms.skus]


def conflicts(one: Campaign, other: Campaign) -> list[Text]:
    """Articles that both campaigns sell in sessions that overlap, each with the first such session of `one`."""
    shared = {sku.sku for sku in one.terms.skus} & {sku.sku for sku in other.terms.skus}
    session = first_conflict(plan_of(one), plan_of(other)) if shared else None
    if session is None:
        return []
    at = f"{session.begins:%Y-%m-%d %H:%M}"
    return [
        Text(zh=f"商品 {sku} 与活动 {other.id} 的场次重叠({at})", en=f"{sku} is sold by campaign {other.id} at the same time ({at})") for sku in sorted(shared)
    ]


def _wants(situation: Situation, wish: Wish) -> Wants | Refuse:
    found = _offer(situation, wish)
    if isinstance(found, Refuse):
        return found
    session, sku = found
    quantity = wish.fields["quantity"]
    limits = [Limited(kind, kind, places=quantity) for kind in situation.campaign.limits.caps()]
    if situation.terms.per_user_session is not None:
        limits.append(Limited("session_user", "user", places=quantity, scope=session.name))
    return Wants(pool_of(session, sku.sku), quantity, sku.discount_fen * quantity, tuple(limits))


def _buy(situation: Situation, wish: Wish) -> Moves | Refuse:
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
        pay_by=situation.now + terms.pay_within,
        data=data,
        reward=Promise("discount", sku.discount_fen * quantity),
    )
    return [purchase, Tell("purchase.reserved", {**data, "quantity": quantity})]


def _offer(situation: Situation, wish: Wish) -> tuple[Session, Sku] | Refuse:
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
        return Refuse("session_not_open", {"next_session": None if following is None else following.begins.isoformat()})
    return session, sku


def _paid(situation: Situation, part: Part) -> Moves:
    """The order was paid. Pieces that went back for want of payment are not served: the money goes back."""
    if part.state in ("paid", "undone"):
        return ()
    if not part.live:
        return [Refund(part.id, _TOO_LATE[part.state])]
    return [Step(part.id, state="paid"), Post(part.id), Tell("purchase.paid", dict(part.data))]


def _undone(situation: Situation, part: Part) -> Moves:
    """The order was cancelled or wholly refunded: its pieces return to their session's stock."""
    if not part.live:
        return ()
    state = "undone" if part.state == "paid" else "cancelled"
    return [Step(part.id, state=state), Reverse(part.id), Free(part.id), Tell(f"purchase.{state}", dict(part.data))]


def _refused(situation: Situation, part: Part) -> Moves:
    if not part.live or part.state != "paid":
        return ()
    return [Step(part.id, state="undone"), Free(part.id), Refund(part.id, "risk_refused")]


def _unpaid(situation: Situation, part: Part | None) -> Moves:
    """The payment window is over: the pieces return."""
    if part is None or not part.live or part.state != "reserved" or part.paid_fen is not None:
        return ()
    late = part.pay_by is not None and situation.now >= part.pay_by
    moves: list[Move] = [Step(part.id, state="expired"), Free(part.id), Tell("purchase.expired", dict(part.data))]
    return moves if late else ()


def _split_pool(pool: str) -> tuple[str, str]:
    name, _, sku = pool.partition("|")
    return name, sku


def _pool_size(campaign: Campaign, pool: str) -> int | None:
    name, code = _split_pool(pool)
    sku = find_sku(campaign.terms.skus, code)
    if sku is None or plan_of(campaign).named(name) is None:
        raise KeyError(pool)
    return sku.stock


def _pool_closes(campaign: Campaign, pool: str) -> datetime | None:
    session = plan_of(campaign).named(_split_pool(pool)[0])
    return None if session is None else session.ends


def _limits(campaign: Campaign) -> Mapping[str, int]:
    session = campaign.terms.per_user_session
    return {**campaign.limits.caps(), **({} if session is None else {"session_user": session})}


def _cost_max(campaign: Campaign) -> int | None:
    terms: SeckillTerms = campaign.terms
    return plan_of(campaign).count() * sum((sku.stock or 0) * sku.discount_fen for sku in terms.skus)


def _occasions(campaign: Campaign, first: datetime, last: datetime) -> Sequence[Occasion]:
    return [Occasion(one.begins, one.ends, one.name) for one in plan_of(campaign).between(first, last)]


SECKILL = Mechanic(
    name="seckill",
    title=Text(zh="限时秒杀", en="seckill"),
    form=FORM,
    commands=(Command("buy", "purchases", Text(zh="秒杀下单", en="Take pieces for an order."), BuyFields, "seckill.buy", wants=_wants, act=_buy),),
    main_scene="seckill.buy",
    post_scene="seckill.pay",
    # A session's stock comes to be when it is about to open.
    pools=lambda _: {},
    pool_size=_pool_size,
    pool_closes=_pool_closes,
    limits=_limits,
    cost_max_fen=_cost_max,
    due_pools=due_pools,
    warn_at=lambda campaign: campaign.terms.warn_at,
    conflicts=conflicts,
    bounds_itself=True,
    refusals={
        "unknown_sku": Text(zh="活动中没有这个商品", en="the campaign has no such article"),
        "per_order_limit": Text(zh="超过每单限购数量", en="more pieces than one order may have"),
        "session_user_limit": Text(zh="本场次的限购数量已用完", en="this customer has taken as many pieces as one may in this session"),
        "session_not_open": Text(zh="场次尚未开始", en="no session is open now"),
    },
    part_states=PURCHASE,
    reactions=Reactions(_paid, _undone, _refused),
    alarms={"unpaid": _unpaid},
    prices=lambda campaign: prices(campaign.terms.skus),
    occasions=_occasions,
    topics=("purchase.reserved", "purchase.paid", "purchase.cancelled", "purchase.undone", "purchase.expired", "stock.low"),
)
