"""The one transaction of a claim: key, slots, budget, decision, reward, transfers, audit, outbox. All of it stands, or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from campaigns.audience import Outside, asks_for_orders, facts_of, outside
from campaigns.catalogue import Standing
from campaigns.claiming.model import ClaimRequest, claim_body
from campaigns.gate.gate import Ask
from campaigns.mechanics.coupon.terms import reward_terms
from campaigns.ports import Decision, DecisionBook
from campaigns.rewards import Reward, post_reward, tell
from campaigns.store import budgets, slots
from campaigns.store.tables import campaigns, orders, rewards
from core.access import idempotency
from core.access.idempotency import Reply
from core.db.engine import insert
from core.ids import new_id
from core.privacy.subjects import Subject, subject_for
from core.privacy.vault import Vault

# Built once, see core.db.engine. FOR SHARE: whoever raises the epoch waits for us, so a gate rebuilt from SQL never misses a slot that
# we are about to take.
_STANDING = (
    select(campaigns.c.status, campaigns.c.live_version, campaigns.c.gate_epoch)
    .where(campaigns.c.merchant == bindparam("of"), campaigns.c.id == bindparam("named"))
    .with_for_update(read=True)
)


class RolledBack(Exception):
    """The transaction must not stand. `code` says why: a refusal's code, `stale_lease` or `stale_gate`.

    `conflict` says that something scarce which the gate gave was gone in SQL; `found` what the audience's condition lacks.
    """

    def __init__(self, code: str, conflict: bool = False, found: Outside | None = None) -> None:
        super().__init__(code)
        self.found = found
        self.code = code
        self.conflict = conflict


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot in hand: its number (None: the stock is without limit) and the epoch of the gate that gave it."""

    ask: Ask
    slot: int | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes claims. `keep` is how long replies are kept."""

    vault: Vault
    book: DecisionBook
    keep: timedelta

    def write(self, connection: Connection, standing: Standing, claim: ClaimRequest, lease: Lease, decision: Decision, now: datetime) -> Reply:
        """Make the reward, or return the reply of the request that made it. Raises `RolledBack` when it must not be made."""
        earlier = idempotency.begin(connection, claim.request, now, self.keep)
        if earlier is not None:
            return earlier
        _require_standing(connection, standing, lease)
        subject = subject_for(connection, self.vault, standing.merchant, claim.event.user, now)
        _require_audience(connection, standing, claim, subject, now)
        reward_id = new_id("rwd")
        _take_slots(connection, standing, lease, reward_id, now)
        self.book.record(connection, decision, subject)
        held = decision.outcome == "review"
        reward = _insert_reward(connection, standing, claim, lease, reward_id, subject, decision, now)
        actor, review_id = claim.request.principal_id, None
        if held:
            tell(connection, reward, "reward.held", actor, now, decision=decision.id)
            review_id = self.book.open_review(connection, decision, reward_id, standing.campaign.id, now)
        else:
            reward = post_reward(connection, reward, actor, now)
        reply = Reply(202 if held else 201, claim_body(reward.public(), decision.public(), review_id))
        idempotency.finish(connection, claim.request, reply)
        return reply


def _require_standing(connection: Connection, standing: Standing, lease: Lease) -> None:
    row = connection.execute(_STANDING, {"of": standing.merchant, "named": standing.campaign.id}).one()
    if row.gate_epoch != lease.epoch or row.live_version != standing.version:
        raise RolledBack("stale_lease")
    if row.status != "live":
        raise RolledBack("campaign_paused" if row.status == "paused" else "campaign_over")


def _require_audience(connection: Connection, standing: Standing, claim: ClaimRequest, subject: Subject, now: datetime) -> None:
    """What the shop attests is checked against the orders that we saw ourselves."""
    audience = standing.campaign.audience
    if audience is None or not asks_for_orders(audience):
        return
    paid = select(func.count()).select_from(orders)
    seen = connection.execute(paid.where(orders.c.merchant == standing.merchant, orders.c.subject_id == subject.id, orders.c.paid_at.is_not(None))).scalar_one()
    if seen == 0:
        return
    found = outside(audience, facts_of(claim.event, now, claim.registered_at, max(seen, claim.order_count or 0)))
    if found is not None:
        raise RolledBack("not_eligible", found=found)


def _take_slots(connection: Connection, standing: Standing, lease: Lease, holder: str, now: datetime) -> None:
    merchant, campaign = standing.merchant, standing.campaign
    if lease.slot is not None and campaign.limits.total is not None:
        stock = slots.resource_id(merchant, campaign.id, "stock")
        if not slots.take(connection, stock, campaign.limits.total, lease.slot, holder, now):
            raise RolledBack("stale_gate", conflict=True)
    for limit in lease.ask.limits:
        resource = slots.resource_id(merchant, campaign.id, limit.kind)
        if slots.take_nth(connection, resource, limit.cap, limit.token, holder, now) is None:
            raise RolledBack(f"{limit.kind}_limit", conflict=True)
    if not budgets.spend(connection, merchant, campaign.id, lease.ask.cost_fen):
        raise RolledBack("budget_exhausted", conflict=True)


def _insert_reward(
    connection: Connection, standing: Standing, claim: ClaimRequest, lease: Lease, reward_id: str, subject: Subject, decision: Decision, now: datetime
) -> Reward:
    campaign = standing.campaign
    terms: dict[str, Any] = reward_terms(campaign.terms, now)
    row = {"id": reward_id, "merchant": standing.merchant, "campaign": campaign.id, "version": standing.version, "mechanic": campaign.mechanic}
    who = {"subject_id": subject.id, "decision_id": decision.id, "request_id": lease.ask.request_id, "body_hash": claim.request.body_hash}
    state = {"state": "held" if decision.outcome == "review" else "reserved", "use_state": "available", "posted_fen": 0, "reversed_fen": 0}
    times = {"created_at": now, "updated_at": now, "order_id": None, "locked_until": None}
    row |= who | state | terms | times | {"face_fen": lease.ask.cost_fen, "currency": "CNY"}
    insert(connection, rewards, row)
    return Reward(**{name: _as_read(row[name]) for name in Reward.__slots__})


def _as_read(value: Any) -> Any:
    """As the database gives it back: instants are in UTC."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
