"""What follows an order: facts are written once each, in any order of arrival, and then the order's coupons are brought to where the facts say.

A refund takes its share of the discount out again, once per (order, refund); a refund of everything gives the coupon back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.acting.facts import part_paid, part_undone
from campaigns.acting.snapshot import part_of_order
from campaigns.acting.stage import After
from campaigns.discounts import Line, NoDiscount, discount_of
from campaigns.refunds import bill_no, instruct_refund, refunded_fen
from campaigns.rewards import Reward, change, find_reward, tell
from campaigns.store import ledger
from campaigns.store.tables import order_refunds, orders, rewards
from campaigns.usage import Usage, give_use_back, redeem, refusal_of
from core.db.engine import insert_ignore
from core.errors import Conflict
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
    bill_no: str | None = None
    lines: tuple[Line, ...] = ()
    reward_ids: tuple[str, ...] = ()


class PaymentRefused(Conflict):
    """A payment that contradicts what its part costs: it is not taken, and whoever tells of it must look. Kept in the audit log."""


def apply_order_fact(connection: Connection, fact: OrderFact, subject: Subject, now: datetime, after: After | None = None) -> list[Effect]:
    """Write the fact and do what follows from it; returns the effects, empty when the fact was known or asks for nothing. `after` collects what
    must follow the commit.

    Raises `Conflict` when the fact contradicts a known one: another customer, another paid amount, another amount under one refund id;
    `PaymentRefused` for an amount or a bill number that is not its part's.
    """
    row = {"merchant": fact.merchant, "id": fact.order_id, "subject_id": subject.id, "created_at": now}
    insert_ignore(connection, orders, row)
    order = connection.execute(select(orders).where(*_is(fact)).with_for_update()).one()
    if order.subject_id != subject.id:
        raise Conflict("order_of_another", Text(zh="订单属于另一位顾客", en="the order belongs to another customer"))
    return _HANDLERS[fact.kind](connection, fact, order, subject, now, After() if after is None else after)


def _paid(connection: Connection, fact: OrderFact, order: Any, subject: Subject, now: datetime, after: After) -> list[Effect]:
    amount = _amount(fact)
    if order.paid_fen is not None:
        if order.paid_fen != amount:
            raise Conflict("paid_amount_differs", Text(zh="同一订单的支付金额不一致", en="the order was reported with another paid amount"))
        return []
    part = part_of_order(connection, fact.merchant, fact.order_id)
    if part is not None:
        _require_due(connection, fact, part, subject, amount)
    connection.execute(update(orders).where(*_is(fact)).values(paid_fen=amount, paid_at=fact.at))
    if order.cancelled_at is not None:
        return _give_back(connection, fact, None, amount, "order_cancelled", now)
    effects = [effect for reward_id in dict.fromkeys(fact.reward_ids) for effect in _use(connection, fact, reward_id, subject, amount, now)]
    if part is not None:
        effects += part_paid(connection, fact.merchant, part.id, fact.actor, now, after)
    return effects + _reverse_refunded(connection, fact, amount, now, after)


def _require_due(connection: Connection, fact: OrderFact, part: Any, subject: Subject, amount: int) -> None:
    """The payment is its part's: the customer, the amount (less the coupons that the order used) and the bill number."""
    if part.subject_id != subject.id:
        raise PaymentRefused("order_of_another", Text(zh="订单属于另一位顾客", en="the order belongs to another customer"))
    coupons = sum(find_reward(connection, fact.merchant, name).face_fen for name in dict.fromkeys(fact.reward_ids))
    if not part.price_fen - coupons <= amount <= part.price_fen:
        text = Text(zh=f"应付 {part.price_fen} 分,实付 {amount} 分", en=f"{part.price_fen} fen are due, {amount} were paid")
        raise PaymentRefused("paid_amount_differs", text, due_fen=part.price_fen, paid_fen=amount)
    if fact.bill_no is not None and fact.bill_no != bill_no("PB", fact.merchant, fact.order_id):
        raise PaymentRefused("bill_no_differs", Text(zh="账单号与订单不符", en="the bill number is not this order's"))


def _refunded(connection: Connection, fact: OrderFact, order: Any, subject: Subject, now: datetime, after: After) -> list[Effect]:
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
    return _reverse_refunded(connection, fact, order.paid_fen, now, after)


def _cancelled(connection: Connection, fact: OrderFact, order: Any, subject: Subject, now: datetime, after: After) -> list[Effect]:
    if order.cancelled_at is not None:
        return []
    connection.execute(update(orders).where(*_is(fact)).values(cancelled_at=fact.at))
    return [_return_coupon(connection, fact, reward, now) for reward in _coupons(connection, fact)] + _undo_part(connection, fact, now, after)


def _use(connection: Connection, fact: OrderFact, reward_id: str, subject: Subject, paid_fen: int, now: datetime) -> list[Effect]:
    reward = find_reward(connection, fact.merchant, reward_id, lock=True)
    wish = _wish(fact, reward, paid_fen, now)
    code = "coupon_of_another" if reward.subject_id != subject.id else refusal_of(reward, fact.order_id, now)
    if code is None and reward.order_id != fact.order_id:
        found = discount_of(reward.offer, wish.amount_fen, wish.lines)
        code = found.code if isinstance(found, NoDiscount) else None
    if code is None and fact.list_fen is not None and fact.list_fen < reward.threshold_fen:
        code = "under_threshold"
    if code is not None:
        # The money is there and the discount is not deserved or not there any more: never a rolled back payment, always an instruction.
        done = _give_back(connection, fact, reward, paid_fen, code, now)
        # A second coupon that is refused, or one of an order with nothing left to give back, is only named.
        return done or [{"type": "reward.refused", "reward": reward.id, "order_id": fact.order_id, "reason": code}]
    used = redeem(connection, wish)
    return [{"type": "reward.used", "reward": used.id, "campaign": used.campaign, "version": used.version, "amount_fen": used.used_fen}]


def _wish(fact: OrderFact, reward: Reward, paid_fen: int, now: datetime) -> Usage:
    """What is known of the order. A plain amount off an order whose total was not told: what was paid and the amount itself."""
    plain = max(paid_fen + reward.face_fen, reward.threshold_fen) if reward.terms is None else None
    total = plain if fact.list_fen is None else fact.list_fen
    return Usage(fact.merchant, reward.id, fact.order_id, fact.actor, now, total, fact.lines)


def _reverse_refunded(connection: Connection, fact: OrderFact, paid_fen: int, now: datetime, after: After) -> list[Effect]:
    refunded = refunded_fen(connection, fact.merchant, fact.order_id)
    if not refunded:
        return []
    if refunded >= paid_fen:
        used = [reward for reward in _coupons(connection, fact) if reward.use_state == "used"]
        return [_return_coupon(connection, fact, reward, now) for reward in used] + _undo_part(connection, fact, now, after)
    posted = [reward for reward in _of_order(connection, fact) if reward.use_state == "used"]
    return [_reverse_part(connection, fact, reward, refunded, paid_fen, now) for reward in posted]


def _undo_part(connection: Connection, fact: OrderFact, now: datetime, after: After) -> list[Effect]:
    part = part_of_order(connection, fact.merchant, fact.order_id)
    return [] if part is None else part_undone(connection, fact.merchant, part.id, fact.actor, now, after)


def reverse_earlier_refunds(connection: Connection, reward: Reward, order_id: str, actor: str, now: datetime) -> None:
    """Parts of the order were refunded before its discount posted: their share of it is taken out again at once."""
    fact = OrderFact(reward.merchant, order_id, "order.refunded", now, actor)
    paid = connection.execute(select(orders.c.paid_fen).where(*_is(fact))).scalar_one_or_none()
    refunded = refunded_fen(connection, reward.merchant, order_id)
    if paid and 0 < refunded < paid:
        _reverse_part(connection, fact, reward, refunded, paid, now)


def _reverse_part(connection: Connection, fact: OrderFact, reward: Reward, refunded: int, paid_fen: int, now: datetime) -> Effect:
    """The discount's share of what was refunded in all, rounded down; this refund takes what earlier ones have not."""
    target = (reward.posted_fen if reward.used_fen is None else reward.used_fen) * refunded // paid_fen
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


def _give_back(connection: Connection, fact: OrderFact, reward: Reward | None, paid_fen: int, reason: str, now: datetime) -> list[Effect]:
    named = None if reward is None else reward.id
    return instruct_refund(connection, fact.merchant, fact.order_id, actor=fact.actor, reward_id=named, paid_fen=paid_fen, reason=reason, now=now)


def _coupons(connection: Connection, fact: OrderFact) -> list[Reward]:
    """The coupons that the order has; the discount of its own part follows the part."""
    return [reward for reward in _of_order(connection, fact) if reward.kind == "coupon"]


def _of_order(connection: Connection, fact: OrderFact) -> list[Reward]:
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
