"""限时秒杀: so many pieces in each session, from the bell on, and a stock of its own for every session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from campaigns.mechanics.base import Mechanic, Occasion
from campaigns.mechanics.seckill.play import BUY, POST_SCENE, PURCHASE, REACTIONS, SCENE, SESSION_LIMIT, plan_of, pool_of, unpaid
from campaigns.mechanics.seckill.sessions import first_conflict
from campaigns.mechanics.seckill.terms import FORM, SeckillTerms
from campaigns.mechanics.skus import find_sku, prices
from campaigns.model import Campaign
from core.text import Text

_MICROSECOND = timedelta(microseconds=1)
OCCASIONS_MAX = 10_000


def due_pools(campaign: Campaign, now: datetime) -> list[str]:
    """Stocks of sessions that are open or about to be: their gates are built before the bell, and nothing is taken before it."""
    terms: SeckillTerms = campaign.terms
    # A session that begins exactly `prewarm` from now is due.
    sessions = plan_of(campaign).between(now, now.astimezone(UTC) + terms.prewarm + _MICROSECOND)
    return [pool_of(session, sku.sku) for session in sessions for sku in terms.skus]


def conflicts(one: Campaign, other: Campaign) -> list[Text]:
    """Articles that both campaigns sell in sessions that overlap, each with the first such session of `one`."""
    shared = {sku.sku for sku in one.terms.skus} & {sku.sku for sku in other.terms.skus}
    session = first_conflict(plan_of(one), plan_of(other)) if shared else None
    if session is None:
        return []
    at = f"{session.begins.astimezone(one.zone):%Y-%m-%d %H:%M}"
    return [
        Text(zh=f"商品 {sku} 与活动 {other.id} 的场次重叠({at})", en=f"{sku} is sold by campaign {other.id} at the same time ({at})") for sku in sorted(shared)
    ]


def _pool_size(campaign: Campaign, pool: str) -> int | None:
    """Of a session that the plan has and an article that it sells; any other name is made up."""
    name, _, code = pool.partition("|")
    sku = find_sku(campaign.terms.skus, code)
    if sku is None or plan_of(campaign).named(name) is None:
        raise KeyError(pool)
    return sku.stock


def _pool_closes(campaign: Campaign, pool: str) -> datetime | None:
    session = plan_of(campaign).named(pool.partition("|")[0])
    return None if session is None else session.ends


def _limits(campaign: Campaign) -> Mapping[str, int]:
    """All count pieces: those of `limits` over the whole campaign, the session's in each session anew."""
    session = campaign.terms.per_user_session
    return {**campaign.limits.caps(), **({} if session is None else {SESSION_LIMIT: session})}


def _cost_max(campaign: Campaign) -> int | None:
    """Every session sold out. A piece that returns and is sold again was given once: what came before it is void or reversed."""
    terms: SeckillTerms = campaign.terms
    return plan_of(campaign).count_max() * sum((sku.stock or 0) * sku.discount_fen for sku in terms.skus)


def _occasions(campaign: Campaign, first: datetime, last: datetime) -> Sequence[Occasion]:
    zone, sessions = campaign.zone, islice(plan_of(campaign).between(first, last), OCCASIONS_MAX)
    return [Occasion(one.begins.astimezone(zone), one.ends.astimezone(zone), one.name) for one in sessions]


SECKILL = Mechanic(
    name="seckill",
    title=Text(zh="限时秒杀", en="seckill"),
    form=FORM,
    commands=(BUY,),
    main_scene=SCENE,
    post_scene=POST_SCENE,
    # A session's stock comes to be when it is about to open.
    pools=lambda _: {},
    pool_size=_pool_size,
    pool_closes=_pool_closes,
    gate_parts=lambda campaign: campaign.terms.gate_parts,
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
    reactions=REACTIONS,
    alarms={"unpaid": unpaid},
    prices=lambda campaign: prices(campaign.terms.skus),
    occasions=_occasions,
    topics=("purchase.reserved", "purchase.paid", "purchase.cancelled", "purchase.undone", "purchase.expired", "stock.low"),
)
