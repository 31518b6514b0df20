"""Commissions after any sequence of payments, refunds, cancellations, receipts and settlements: each is its rate of what is kept, and the money adds up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from api.deciding import decide_in
from campaigns.discounts import Line
from campaigns.orders.facts import OrderFact, apply_order_fact
from campaigns.orders.lines import Part, line_states
from campaigns.publishing import propose_campaign
from campaigns.rebates.accrual import received
from campaigns.rebates.binding import Place, become_promoter, bind
from campaigns.rebates.settling import RebateSettler
from campaigns.rebates.tables import commissions, rebate_orders
from campaigns.store import ledger
from campaigns.store.ledger import Account
from campaigns.store.tables import accounts, orders, transfers
from core.access.principals import Caller
from core.clock import TurnedClock
from core.db.engine import Database, open_database
from core.errors import Conflict
from core.jobs.timers import Handlers, due_timers, fire_with
from core.money import Money
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from tests.campaigns.house import House, open_house
from tests.conftest import START, sqlite_url

REBATE = """\
campaign: friends
mechanic: rebate
title: t
starts: 2026-11-01
ends: 2099-01-01
rebate:
  tiers: ["10.01", "4.99", "0.5"]
  sku_rates: [{sku: s1, tiers: ["19.99", "1"]}]
  base: %s
  freeze: 7d
  without_receipt: 15d
"""
ORDERS = st.sampled_from(["o1", "o2", "o3"])
FEN = st.sampled_from([1, 2, 3, 7, 99, 100, 333, 1_000, 9_999])


class RebatesMachine(RuleBasedStateMachine):
    """Ann brought the buyer, Bob brought Ann, Cid brought Bob."""

    stores: tuple[Database, Any, Vault]
    count = 0

    @initialize(base=st.sampled_from(["paid", "list"]))
    def open(self, base: str) -> None:
        type(self).count += 1
        database, hot, vault = self.stores
        self.house: House = open_house(database, hot, vault, TurnedClock(START), merchant=f"m{type(self).count}")
        _publish(self.house, REBATE % base)
        self.settler = RebateSettler(database, self.house.risk, self.house.desk.book, vault, self.house.clock)  # type: ignore[arg-type]
        self.handlers = Handlers()
        self.handlers.register_prepared("rebate.settle", self.settler.handler)
        terms = self.house.desk.catalogue.live(self.house.merchant, "friends").campaign.terms
        with database.write() as connection:
            people = {name: subject_for(connection, vault, self.house.merchant, name, self.house.now) for name in ("buyer", "ann", "bob", "cid")}
            place = Place(connection, self.house.merchant, "friends", terms, "test", self.house.now)
            for name in ("ann", "bob", "cid"):
                become_promoter(place, people[name], {"user": name}, level=None, appointed=False)
            for lower, upper in (("buyer", "ann"), ("ann", "bob"), ("bob", "cid")):
                bind(place, people[lower], people[upper].id, None, doubted=False)
        self.people = people

    def tell(self, kind: str, order: str, **more: Any) -> None:
        """A fact; one that contradicts what stands is refused and changes nothing."""
        fact = OrderFact(self.house.merchant, order, kind, self.house.now, "shop", **more)
        try:
            with self.house.database.write() as connection:
                apply_order_fact(connection, fact, self.people["buyer"], self.house.now)
        except Conflict:
            return

    @rule(order=ORDERS, fen=FEN, prices=st.lists(FEN, min_size=0, max_size=3))
    def paid(self, order: str, fen: int, prices: list[int]) -> None:
        self.tell("order.paid", order, amount_fen=fen, lines=tuple(Line(f"s{number}", None, price) for number, price in enumerate(prices)))

    @rule(order=ORDERS, refund=st.sampled_from("xyz"), fen=FEN, line=st.none() | st.integers(0, 2))
    def refunded(self, order: str, refund: str, fen: int, line: int | None) -> None:
        parts = () if line is None else (Part(line, f"s{line}", fen),)
        self.tell("order.refunded", order, amount_fen=fen, refund_id=refund, parts=parts)

    @rule(order=ORDERS)
    def cancelled(self, order: str) -> None:
        self.tell("order.cancelled", order)

    @rule(order=ORDERS)
    def got(self, order: str) -> None:
        with self.house.database.write() as connection:
            received(connection, self.house.merchant, order, self.people["buyer"].id, self.house.now)

    @rule(days=st.sampled_from([1, 7, 15]))
    def time_passes(self, days: int) -> None:
        self.house.clock.turn(days=days)
        with self.house.database.read() as connection:
            due = [timer for timer in due_timers(connection, self.house.now) if timer.merchant == self.house.merchant and timer.kind == "rebate.settle"]
        for timer in due:
            handler = self.handlers.ready(timer.kind, timer.ref)
            with self.house.database.write() as connection:
                fire_with(connection, timer.id, lambda _, handler=handler: handler, self.house.now)  # type: ignore[misc]

    @rule(name=st.sampled_from(["ann", "bob", "cid"]), share=st.integers(1, 100))
    def pays_out(self, name: str, share: int) -> None:
        """As a withdrawal does: what is owed leaves, so that a later refund finds less than it takes."""
        subject = self.people[name].id
        with self.house.database.write() as connection:
            owed = ledger.balance(connection, self.house.merchant, ledger.commission(subject))
            if fen := owed * share // 100:
                movement = ledger.Movement(
                    ledger.commission(subject), Account("paid_out", subject), Money(fen), "test", f"out:{subject}:{self.house.now}:{fen}"
                )
                ledger.post(connection, self.house.merchant, movement, self.house.now)

    def left_of(self, balances: dict[str, int], subject: str) -> int:
        """What of settled commissions is owed, in debt or gone."""
        return sum(balances.get(f"{self.house.merchant}/{kind}/{subject}", 0) for kind in ("commission", "debt", "paid_out"))

    @invariant()
    def everything_adds_up(self) -> None:
        self.house.clock.turn(seconds=1)
        merchant = self.house.merchant
        with self.house.database.read() as connection:
            balances: dict[str, int] = {}
            for row in connection.execute(select(transfers).where(transfers.c.merchant == merchant)):
                balances[row.debit] = balances.get(row.debit, 0) - row.amount_fen
                balances[row.credit] = balances.get(row.credit, 0) + row.amount_fen
            assert sum(balances.values()) == 0
            for row in connection.execute(select(accounts).where(accounts.c.merchant == merchant, accounts.c.guarded)):
                assert row.balance_fen == balances.get(row.id, 0) >= 0
            owed = dict.fromkeys((subject.id for subject in self.people.values()), 0)
            frozen = dict(owed)
            for rebate in connection.execute(select(rebate_orders).where(rebate_orders.c.merchant == merchant)).all():
                self._check_order(connection, rebate, owed, frozen)
            for subject in owed:
                name = f"{merchant}/{{}}/{subject}"
                assert self.left_of(balances, subject) == owed[subject]
                assert balances.get(name.format("frozen"), 0) == frozen[subject]
                assert balances.get(name.format("debt"), 0) <= 0

    def _check_order(self, connection: Any, rebate: Any, owed: dict[str, int], frozen: dict[str, int]) -> None:
        order = connection.execute(select(orders).where(orders.c.merchant == rebate.merchant, orders.c.id == rebate.order_id)).one()
        lines = {line.number: line for line in line_states(connection, rebate.merchant, rebate.order_id)}
        base = self.house.desk.catalogue.live(rebate.merchant, "friends").campaign.terms.base
        for row in connection.execute(select(commissions).where(commissions.c.rebate_id == rebate.id)).all():
            left = row.amount_fen - row.taken_fen
            if order.cancelled_at is not None:
                assert left == 0
            elif row.number in lines:
                line = lines[row.number]
                kept = line.kept_fen if base == "paid" else line.list_fen * line.kept_fen // line.paid_fen
                assert left == kept * row.rate // 10_000
            side = owed if row.state == "settled" else frozen
            side[row.subject_id] += left


def _publish(house: House, source: str) -> None:
    """With the further approval of its third tier."""
    maker, checker, _ = house.people
    with house.database.write() as connection:
        made = propose_campaign(connection, merchant=house.merchant, source=source.encode(), name="r.yaml", author=maker, note="", now=house.now)
        for approval in [*(further for _, further in made.further), made.approval_id]:
            decide_in(
                connection,
                Caller(checker, "key", house.merchant, frozenset({"compliance"})),
                house.merchant,
                approval,
                approve=True,
                reason="ok",
                now=house.now,
            )


@pytest.mark.parametrize("examples", [25, pytest.param(400, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_every_commission_is_its_rate_of_what_is_kept(tmp_path: Any, hot: Any, vault: Vault, examples: int) -> None:
    database = open_database(sqlite_url(tmp_path))
    RebatesMachine.stores = (database, hot, vault)
    few = settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(RebatesMachine, settings=few)
    database.engine.dispose()
