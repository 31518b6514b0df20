"""What an order does to rewards: the coupons that it uses, the discount of its own part, and what it gave by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from campaigns.acting.stage import After
from campaigns.discounts import Line, NoDiscount, discount_of
from campaigns.refunds import instruct_refund, refunded_fen
from campaigns.rewards import Reward, change, find_reward, require_voidable, reverse_reward, tell, void_reward
from campaigns.store import ledger
from campaigns.store.tables import orders, rewards
from campaigns.usage import Usage, give_use_back, redeem, refusal_of
from core.money import Money
from core.privacy.subjects import Subject

Effect = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What coupons need to know of a fact about an order."""

    merchant: str
    order_id: str
    actor: str
    now: datetime
    list_fen: int | None = None
    lines: tuple[Line, ...] = ()
    refund_id: str | None = None


def use(connection: Connection, told: Told, reward_id: str, subject: Subject, paid_fen: int) -> list[Effect]:
    """The coupon is the order's; where it may not be, the payment is answered with an instruction and never rolled back."""
    reward = find_reward(connection, told.merchant, reward_id, lock=True)
    wish = _wish(told, reward, paid_fen)
    code = "coupon_of_another" if reward.subject_id != subject.id else refusal_of(reward, told.order_id, told.now)
    if code is None and reward.order_id != told.order_id:
        found = discount_of(reward.offer, wish.amount_fen, wish.lines)
        code = found.code if isinstance(found, NoDiscount) else None
    if code is None and told.list_fen is not None and told.list_fen < reward.threshold_fen:
        code = "under_threshold"
    if code is not None:
        done = instruct_refund(connection, told.merchant, told.order_id, actor=told.actor, reward_id=reward.id, paid_fen=paid_fen, reason=code, now=told.now)
        # A second coupon that is refused, or one of an order with nothing left to give back, is only named.
        return done or [{"type": "reward.refused", "reward": reward.id, "order_id": told.order_id, "reason": code}]
    used = redeem(connection, wish)
    return [_effect("reward.used", used, used.used_fen)]


def _wish(told: Told, reward: Reward, paid_fen: int) -> Usage:
    """What is known of the order. A plain amount off an order whose total was not told: what was paid and the amount itself."""
    plain = max(paid_fen + reward.face_fen, reward.threshold_fen) if reward.terms is None else None
    total = plain if told.list_fen is None else told.list_fen
    return Usage(told.merchant, reward.id, told.order_id, told.actor, told.now, total, told.lines)


def give_back_used(connection: Connection, told: Told, only_used: bool) -> list[Effect]:
    """Coupons that the order has are their customers' again; the discount of its own part follows the part."""
    found = [reward for reward in of_order(connection, told) if reward.kind == "coupon" and (reward.use_state == "used" or not only_used)]
    for reward in found:
        give_use_back(connection, reward, Usage(told.merchant, reward.id, told.order_id, told.actor, told.now))
    return [_effect("reward.released", reward, reward.face_fen) for reward in found]


def take_back_given(connection: Connection, told: Told, after: After) -> list[Effect]:
    """What the order gave by itself, such as a coupon for ordering, is void with it, unless it was spent."""
    query = select(rewards.c.id).where(rewards.c.merchant == told.merchant, rewards.c.given_for == told.order_id).order_by(rewards.c.id)
    effects = []
    for name in connection.execute(query).scalars().all():
        reward = find_reward(connection, told.merchant, name, lock=True)
        if require_voidable(reward):
            after.moot += [reward.id] if reward.state == "held" else []
            after.given.append(void_reward(connection, reward, told.actor, told.now))
            effects.append(_effect("reward.void", reward, reward.face_fen))
        elif reward.state == "posted" and reward.use_state == "available":
            after.given.append(reverse_reward(connection, reward, told.actor, told.now))
            effects.append(_effect("reward.reversed", reward, reward.face_fen))
        elif reward.state == "posted" and reward.use_state in ("locked", "used"):
            effects.append(_effect("reward.kept", reward, reward.face_fen) | {"reason": "spent"})
    return effects


def reverse_shares(connection: Connection, told: Told, refunded: int, paid_fen: int) -> list[Effect]:
    """A part of the order was given back: its share of every discount is taken out again."""
    return [_reverse_share(connection, told, reward, refunded, paid_fen) for reward in of_order(connection, told) if reward.use_state == "used"]


def reverse_earlier_refunds(connection: Connection, reward: Reward, order_id: str, actor: str, now: datetime) -> None:
    """Parts of the order were refunded before its discount posted: their share of it is taken out again at once.

    The order's row is locked, as a refund locks it: of a posting and a refund that meet, the later one sees the other.
    """
    mine = (orders.c.merchant == reward.merchant, orders.c.id == order_id)
    paid = connection.execute(select(orders.c.paid_fen).where(*mine).with_for_update()).scalar_one_or_none()
    refunded = refunded_fen(connection, reward.merchant, order_id)
    if paid and 0 < refunded < paid:
        _reverse_share(connection, Told(reward.merchant, order_id, actor, now), reward, refunded, paid)


def of_order(connection: Connection, told: Told) -> list[Reward]:
    query = select(rewards.c.id).where(rewards.c.merchant == told.merchant, rewards.c.order_id == told.order_id).order_by(rewards.c.id)
    return [find_reward(connection, told.merchant, name, lock=True) for name in connection.execute(query).scalars()]


def _reverse_share(connection: Connection, told: Told, reward: Reward, refunded: int, paid_fen: int) -> Effect:
    """The discount's share of what was refunded in all, rounded down; this refund takes what earlier ones have not."""
    target = (reward.posted_fen if reward.used_fen is None else reward.used_fen) * refunded // paid_fen
    step = target - reward.reversed_fen
    if step > 0:
        change(connection, reward, told.now, reversed_fen=target)
        # Ids may hold colons, so the order's length keeps two pairs of ids apart.
        cause = "at-payment" if told.refund_id is None else f"by:{told.refund_id}"
        once = f"reverse:{reward.id}:{len(told.order_id)}:{told.order_id}:{cause}"
        sides = (ledger.discounts(reward.campaign), ledger.promotion(reward.campaign))
        movement = ledger.Movement(*sides, Money(step, reward.currency), "reward.reversed", once, reward.id, told.order_id)
        ledger.post(connection, told.merchant, movement, told.now)
        tell(connection, reward, "reward.reversed", told.actor, told.now, reversed_fen=step, order=told.order_id)
    return _effect("reward.reversed", reward, step)


def _effect(kind: str, reward: Reward, fen: int | None) -> Effect:
    """`rule` is the part of the campaign's file that says so."""
    return {"type": kind, "reward": reward.id, "campaign": reward.campaign, "version": reward.version, "rule": reward.mechanic, "amount_fen": fen}
