"""What follows an order: facts are written once each, in any order of arrival, and then the order's coupons are brought to where the facts say.

A refund takes its share of the discount out again, once per (order, refund); a refund of everything gives the coupon back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, select, update

from campaigns.rewards import Reward, change, find_reward, tell
from campaigns.store import ledger
from campaigns.store.tables import order_refunds, orders, refund_instructions, rewards
from campaigns.usage import Usage, give_use_back, redeem, refusal_of
from core.audit.log import append
from core.db.engine import insert_ignore
from core.errors import Conflict
from core.jobs.outbox import announce
from core.money import Money
from core.privacy.subjects import Subject
from core.text import Text

Effect = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One fact about an order. `list_fen` is its total before discounts; `reward_ids` are the coupons that it used."""

    merchant: str
    order_id: str
    kind: str
    at: datetime
    actor: str
    amount_fen: int | None = None
    list_fen: int | None = None
    refund_id: str | None = None
    reward_ids: tuple[str, ...] = ()


def apply_order_fact(connection: Connection, fact: OrderFact, subject: Subject, now: datetime) -> list[Effect]:
    """Write the fact and do what follows from it; returns the effects, empty when the fact was known or asks for nothing.

    Raises `Conflict` when the fact contradicts a known one: another customer, another paid amount, another amount under one refund id.
    """
    row = {"merchant": fact.merchant, "id": fact.order_id, "subject_id": subject.id, "created_at": now}
    insert_ignore(connection, orders, row)
    order = connection.execute(select(orders).where(*_is(fact)).with_for_update()).one()
    if order.subject_id != subject.id:
        raise Conflict("order_of_another", Text(zh="订单属于另一位顾客", en="the order belongs to another customer"))
    return _HANDLERS[fact.kind](connection, fact, order, subject, now)


def _paid(connection: Connection, fact: OrderFact, order: Any, subject: Subject, now: datetime) -> list[Effect]:
    amount = _amount(fact)
    if order.paid_fen is not None:
        if order.paid_fen != amount:
            raise Conflict("paid_amount_differs", Text(zh="同一订单的支付金额不一致", en="the order was reported with another paid amount"))
        return []
    connection.execute(update(orders).where(*_is(fact)).values(paid_fen=amount, paid_at=fact.at))
    if order.cancelled_at is not None:
        return instruct_refund(connection, fact, None, amount, "order_cancelled", now)
    effects = [effect for reward_id in dict.fromkeys(fact.reward_ids) for effect in _use(connection, fact, reward_id, subject, amount, now)]
    return effects + _reverse_refunded(connection, fact, amount, now)


def _refunded(connection: Connection, fact: OrderFact, order: Any, subject: Subject, now: datetime) -> list[Effect]:
    amount = _amount(fact)
    row = {"merchant": fact.merchant, "order_id": fact.order_id, "refund_id": fact.refund_id, "amount_fen": amount, "at": fact.at}
    if not insert_ignore(connection, order_refunds, row):
        same = (order_refunds.c.merchant == fact.merchant, order_refunds.c.order_id == fact.order_id, order_refunds.c.refund_id == fact.refund_id)
        if connection.execute(select(order_refunds.c.amount_fen).where(*same)).scalar_one() != amount:
            raise Conflict("refund_amount_differs", Text(zh="同一退款单的金额不一致", en="this refund was reported with another amount"))
        return []
    if order.paid_fen is None:
        # The payment will come: the refund stands and is applied then.
        return [{"type": "refund.awaits_payment", "refund_id": fact.refund_id}]
    return _reverse_refunded(connection, fact, order.paid_fen, now)


def _cancelled(connection: Connection, fact: OrderFact, order: Any, subject: Subject, now: datetime) -> list[Effect]:
    if order.cancelled_at is not None:
        return []
    connection.execute(update(orders).where(*_is(fact)).values(cancelled_at=fact.at))
    return [_return_coupon(connection, fact, reward, now) for reward in _coupons(connection, fact)]


def _use(connection: Connection, fact: OrderFact, reward_id: str, subject: Subject, paid_fen: int, now: datetime) -> list[Effect]:
    reward = find_reward(connection, fact.merchant, reward_id, lock=True)
    code = "coupon_of_another" if reward.subject_id != subject.id else refusal_of(reward, fact.order_id, now)
    if code is None and fact.list_fen is not None and fact.list_fen < reward.threshold_fen:
        code = "under_threshold"
    if code is not None:
        # The money is there and the discount is not deserved or not there any more: never a rolled back payment, always an instruction.
        return instruct_refund(connection, fact, reward, paid_fen, code, now)
    list_fen = paid_fen + reward.face_fen if fact.list_fen is None else fact.list_fen
    redeem(connection, Usage(fact.merchant, reward.id, fact.order_id, fact.actor, now, max(list_fen, reward.threshold_fen)))
    return [{"type": "reward.used", "reward": reward.id, "campaign": reward.campaign, "version": reward.version, "amount_fen": reward.face_fen}]


def _reverse_refunded(connection: Connection, fact: OrderFact, paid_fen: int, now: datetime) -> list[Effect]:
    refunded = _refunded_fen(connection, fact)
    if not refunded:
        return []
    whole = refunded >= paid_fen
    used = [reward for reward in _coupons(connection, fact) if reward.use_state == "used"]
    return [_return_coupon(connection, fact, r, now) if whole else _reverse_part(connection, fact, r, refunded, paid_fen, now) for r in used]


def _reverse_part(connection: Connection, fact: OrderFact, reward: Reward, refunded: int, paid_fen: int, now: datetime) -> Effect:
    """The discount's share of what was refunded in all, rounded down; this refund takes what earlier ones have not."""
    target = reward.posted_fen * refunded // paid_fen
    step = target - reward.reversed_fen
    if step > 0:
        change(connection, reward, now, reversed_fen=target)
        # Ids may hold colons, so the order's length keeps two pairs of ids apart.
        cause = "at-payment" if fact.refund_id is None else f"by:{fact.refund_id}"
        once = f"reverse:{reward.id}:{len(fact.order_id)}:{fact.order_id}:{cause}"
        sides = (ledger.discounts(reward.campaign), ledger.promotion(reward.campaign))
        movement = ledger.Movement(*sides, Money(step, reward.currency), "reward.reversed", once, reward.id, fact.order_id)
        ledger.post(connection, fact.merchant, movement, now)
        tell(connection, reward, "reward.reversed", fact.actor, now, reversed_fen=step, order=fact.order_id)
    return {"type": "reward.reversed", "reward": reward.id, "campaign": reward.campaign, "version": reward.version, "amount_fen": step}


def _return_coupon(connection: Connection, fact: OrderFact, reward: Reward, now: datetime) -> Effect:
    give_use_back(connection, reward, Usage(fact.merchant, reward.id, fact.order_id, fact.actor, now))
    return {"type": "reward.released", "reward": reward.id, "campaign": reward.campaign, "version": reward.version, "amount_fen": reward.face_fen}


def instruct_refund(connection: Connection, fact: OrderFact, reward: Reward | None, paid_fen: int, reason: str, now: datetime) -> list[Effect]:
    """Tell the shop to give back what is left of a payment: once per order, under a bill number that is the same however often it is asked.

    A second coupon that is refused, or one of an order with nothing left to give back, is only named.
    """
    amount_fen = max(0, paid_fen - _refunded_fen(connection, fact))
    bill_no = "RF" + sha256(f"{fact.merchant}\x00{fact.order_id}".encode()).hexdigest()[:30].upper()
    body = {"bill_no": bill_no, "order_id": fact.order_id, "amount_fen": amount_fen, "reason": reason}
    row = {"merchant": fact.merchant, "reward_id": reward.id if reward else None, "created_at": now, **body}
    if amount_fen and insert_ignore(connection, refund_instructions, row):
        append(connection, merchant=fact.merchant, actor=fact.actor, action="refund.instructed", target=bill_no, now=now, detail=body)
        announce(connection, merchant=fact.merchant, topic="refund.instructed", ref=fact.order_id, body=body, now=now)
        return [{"type": "refund.instructed", **body}]
    return [] if reward is None else [{"type": "reward.refused", "reward": reward.id, "order_id": fact.order_id, "reason": reason}]


def _refunded_fen(connection: Connection, fact: OrderFact) -> int:
    """What was refunded of the order in all, also before its payment was known."""
    of_it = (order_refunds.c.merchant == fact.merchant, order_refunds.c.order_id == fact.order_id)
    return int(connection.execute(select(func.coalesce(func.sum(order_refunds.c.amount_fen), 0)).where(*of_it)).scalar_one())


def _coupons(connection: Connection, fact: OrderFact) -> list[Reward]:
    query = select(rewards.c.id).where(rewards.c.merchant == fact.merchant, rewards.c.order_id == fact.order_id).order_by(rewards.c.id)
    return [find_reward(connection, fact.merchant, name, lock=True) for name in connection.execute(query).scalars()]


def _amount(fact: OrderFact) -> int:
    if fact.amount_fen is None:
        raise Conflict("amount_required", Text(zh="缺少金额", en="the event needs its amount"))
    return fact.amount_fen


def _is(fact: OrderFact) -> tuple[Any, ...]:
    return (orders.c.merchant == fact.merchant, orders.c.id == fact.order_id)


_HANDLERS = {"order.paid": _paid, "order.refunded": _refunded, "order.cancelled": _cancelled}
ORDER_FACTS = frozenset(_HANDLERS)
