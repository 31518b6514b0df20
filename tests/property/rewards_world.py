"""What the rewards machine drives: one merchant's campaign, its orders and timers, and everything that must hold after any step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from api.wiring import timer_handlers
from campaigns.orders.facts import OrderFact, apply_order_fact
from campaigns.store.tables import accounts, budgets, order_refunds, orders, refund_instructions, rewards, slots, transfers
from campaigns.usage import Usage
from core.clock import SystemClock
from core.errors import Conflict
from core.jobs.timers import due_timers, fire
from core.privacy.subjects import subject_for
from fraud.gangs.searching import GangSearch
from fraud.store.tables import decisions
from tests.campaigns.house import House

CAMPAIGN = "spring"
FACE = 2000
# The only contradictions for which an order's fact may be refused; a coupon is never a reason to lose a payment.
FACT_CONFLICTS = {"order_of_another", "paid_amount_differs", "refund_amount_differs"}


@dataclass
class World:
    """Acts on the house and remembers how rewards stood before."""

    house: House
    seen: dict[str, str] = field(default_factory=dict)

    def use(self, act: Callable[[Connection, Usage], Any], reward: str, order: str, amount: int) -> str | None:
        """One call about a coupon; returns the conflict's code, or None when it was done."""
        try:
            with self.house.database.write() as connection:
                act(connection, Usage(self.house.merchant, reward, order, "shop", self.house.now, amount))
        except Conflict as error:
            return error.code
        return None

    def tell(self, kind: str, order: str, user: str, **more: Any) -> list[dict[str, Any]]:
        """One fact about an order. A contradiction leaves everything as it was; any other conflict is a failure."""
        fact = OrderFact(self.house.merchant, order, kind, self.house.now, "shop", **more)
        try:
            with self.house.database.write() as connection:
                subject = subject_for(connection, self.house.desk.vault, self.house.merchant, user, self.house.now)
                return apply_order_fact(connection, fact, subject, self.house.now)
        except Conflict as error:
            if error.code not in FACT_CONFLICTS:
                raise
            return []

    def fire_timers(self) -> None:
        house, now = self.house, self.house.now
        gangs = GangSearch(house.database, house.desk.vault, SystemClock(), window_days=14, every_hours=0)
        handlers = timer_handlers(house.settler, house.desk.vault, house.rebates, house.payer, gangs)
        with self.house.database.read() as connection:
            due = [timer.id for timer in due_timers(connection, now) if timer.merchant == self.house.merchant]
        for timer in due:
            with self.house.database.write() as connection:
                fire(connection, timer, handlers, now)

    def check(self) -> None:
        """Every invariant. Raises `AssertionError`."""
        with self.house.database.read() as connection:
            rows = list(connection.execute(select(rewards).where(rewards.c.merchant == self.house.merchant)))
            balances = _balances(connection, self.house.merchant)
            _check_rows(connection, rows)
            _check_money(connection, self.house.merchant, rows, balances)
            _check_scarce(connection, self.house.merchant, rows)
            _check_bills(connection, self.house.merchant)
        for row in rows:
            before = self.seen.get(row.id)
            # What is over stays over.
            assert before not in ("void", "expired") or before in (row.state, row.use_state)
            self.seen[row.id] = "void" if row.state == "void" else row.use_state


def _balances(connection: Connection, merchant: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in connection.execute(select(transfers).where(transfers.c.merchant == merchant)):
        found[row.debit] = found.get(row.debit, 0) - row.amount_fen
        found[row.credit] = found.get(row.credit, 0) + row.amount_fen
    assert sum(found.values()) == 0
    return found


def _check_rows(connection: Connection, rows: list[Any]) -> None:
    for row in rows:
        assert 0 <= row.reversed_fen <= row.posted_fen == (row.face_fen if row.state == "posted" else 0)
        assert row.state in ("held", "posted", "void")
        assert (row.order_id is not None) == (row.use_state in ("locked", "used"))
        assert (row.locked_until is not None) == (row.use_state == "locked")
        assert row.use_state == "available" or row.state == "posted"
        assert row.reversed_fen == 0 or row.use_state == "used"
        assert connection.execute(select(decisions.c.id).where(decisions.c.id == row.decision_id)).first() is not None


def _check_money(connection: Connection, merchant: str, rows: list[Any], balances: dict[str, int]) -> None:
    posted = [row for row in rows if row.state == "posted"]
    given = sum(row.used_fen - row.reversed_fen for row in posted if row.use_state == "used")
    assert all((row.used_fen is not None) == (row.use_state in ("locked", "used")) for row in posted)
    assert balances.get(f"{merchant}/discounts/{CAMPAIGN}", 0) == given
    owed: dict[str, int] = {}
    for row in posted:
        owed[row.subject_id] = owed.get(row.subject_id, 0) + (row.face_fen if row.use_state in ("available", "locked") else 0)
    for subject, fen in owed.items():
        assert balances[f"{merchant}/entitlement/{subject}"] == fen
    for account in connection.execute(select(accounts).where(accounts.c.merchant == merchant, accounts.c.guarded)):
        assert account.balance_fen == balances.get(account.id, 0) >= 0


def _check_scarce(connection: Connection, merchant: str, rows: list[Any]) -> None:
    standing = {row.id: row for row in rows if row.state != "void"}
    used = connection.execute(select(budgets.c.used_fen).where(budgets.c.merchant == merchant)).scalar_one()
    assert used == sum(row.face_fen for row in standing.values())
    for kind in ("stock", "user"):
        held = connection.execute(select(slots.c.holder).where(slots.c.resource_id == f"{merchant}/{CAMPAIGN}/{kind}")).scalars().all()
        assert sorted(held) == sorted(standing)


def _check_bills(connection: Connection, merchant: str) -> None:
    """What the shop is told to give back never passes what was paid and had not been given back when it was told."""
    for order in connection.execute(select(orders).where(orders.c.merchant == merchant)):
        bills = select(func.count(), func.coalesce(func.sum(refund_instructions.c.amount_fen), 0))
        count, told = connection.execute(bills.where(refund_instructions.c.merchant == merchant, refund_instructions.c.order_id == order.id)).one()
        of_it = (order_refunds.c.merchant == merchant, order_refunds.c.order_id == order.id, order_refunds.c.at < (order.paid_at or order.created_at))
        early = connection.execute(select(func.coalesce(func.sum(order_refunds.c.amount_fen), 0)).where(*of_it)).scalar_one()
        assert count <= 1
        assert told <= max(0, (order.paid_fen or 0) - early)
