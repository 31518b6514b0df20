"""Promoters, and who brought whom. A bind that would close a loop is refused by walking the ancestors, with the campaign's row in hand, so that two
binds at once cannot close one together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from campaigns.mechanics.rebate.terms import RebateTerms
from campaigns.rebates.shares import Above
from campaigns.rebates.tables import promoter_binds, promoters
from campaigns.store.tables import campaigns, order_refunds, orders
from core.audit.log import append
from core.db.engine import insert_ignore
from core.errors import Conflict, Forbidden
from core.privacy.subjects import Subject
from core.privacy.vault import seal_fields
from core.text import Text

# Nobody's chain is longer; whoever walks past it walks in a circle.
ANCESTORS_MAX = 10_000
REGISTERED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A live rebate campaign, with who acts and when."""

    connection: Connection
    merchant: str
    campaign: str
    terms: RebateTerms
    actor: str
    now: datetime


def become_promoter(place: Place, subject: Subject, personal: dict[str, str], *, level: str | None, appointed: bool) -> dict[str, Any]:
    """Make the customer a promoter, or change the level of one. Raises `Forbidden` where the campaign does not let this one be, `Conflict` for a level that
    the campaign does not have."""
    terms = place.terms
    if level is not None and level not in terms.levels:
        raise Conflict("unknown_level", Text(zh="活动没有这个等级", en="the campaign has no such level"), known=sorted(terms.levels))
    if terms.appointed and not appointed:
        raise Forbidden("not_appointed", Text(zh="该活动的推广员由运营指定", en="this campaign's promoters are appointed"))
    if not appointed and terms.spend_fen and (spent := _spent(place, subject.id)) < terms.spend_fen:
        text = Text(zh="消费额未达到要求", en="the customer has not spent enough to promote")
        raise Forbidden("not_spent_enough", text, spend_fen=terms.spend_fen, missing_fen=terms.spend_fen - spent)
    sealed = None if subject.key is None else seal_fields(subject.key, personal)
    row = {"merchant": place.merchant, "campaign": place.campaign, "subject_id": subject.id, "level": level or "", "actor": sealed, "created_at": place.now}
    mine = _mine(place, promoters, subject.id)
    if insert_ignore(place.connection, promoters, row):
        _tell(place, "promoter.made", subject.id, level=level or "")
    elif level is not None and place.connection.execute(update(promoters).where(*mine, promoters.c.level != level).values(level=level)).rowcount:
        _tell(place, "promoter.level", subject.id, level=level)
    found = place.connection.execute(select(promoters).where(*mine)).one()
    return {"promoter": found.subject_id, "campaign": place.campaign, "level": found.level or None, "since": found.created_at.isoformat()}


def bind(place: Place, customer: Subject, promoter: str, registered_at: datetime | None, doubted: bool) -> dict[str, Any]:
    """Note that the promoter brought the customer. The same again changes nothing.

    Raises `Conflict`: somebody else brought them, themselves, a loop, no promoter, or not at a registration where only that counts.
    """
    terms, connection = place.terms, place.connection
    # Whoever binds in this campaign waits for us, and sees our bind when they walk.
    connection.execute(select(campaigns.c.id).where(campaigns.c.merchant == place.merchant, campaigns.c.id == place.campaign).with_for_update())
    if connection.execute(select(promoters.c.subject_id).where(*_mine(place, promoters, promoter))).first() is None:
        raise Conflict("not_a_promoter", Text(zh="对方不是该活动的推广员", en="this is no promoter of the campaign"))
    if promoter == customer.id:
        raise Conflict("self_bind", Text(zh="不能绑定自己", en="nobody brings themselves"))
    known = _bind_of(place, customer.id)
    if known is not None and known.promoter_id == promoter:
        return _shown(known)
    if known is not None and terms.bind != "last_touch":
        raise Conflict("bound_already", Text(zh="该顾客已有推广员", en="somebody else brought this customer"))
    if terms.bind == "registration" and not _just_registered(place, customer, registered_at):
        raise Conflict("not_registering", Text(zh="只在注册时绑定", en="a customer is bound only when they register"))
    if customer.id in _ancestors(place, promoter):
        raise Conflict("would_loop", Text(zh="绑定会形成循环", en="this bind would close a loop"))
    connection.execute(delete(promoter_binds).where(*_mine(place, promoter_binds, customer.id)))
    until = None if terms.bind_for is None else place.now + terms.bind_for
    row = {"merchant": place.merchant, "campaign": place.campaign, "subject_id": customer.id, "promoter_id": promoter, "bound_at": place.now}
    connection.execute(promoter_binds.insert().values(**row, until=until, doubted=doubted))
    _tell(place, "promoter.bound", customer.id, promoter=promoter, doubted=doubted)
    return _shown(_bind_of(place, customer.id))


def chain_of(place: Place, buyer: str) -> tuple[list[Above], bool]:
    """The promoters above a buyer whose tiers are paid, the nearest first, and whether a bind on the way is doubted. A promoter who buys is their own first
    tier where the campaign says so."""
    chain: list[Above] = []
    doubted = False
    own = place.connection.execute(select(promoters).where(*_mine(place, promoters, buyer))).one_or_none()
    if own is not None and place.terms.own_purchases:
        chain.append(Above(buyer, own.level))
    at = buyer
    while len(chain) < place.terms.depth:
        found = _bind_of(place, at)
        if found is None:
            break
        level = place.connection.execute(select(promoters.c.level).where(*_mine(place, promoters, found.promoter_id))).scalar_one()
        chain.append(Above(found.promoter_id, level))
        doubted, at = doubted or found.doubted, found.promoter_id
    return chain, doubted


def downline(connection: Connection, merchant: str, subject: str, now: datetime) -> dict[str, int]:
    """How many customers each campaign counts under a promoter now."""
    live = promoter_binds.c.until.is_(None) | (promoter_binds.c.until > now)
    query = select(promoter_binds.c.campaign, func.count()).where(promoter_binds.c.merchant == merchant, promoter_binds.c.promoter_id == subject, live)
    return {campaign: int(count) for campaign, count in connection.execute(query.group_by(promoter_binds.c.campaign))}


def _ancestors(place: Place, subject: str) -> set[str]:
    found, at = {subject}, subject
    while (above := _bind_of(place, at)) is not None and above.promoter_id not in found and len(found) < ANCESTORS_MAX:
        at = above.promoter_id
        found.add(at)
    return found


def _bind_of(place: Place, subject: str) -> Any:
    """The bind that counts now."""
    live = promoter_binds.c.until.is_(None) | (promoter_binds.c.until > place.now)
    return place.connection.execute(select(promoter_binds).where(*_mine(place, promoter_binds, subject), live)).one_or_none()


def _just_registered(place: Place, customer: Subject, registered_at: datetime | None) -> bool:
    if registered_at is None or not timedelta(0) <= place.now - registered_at <= REGISTERED_WITHIN:
        return False
    bought = select(orders.c.id).where(orders.c.merchant == place.merchant, orders.c.subject_id == customer.id, orders.c.paid_at.is_not(None)).limit(1)
    return place.connection.execute(bought).first() is None


def _spent(place: Place, subject: str) -> int:
    """What the customer's orders paid, less what was given back."""
    mine = (orders.c.merchant == place.merchant, orders.c.subject_id == subject, orders.c.cancelled_at.is_(None))
    paid = place.connection.execute(select(func.coalesce(func.sum(orders.c.paid_fen), 0)).where(*mine)).scalar_one()
    joined = order_refunds.join(orders, (orders.c.merchant == order_refunds.c.merchant) & (orders.c.id == order_refunds.c.order_id))
    back = place.connection.execute(select(func.coalesce(func.sum(order_refunds.c.amount_fen), 0)).select_from(joined).where(*mine)).scalar_one()
    return int(paid) - int(back)


def _mine(place: Place, table: Any, subject: str) -> tuple[Any, ...]:
    return (table.c.merchant == place.merchant, table.c.campaign == place.campaign, table.c.subject_id == subject)


def _shown(row: Any) -> dict[str, Any]:
    until = None if row.until is None else row.until.isoformat()
    return {"customer": row.subject_id, "promoter": row.promoter_id, "bound_at": row.bound_at.isoformat(), "until": until, "doubted": row.doubted}


def _tell(place: Place, action: str, target: str, **detail: Any) -> None:
    detail = {"campaign": place.campaign, **detail}
    append(place.connection, merchant=place.merchant, actor=place.actor, action=action, target=target, now=place.now, detail=detail)
