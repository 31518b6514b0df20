"""What follows an order: facts are written once each, in any order of arrival, and then everything that hangs on the order is brought to where the
facts say. A refund takes its share of the discount out again, once per (order, refund); a refund of everything undoes the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.acting.facts import part_paid, part_undone
from campaigns.acting.snapshot import part_of_order
from campaigns.acting.stage import After
from campaigns.discounts import Line
from campaigns.orders import coupons
from campaigns.orders.lines import Part, keep_lines, parts_bytes, share_payment
from campaigns.orders.session import keep_step
from campaigns.rebates.accrual import accrue, adjust
from campaigns.refunds import bill_no, instruct_refund, refunded_fen
from campaigns.rewards import find_reward
from campaigns.store.tables import order_refunds, orders
from core.db.engine import insert_ignore
from core.db.tables import subjects
from core.errors import Conflict
from core.privacy.subjects import Subject
from core.text import Text

Effect = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One fact about an order. `list_fen` is its total before discounts; `reward_ids` are the coupons that it used. `lines` are the order's,
    `line_payments` what each of them paid (none: shared by price), `parts` what a refund gives back of them."""

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
    parts: tuple[Part, ...] = ()
    reward_ids: tuple[str, ...] = ()
    line_payments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """A fact at hand: the order's row under its lock, and what follows the commit."""

    connection: Connection
    fact: OrderFact
    order: Any
    subject: Subject
    now: datetime
    after: After
    late_lines: bool = False

    @property
    def told(self) -> coupons.Told:
        fact = self.fact
        return coupons.Told(fact.merchant, fact.order_id, fact.actor, self.now, fact.list_fen, fact.lines, fact.refund_id)


class PaymentRefused(Conflict):
    """A payment that contradicts what its part costs: it is not taken, and whoever tells of it must look. Kept in the audit log."""


def apply_order_fact(connection: Connection, fact: OrderFact, subject: Subject, now: datetime, after: After | None = None) -> list[Effect]:
    """Write the fact and do what follows from it; returns the effects, empty when the fact was known or asks for nothing. `after` collects what
    must follow the commit.

    Raises `Conflict` when the fact contradicts a known one: another customer, another paid amount, other lines, another amount under one refund
    id; `PaymentRefused` for an amount or a bill number that is not its part's.
    """
    row = {"merchant": fact.merchant, "id": fact.order_id, "subject_id": subject.id, "created_at": now}
    insert_ignore(connection, orders, row)
    order = connection.execute(select(orders).where(*_is(fact)).with_for_update()).one()
    subject = _owner(connection, order, subject)
    late = False
    if fact.kind in ("order.created", "order.paid"):
        late = not keep_lines(connection, fact.merchant, fact.order_id, fact.lines, order.paid_fen is not None)
    effects = _HANDLERS[fact.kind](_Case(connection, fact, order, subject, now, after or After(), late))
    if effects is None:
        return []
    ref = fact.refund_id or ""
    keep_step(connection, fact.merchant, fact.order_id, kind=fact.kind, ref=ref, at=fact.at, now=now, actor=fact.actor, effects=effects)
    return effects


def _created(case: _Case) -> list[Effect] | None:
    return [{"type": "order.lines_late", "order_id": case.fact.order_id}] if case.late_lines else []


def _paid(case: _Case) -> list[Effect] | None:
    connection, fact, amount = case.connection, case.fact, _amount(case.fact)
    if case.order.paid_fen is not None:
        if case.order.paid_fen != amount:
            raise Conflict("paid_amount_differs", Text(zh="同一订单的支付金额不一致", en="the order was reported with another paid amount"))
        return None
    part = part_of_order(connection, fact.merchant, fact.order_id)
    if part is not None:
        _require_due(case, part, amount)
    connection.execute(update(orders).where(*_is(fact)).values(paid_fen=amount, paid_at=fact.at))
    share_payment(connection, fact.merchant, fact.order_id, amount, fact.line_payments)
    if case.order.cancelled_at is not None:
        why = "order_cancelled"
        return instruct_refund(connection, fact.merchant, fact.order_id, actor=fact.actor, reward_id=None, paid_fen=amount, reason=why, now=case.now)
    effects = [effect for reward_id in dict.fromkeys(fact.reward_ids) for effect in coupons.use(connection, case.told, reward_id, case.subject, amount)]
    if part is not None:
        effects += part_paid(connection, fact.merchant, part.id, fact.actor, case.now, case.after)
    effects += _reverse_refunded(case, amount)
    made, judged = accrue(connection, fact.merchant, fact.order_id, case.subject.id, amount, fact.actor, case.now)
    case.after.accrued += judged
    return effects + made


def _owner(connection: Connection, order: Any, teller: Subject) -> Subject:
    """Whose the order is: of whoever tells of it, or of somebody who was erased since, whom nobody can name any more. Raises `Conflict`."""
    if order.subject_id == teller.id:
        return teller
    erased = select(subjects.c.id).where(subjects.c.id == order.subject_id, subjects.c.erased_at.is_not(None))
    if connection.execute(erased).first() is None:
        raise Conflict("order_of_another", Text(zh="订单属于另一位顾客", en="the order belongs to another customer"))
    return Subject(order.subject_id, teller.merchant, None)


def _require_due(case: _Case, part: Any, amount: int) -> None:
    """The payment is its part's: the customer, the amount (less the coupons that the order used) and the bill number."""
    fact = case.fact
    if part.subject_id != case.subject.id:
        raise PaymentRefused("order_of_another", Text(zh="订单属于另一位顾客", en="the order belongs to another customer"))
    off = sum(find_reward(case.connection, fact.merchant, name).face_fen for name in dict.fromkeys(fact.reward_ids))
    if not part.price_fen - off <= amount <= part.price_fen:
        text = Text(zh=f"应付 {part.price_fen} 分,实付 {amount} 分", en=f"{part.price_fen} fen are due, {amount} were paid")
        raise PaymentRefused("paid_amount_differs", text, due_fen=part.price_fen, paid_fen=amount)
    if fact.bill_no is not None and fact.bill_no != bill_no("PB", fact.merchant, fact.order_id):
        raise PaymentRefused("bill_no_differs", Text(zh="账单号与订单不符", en="the bill number is not this order's"))


def _refunded(case: _Case) -> list[Effect] | None:
    connection, fact, amount = case.connection, case.fact, _amount(case.fact)
    row = {"merchant": fact.merchant, "order_id": fact.order_id, "refund_id": fact.refund_id, "amount_fen": amount, "at": fact.at}
    if not insert_ignore(connection, order_refunds, {**row, "lines": parts_bytes(fact.parts)}):
        same = (order_refunds.c.merchant == fact.merchant, order_refunds.c.order_id == fact.order_id, order_refunds.c.refund_id == fact.refund_id)
        if connection.execute(select(order_refunds.c.amount_fen).where(*same)).scalar_one() != amount:
            raise Conflict("refund_amount_differs", Text(zh="同一退款单的金额不一致", en="this refund was reported with another amount"))
        return None
    if case.order.paid_fen is None:
        # The payment will come: the refund stands and is applied then.
        return [{"type": "refund.awaits_payment", "refund_id": fact.refund_id}]
    return _reverse_refunded(case, case.order.paid_fen)


def _cancelled(case: _Case) -> list[Effect] | None:
    if case.order.cancelled_at is not None:
        return None
    case.connection.execute(update(orders).where(*_is(case.fact)).values(cancelled_at=case.fact.at))
    return _undone(case, only_used=False)


def _reverse_refunded(case: _Case, paid_fen: int) -> list[Effect]:
    refunded = refunded_fen(case.connection, case.fact.merchant, case.fact.order_id)
    if not refunded:
        return []
    if refunded >= paid_fen:
        return _undone(case, only_used=True)
    taken = adjust(case.connection, case.fact.merchant, case.fact.order_id, False, case.now, case.after)
    return coupons.reverse_shares(case.connection, case.told, refunded, paid_fen) + taken


def _undone(case: _Case, only_used: bool) -> list[Effect]:
    """Nothing is left of the order: every effect of its earlier steps goes back."""
    fact = case.fact
    effects = coupons.give_back_used(case.connection, case.told, only_used) + coupons.take_back_given(case.connection, case.told, case.after)
    effects += adjust(case.connection, fact.merchant, fact.order_id, True, case.now, case.after)
    part = part_of_order(case.connection, fact.merchant, fact.order_id)
    return effects if part is None else effects + part_undone(case.connection, fact.merchant, part.id, fact.actor, case.now, case.after)


def _amount(fact: OrderFact) -> int:
    if fact.amount_fen is None:
        raise Conflict("amount_required", Text(zh="缺少金额", en="the event needs its amount"))
    return fact.amount_fen


def _is(fact: OrderFact) -> tuple[Any, ...]:
    return (orders.c.merchant == fact.merchant, orders.c.id == fact.order_id)


_HANDLERS = {"order.created": _created, "order.paid": _paid, "order.refunded": _refunded, "order.cancelled": _cancelled}
ORDER_FACTS = frozenset(_HANDLERS)
