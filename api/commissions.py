"""Held commissions as cases: what a person sees of them, and what follows from their word. The campaigns' room and the cases' meet here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from campaigns.mechanics.rebate.mechanic import ACCRUE, BIND
from campaigns.rebates.accrual import chain_in
from campaigns.rebates.held import Held, held_of, nothing_held, require_rebate, resolve_held
from campaigns.rebates.tables import rebate_orders
from core.money import Money
from fraud.cases.holding import require_free
from fraud.cases.releases import propose_release, require_unproposed
from fraud.decision import Decision, from_record
from fraud.queries import find_decision
from fraud.reviews import Review, close, close_moot_commissions, find_review, require_words
from fraud.store.tables import decisions, reviews

# Of doubted binds on the way from the buyer up.
_BINDS_MAX = 5


def resolve_commission(connection: Connection, review: Review, resolution: str, reason: str, by: str, now: datetime, second_fen: int) -> dict[str, Any]:
    """Settle or cancel what the case holds, or propose to settle much; the caller holds the case's row and has looked at its words."""
    held = _held(connection, review, lock=True)
    if close_emptied(connection, review, now):
        return _told(connection, review, held, now)
    if resolution == "post" and held.fen > second_fen:
        propose_release(connection, review, Money(held.fen), by, reason, now)
    else:
        close(connection, review, resolution, by, reason, now)
        resolve_held(connection, review.merchant, held.rebate_id, held.promoter, resolution == "post", by, reason, now)
    return _told(connection, review, held, now)


def close_emptied(connection: Connection, review: Review, now: datetime) -> bool:
    """Close a case of which nothing is held: its order took it back, and whoever should have closed the case then died on the way."""
    held = _held(connection, review, lock=True)
    if held.lines:
        return False
    close_moot_commissions(connection, [(held.rebate_id, held.promoter)], now)
    return True


def release_commission(connection: Connection, review: Review, by: str, now: datetime) -> None:
    """The second person agreed. Raises `Conflict` where nothing is held any more."""
    reason = review.reason or ""
    promoter = _promoter(connection, review)
    close(connection, review, "post", by, reason, now)
    resolve_held(connection, review.merchant, str(review.rebate_id), promoter, True, by, reason, now)


def resolve_rebate(connection: Connection, merchant: str, rebate_id: str, settle: bool, reason: str, by: str, now: datetime, second_fen: int) -> dict[str, Any]:
    """All open cases of an order's commissions at once, under the rules of each: `items` were moved, `waiting` were proposed to a second person.

    Raises `NotFound`, and `Conflict` where nothing is held, or a case is somebody else's or proposed already.
    """
    require_rebate(connection, merchant, rebate_id)
    standing = select(reviews.c.id).where(reviews.c.rebate_id == rebate_id, reviews.c.state == "open").order_by(reviews.c.id)
    items: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for name in connection.execute(standing.with_for_update()).scalars().all():
        review = find_review(connection, name, merchant)
        require_words(review, "post" if settle else "void", reason)
        require_free(connection, review, by, now)
        if close_emptied(connection, review, now):
            continue
        require_unproposed(review)
        told = resolve_commission(connection, review, "post" if settle else "void", reason, by, now, second_fen)
        moved = told["commission"]
        if told["approval_id"] is not None:
            waiting.append({"review_id": name, "approval_id": told["approval_id"], "promoter": moved["promoter"], "amount_fen": moved["amount_fen"]})
        else:
            items += [{"promoter": moved["promoter"], **line} for line in moved["lines"]]
    if not items and not waiting:
        raise nothing_held()
    return {"items": items, "waiting": waiting}


def commission_view(connection: Connection, review: Review) -> dict[str, Any]:
    """What is held, for whom and of which order, and every decision that speaks of it, with its evidence."""
    held = _held(connection, review)
    return _shown(held) | {"decisions": [_evidence(one) for one in _decisions(connection, review, held)]}


def _told(connection: Connection, review: Review, held: Held, now: datetime) -> dict[str, Any]:
    done = find_review(connection, review.id, review.merchant)
    return {"review": done.public(now), "reward": None, "approval_id": done.approval_id, "commission": _shown(held)}


def _held(connection: Connection, review: Review, lock: bool = False) -> Held:
    return held_of(connection, review.merchant, str(review.rebate_id), _promoter(connection, review), lock)


def _promoter(connection: Connection, review: Review) -> str:
    """Whom the decision is about."""
    return str(connection.execute(select(decisions.c.subject_id).where(decisions.c.id == review.decision_id)).scalar_one())


def _shown(held: Held) -> dict[str, Any]:
    names = {"rebate": held.rebate_id, "order": held.order_id, "promoter": held.promoter, "buyer": held.buyer}
    return {**names, "amount_fen": held.fen, "doubted": held.doubted, "lines": list(held.lines)}


def _decisions(connection: Connection, review: Review, held: Held) -> list[Decision]:
    """The promoter's own; where the order is doubted also its payment's, and those of the binds on the way up that were not let through."""
    found = [find_decision(connection, review.decision_id, review.merchant)]
    if held.doubted:
        kept = connection.execute(select(rebate_orders.c.chain).where(rebate_orders.c.id == held.rebate_id)).scalar_one()
        people = [held.buyer, *(one.subject for one in chain_in(kept))]
        paid = and_(decisions.c.scene == ACCRUE, decisions.c.event_id == f"accrue:{held.rebate_id}")
        bound = and_(decisions.c.scene == BIND, decisions.c.campaign == held.campaign, decisions.c.subject_id.in_(people))
        mine = (decisions.c.merchant == review.merchant, decisions.c.outcome != "allow", or_(paid, bound))
        bodies = connection.execute(select(decisions.c.body).where(*mine).order_by(decisions.c.at.desc()).limit(_BINDS_MAX + 1)).scalars()
        found += [from_record(body) for body in bodies]
    return found


def _evidence(decision: Decision) -> dict[str, Any]:
    whole = decision.full()
    return {name: whole[name] for name in ("id", "scene", "at", "outcome", "score", "policy", "policy_version", "subject", "reasons")}
