"""Rewards: what a person was given, and the moves of its two machines, each with its transfers, audit entry and message in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.discounts import Offer
from campaigns.machines import require_reward_step
from campaigns.store import budgets, ledger
from campaigns.store.earnings import About, Purse
from campaigns.store.slots import GivenBack, give_back
from campaigns.store.tables import campaigns, rewards
from core.audit.log import append
from core.errors import Conflict, NotFound
from core.jobs.outbox import announce
from core.jobs.timers import set_timer
from core.money import Money
from core.privacy.choices import choices_of
from core.text import Text


@dataclass(frozen=True, slots=True)
class Reward:
    """A row of `rewards`. Amounts in fen; the two states are explained in `campaigns.machines`."""

    id: str
    merchant: str
    campaign: str
    version: int
    mechanic: str
    kind: str
    part_id: str | None
    subject_id: str
    decision_id: str
    state: str
    face_fen: int
    posted_fen: int
    reversed_fen: int
    currency: str
    threshold_fen: int
    valid_from: datetime
    valid_until: datetime
    lock_for_seconds: int
    terms: bytes | None
    used_fen: int | None
    use_state: str
    order_id: str | None
    locked_until: datetime | None
    created_at: datetime

    @property
    def face(self) -> Money:
        return Money(self.face_fen, self.currency)

    @property
    def offer(self) -> Offer:
        """What it takes off an order."""
        terms: dict[str, Any] = {} if self.terms is None else json.loads(self.terms)
        skus, categories = (frozenset(terms.get(name, ())) for name in ("skus", "categories"))
        return Offer(self.face_fen, self.threshold_fen, terms.get("percent"), skus, categories)

    def public(self) -> dict[str, Any]:
        """The reward for its merchant: JSON-able, no personal data."""
        return {
            "id": self.id,
            "campaign": self.campaign,
            "version": self.version,
            "mechanic": self.mechanic,
            "kind": self.kind,
            "part_id": self.part_id,
            "subject": self.subject_id,
            "decision_id": self.decision_id,
            "state": self.state,
            "use_state": self.use_state,
            "amount_fen": self.face_fen,
            "posted_fen": self.posted_fen,
            "reversed_fen": self.reversed_fen,
            "discount_fen": self.used_fen,
            "terms": None if self.terms is None else json.loads(self.terms),
            "currency": self.currency,
            "threshold_fen": self.threshold_fen,
            "valid_from": self.valid_from.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "order_id": self.order_id,
            "locked_until": None if self.locked_until is None else self.locked_until.isoformat(),
            "created_at": self.created_at.isoformat(),
        }


def find_reward(connection: Connection, merchant: str, reward_id: str, lock: bool = False) -> Reward:
    """The merchant's reward; with `lock` its row stays ours until the transaction ends. Raises `NotFound`."""
    query = select(*(rewards.c[name] for name in Reward.__slots__)).where(rewards.c.id == reward_id, rewards.c.merchant == merchant)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("reward_not_found", Text(zh="没有这个奖励", en="there is no such reward"))
    return Reward(*row)


def list_rewards(connection: Connection, merchant: str, *, after: str, most: int, filters: Mapping[str, str]) -> list[Reward]:
    """The merchant's rewards in the order they were made, after the id `after`; filters are columns of `Reward`."""
    query = select(*(rewards.c[name] for name in Reward.__slots__)).where(rewards.c.merchant == merchant, rewards.c.id > after)
    for name, value in filters.items():
        query = query.where(rewards.c[name] == value)
    return [Reward(*row) for row in connection.execute(query.order_by(rewards.c.id).limit(most))]


def change(connection: Connection, reward: Reward, now: datetime, **values: Any) -> None:
    """Write new values where the reward is still as it was read; raises `Conflict` when somebody moved it first."""
    same = (rewards.c.id == reward.id, rewards.c.state == reward.state, rewards.c.use_state == reward.use_state)
    unmoved = rewards.c.reversed_fen == reward.reversed_fen
    if connection.execute(update(rewards).where(*same, unmoved).values(**values, updated_at=now)).rowcount != 1:
        raise Conflict("reward_moved", Text(zh="奖励刚刚被其他请求改动,请重试", en="another request has just moved this reward; try again"))


def post_reward(connection: Connection, reward: Reward, actor: str, now: datetime, order_id: str | None = None) -> Reward:
    """reserved or held → posted. A coupon is owed to the person from now on, until its last moment; a discount went to its order; a commission is
    owed in money. Returns it as it stands then."""
    require_reward_step(reward.state, "posted")
    posted = replace(reward, state="posted", posted_fen=reward.face_fen)
    if reward.kind == "discount":
        posted = replace(posted, use_state="used", order_id=order_id, used_fen=reward.face_fen)
    values = {name: getattr(posted, name) for name in ("state", "posted_fen", "use_state", "order_id", "used_fen")}
    change(connection, reward, now, **values)
    source, about = ledger.promotion(reward.campaign), About(f"post:{reward.id}", reward.id, order_id)
    purse = Purse(connection, reward.merchant, reward.subject_id, now)
    if reward.kind == "commission":
        purse.earn(source, reward.face_fen, "reward.posted", about)
    else:
        purse.move(source, _CREDIT[reward.kind](reward), reward.face_fen, "reward.posted", about)
    if reward.kind == "coupon":
        set_timer(connection, merchant=reward.merchant, kind="coupon.expiry", ref=reward.id, due_at=reward.valid_until)
    tell(connection, reward, "reward.posted", actor, now)
    return posted


def reverse_reward(connection: Connection, reward: Reward, actor: str, now: datetime) -> GivenBack:
    """posted → reversed, as a whole: what partial refunds have not taken back yet goes back where it came from, and so does the budget.

    A commission that was paid out already becomes a debt."""
    require_reward_step(reward.state, "reversed")
    left = reward.posted_fen - reward.reversed_fen
    change(connection, reward, now, state="reversed", reversed_fen=reward.posted_fen, use_state="expired")
    promotion, about = ledger.promotion(reward.campaign), About(f"reverse:{reward.id}:whole", reward.id, reward.order_id)
    purse = Purse(connection, reward.merchant, reward.subject_id, now)
    if reward.kind == "commission":
        purse.take(promotion, left, "reward.reversed", about)
    else:
        purse.move(_CREDIT[reward.kind](reward), promotion, left, "reward.reversed", about)
    budgets.restore(connection, reward.merchant, reward.campaign, reward.face_fen)
    tell(connection, reward, "reward.reversed", actor, now, reversed_fen=left)
    return GivenBack(reward.merchant, reward.campaign, f"{reward.id}:reversed", _epoch(connection, reward), (), reward.face_fen)


def require_voidable(reward: Reward) -> bool:
    """Whether the reward is still a promise: nothing was paid."""
    return reward.state in ("reserved", "held")


_CREDIT: Mapping[str, Callable[[Reward], ledger.Account]] = {
    "coupon": lambda reward: ledger.entitlement(reward.subject_id),
    "discount": lambda reward: ledger.discounts(reward.campaign),
}


def void_reward(connection: Connection, reward: Reward, actor: str, now: datetime) -> GivenBack:
    """reserved or held → void: slots and budget go back; returns what the gate may give out again after the commit."""
    require_reward_step(reward.state, "void")
    change(connection, reward, now, state="void")
    epoch = _epoch(connection, reward)
    budgets.restore(connection, reward.merchant, reward.campaign, reward.face_fen)
    budgets.return_draws(connection, reward.merchant, reward.campaign, reward.id)
    tell(connection, reward, "reward.void", actor, now)
    held = give_back(connection, reward.id)
    return GivenBack(reward.merchant, reward.campaign, reward.id, epoch, held, reward.face_fen)


def _epoch(connection: Connection, reward: Reward) -> int:
    # FOR SHARE: whoever rebuilds the gate waits for us, or was before us and has another epoch than the one we read.
    mine = (campaigns.c.merchant == reward.merchant, campaigns.c.id == reward.campaign)
    return int(connection.execute(select(campaigns.c.gate_epoch).where(*mine).with_for_update(read=True)).scalar_one())


def tell(connection: Connection, reward: Reward, what: str, actor: str, now: datetime, **detail: Any) -> None:
    """Audit entry and outbox message of one act."""
    body = {"reward": reward.id, "campaign": reward.campaign, "version": reward.version, "amount_fen": reward.face_fen, **detail}
    append(connection, merchant=reward.merchant, actor=actor, action=what, target=reward.id, now=now, detail=body)
    if choices_of(connection, reward.subject_id).forbids_marketing:
        # For whoever turns messages into words to the customer.
        body = {**body, "no_marketing": True}
    announce(connection, merchant=reward.merchant, topic=what, ref=reward.id, body=body, now=now)
