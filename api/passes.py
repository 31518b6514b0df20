"""What an overturned appeal still gives: a pass where the customer may ask again, and words for the shop where nothing can be given by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from campaigns.mechanics import mechanic_named, mechanic_names
from campaigns.mechanics.rebate.mechanic import BIND
from campaigns.mechanics.withdrawal.mechanic import SCENE as WITHDRAW
from campaigns.store.tables import campaigns, rewards
from campaigns.versions import campaign_at
from core.text import Text
from fraud.cases.passes import pass_of
from fraud.cases.tables import risk_passes
from fraud.queries import PLATFORM, find_decision
from fraud.reviews import Review
from fraud.store.tables import decisions, reviews

# What a customer asks for, and may ask for again. What posts later by itself is not asked for.
ASKED = frozenset({BIND, WITHDRAW} | {command.scene for name in mechanic_names() for command in mechanic_named(name).commands if command.scene})
_WORDS = {
    "ask_again": Text(
        zh="请让顾客在 {until} 前再次参与:本次不受风控结论限制;库存、预算与限领照常",
        en="let the customer ask again before {until}: the risk verdict is set aside once; stock, budgets and limits hold as ever",
    ),
    "used": Text(zh="顾客已再次参与并获放行", en="the customer has asked again, and was let through"),
    "expired": Text(zh="再次参与的期限已过", en="the time to ask again is over"),
    "shop_lets_through": Text(zh="该检查本身不拦截:请商家直接放行", en="the check gates nothing by itself: let the customer through"),
    "by_hand": Text(
        zh="活动已结束,或该环节不能重来,系统无法再自动发放:请商家自行补偿",
        en="the campaign is over, or its step cannot be asked for again, so nothing can be given any more by itself: make it good by hand",
    ),
}


def pass_until(connection: Connection, appeal: Review, now: datetime, hours: int) -> datetime | None:
    """Until when the customer may ask again, never beyond the campaign; None where there is nothing to ask for."""
    refused = find_decision(connection, appeal.decision_id, appeal.merchant)
    if refused.campaign is None or refused.scene not in ASKED:
        return None
    named = (campaigns.c.merchant == appeal.merchant, campaigns.c.id == refused.campaign, campaigns.c.status.in_(("live", "paused")))
    live = connection.execute(select(campaigns.c.live_version).where(*named)).scalar_one_or_none()
    if live is None:
        return None
    campaign = campaign_at(connection, appeal.merchant, refused.campaign, live)
    return min(now + timedelta(hours=hours), campaign.ends) if campaign.phase_at(now) == "open" else None


def remedy_of(connection: Connection, appeal: Review, now: datetime) -> dict[str, Any] | None:
    """What the customer must do now, of an appeal that was overturned; JSON-able."""
    if appeal.resolution != "overturned":
        return None
    found = pass_of(connection, appeal.id)
    if found is None:
        refused = find_decision(connection, appeal.decision_id, appeal.merchant)
        return _told("shop_lets_through" if refused.campaign is None else "by_hand")
    code = "used" if found.used_at is not None else "expired" if found.expires_at <= now else "ask_again"
    return _told(code, found.expires_at.isoformat(timespec="minutes")) | {"pass_id": found.id, "until": found.expires_at.isoformat()}


def passes_of(connection: Connection, merchant: str, now: datetime, *, state: str, after: str, most: int) -> list[dict[str, Any]]:
    """Who set which verdict aside, for whom, why, and what it has cost, the oldest first; `state` is open, used, expired or all."""
    query = (
        select(risk_passes, reviews.c.reason, decisions.c.outcome, rewards.c.posted_fen, rewards.c.reversed_fen)
        .join(reviews, reviews.c.id == risk_passes.c.review_id)
        .outerjoin(decisions, decisions.c.id == risk_passes.c.used_decision_id)
        .outerjoin(rewards, rewards.c.id == risk_passes.c.reward_id)
        .where(risk_passes.c.id > after)
    )
    if merchant != PLATFORM:
        query = query.where(risk_passes.c.merchant == merchant)
    unused = risk_passes.c.used_at.is_(None)
    narrowed = {"open": (unused, risk_passes.c.expires_at > now), "used": (~unused,), "expired": (unused, risk_passes.c.expires_at <= now)}
    rows = connection.execute(query.where(*narrowed.get(state, ())).order_by(risk_passes.c.id).limit(most))
    return [_shown(row, now) for row in rows]


def _shown(row: Any, now: datetime) -> dict[str, Any]:
    names = ("id", "merchant", "decision_id", "scene", "campaign", "granted_by", "reason", "used_decision_id", "reward_id", "part_id")
    times = {name: None if getattr(row, name) is None else getattr(row, name).isoformat() for name in ("granted_at", "expires_at", "used_at")}
    state = "used" if row.used_at is not None else "expired" if row.expires_at <= now else "open"
    # Where the engine had nothing against the second try, the pass has cost nothing.
    cost = None if row.posted_fen is None else 0 if row.outcome == "allow" else row.posted_fen - row.reversed_fen
    shown = {name: getattr(row, name) for name in names}
    return {**shown, **times, "appeal": row.review_id, "customer": row.subject_id, "state": state, "verdict": row.outcome, "cost_fen": cost}


def _told(code: str, until: str = "") -> dict[str, Any]:
    words = _WORDS[code]
    return {"code": code, "text": {"zh": words.zh.format(until=until), "en": words.en.format(until=until)}, "pass_id": None, "until": None}
