"""Random lives of each mechanic on the real desk: commands, payments, refunds, time and dying processes in any order; everything adds up at every step."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from core.clock import TurnedClock
from core.db import migrate
from core.db.engine import Database, open_database
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from tests.campaigns.house import open_house
from tests.conftest import START, sqlite_url
from tests.lawful import DISCLOSURE
from tests.property.playing_world import PlayingWorld

USERS = st.sampled_from(["ann", "bob", "cat", "dan", "eve"])
CRASHES = st.sampled_from([None, None, None, "gate", "committed"])
OUTCOMES = st.sampled_from(["allow", "allow", "allow", "review", "reject"])
_merchants, _orders = itertools.count(1), itertools.count(1)

HEAD = """\
campaign: play
mechanic: {mechanic}
title: play
starts: 2026-11-01
ends: 2027-11-01
limits: {{per_user: 3}}
budget: {{total: "{budget}"}}
{mechanic}:
"""


class Playing(RuleBasedStateMachine):
    """What all mechanics share. Over one database for all runs; every run has a merchant of its own."""

    stores: tuple[Database, HotState, Vault]
    mechanic: ClassVar[str]
    block: ClassVar[str]
    budget: ClassVar[str]

    @initialize()
    def open(self) -> None:
        database, hot, vault = self.stores
        house = open_house(database, hot, vault, TurnedClock(START), f"play{next(_merchants)}")
        self.world = PlayingWorld(house, "play", self.mechanic)
        house.publish(HEAD.format(mechanic=self.mechanic, budget=self.budget) + self.block)

    def order(self) -> str:
        return f"order-{next(_orders)}"

    def some_order(self, number: int) -> str:
        known = list(self.world.orders)
        return known[number % len(known)]

    @precondition(lambda self: self.world.orders)
    @rule(number=st.integers(0, 30))
    def pay(self, number: int) -> None:
        self.world.pay(self.some_order(number))

    @precondition(lambda self: self.world.orders)
    @rule(number=st.integers(0, 30))
    def pay_a_wrong_amount(self, number: int) -> None:
        order = self.some_order(number)
        assert self.world.tell("order.paid", order, amount_fen=self.world.orders[order][1] + 1) == []

    @precondition(lambda self: self.world.orders)
    @rule(number=st.integers(0, 30))
    def cancel(self, number: int) -> None:
        self.world.tell("order.cancelled", self.some_order(number))

    @precondition(lambda self: self.world.orders)
    @rule(number=st.integers(0, 30), whole=st.booleans(), refund=st.sampled_from(["r1", "r2"]))
    def refund(self, number: int, whole: bool, refund: str) -> None:
        order = self.some_order(number)
        price = self.world.orders[order][1]
        self.world.tell("order.refunded", order, amount_fen=price if whole else max(1, price // 3), refund_id=refund)

    @rule(user=USERS, outcome=OUTCOMES)
    def risk_changes_its_mind(self, user: str, outcome: str) -> None:
        self.world.house.risk.outcomes[user] = outcome

    @rule(minutes=st.sampled_from([1, 9, 10, 60, 24 * 60]), fire=st.booleans())
    def time_passes(self, minutes: int, fire: bool) -> None:
        self.world.house.clock.turn(minutes=minutes)
        if fire:
            self.world.fire_timers()

    @rule()
    def the_gate_is_lost(self) -> None:
        client = self.world.house.desk.keeper.client
        client.delete(self.world.house.gate("play").meta)

    @invariant()
    def everything_adds_up(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.fire_timers()
            self.world.check()
            self.world.check_gate()


class GroupBuy(Playing):
    mechanic, budget = "group_buy", "400.00"
    block = '  size: 3\n  life: 24h\n  pay_within: 10m\n  leader_commission: "1.00"\n  skus: [{sku: tea, list: "99.00", group_price: "49.50", stock: 6}]\n'

    @rule(user=USERS, crash=CRASHES)
    def start(self, user: str, crash: str | None) -> None:
        code, body = self.world.ask("open", user, crash=crash, sku="tea", order_id=self.order())
        assert code == "ok" or code in {"sold_out", "user_limit", "live_limit", "budget_exhausted", "risk_refused"}
        if code == "ok":
            self.world.pay(body["part"]["order_id"])

    @precondition(lambda self: self.world.instances)
    @rule(user=USERS, number=st.integers(0, 5), crash=CRASHES, paid=st.booleans())
    def join(self, user: str, number: int, crash: str | None, paid: bool) -> None:
        group = self.world.instances[number % len(self.world.instances)]
        code, body = self.world.ask("join", user, group, crash, order_id=self.order())
        if code == "ok" and paid:
            self.world.pay(body["part"]["order_id"])

    @precondition(lambda self: self.world.instances)
    @rule(user=USERS, number=st.integers(0, 5))
    def leave(self, user: str, number: int) -> None:
        self.world.ask("leave", user, self.world.instances[number % len(self.world.instances)])


class Bargain(Playing):
    mechanic, budget = "bargain", "300.00"
    block = (
        "  cuts: 3\n  life: 24h\n  pay_within: 10m\n  order_any_time: true\n  helps_per_user: 4\n  new_helper: {registered_within: 7d}\n"
        '  skus: [{sku: fan, list: "99.00", floor: "9.90", stock: 2}]\n' + DISCLOSURE
    )

    @rule(user=USERS, crash=CRASHES)
    def start(self, user: str, crash: str | None) -> None:
        assert self.world.ask("start", user, crash=crash, sku="fan")[0] in {"ok", "user_limit", "risk_refused"}

    @precondition(lambda self: self.world.instances)
    @rule(user=USERS, number=st.integers(0, 5), crash=CRASHES, new=st.booleans())
    def cut(self, user: str, number: int, crash: str | None, new: bool) -> None:
        bargain = self.world.instances[number % len(self.world.instances)]
        self.world.ask("cut", user, bargain, crash, **({"registered_at": self.world.house.now} if new else {}))

    @precondition(lambda self: self.world.instances)
    @rule(user=USERS, number=st.integers(0, 5), crash=CRASHES, paid=st.booleans())
    def buy(self, user: str, number: int, crash: str | None, paid: bool) -> None:
        bargain = self.world.instances[number % len(self.world.instances)]
        code, body = self.world.ask("order", user, bargain, crash, order_id=self.order())
        if code == "ok" and paid:
            self.world.pay(body["part"]["order_id"])


class Seckill(Playing):
    mechanic, budget = "seckill", "3000.00"
    block = '  pay_within: 10m\n  skus: [{sku: watch, list: "899.00", price: "199.00", stock: 4, per_order: 2}]\n'

    @rule(user=USERS, quantity=st.sampled_from([1, 1, 2, 3]), crash=CRASHES, paid=st.booleans())
    def buy(self, user: str, quantity: int, crash: str | None, paid: bool) -> None:
        code, body = self.world.ask("buy", user, None, crash, sku="watch", quantity=quantity, order_id=self.order())
        assert code in {"ok", "sold_out", "user_limit", "budget_exhausted", "per_order_limit", "risk_refused"}
        if code == "ok" and paid:
            self.world.pay(body["part"]["order_id"])


class CheckIn(Playing):
    mechanic, budget = "check_in", "4.00"
    block = '  ladder: ["0.10", "0.20"]\n  consecutive: [{days: 3, amount: "1.00"}]\n  valid_for: 7d\n'

    @rule(user=USERS, crash=CRASHES)
    def check_in(self, user: str, crash: str | None) -> None:
        assert self.world.ask("check_in", user, None, crash)[0] in {"ok", "already_checked_in", "budget_exhausted", "risk_refused"}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Any:
    from core.hotstate.clients import connect

    database = open_database(sqlite_url(tmp_path_factory.mktemp("machines")))
    migrate.upgrade(database)
    hot = connect(valkey_url)
    hot.flushall()
    yield database, hot, Vault(b"k" * 32)
    database.engine.dispose()


@pytest.mark.parametrize("machine", [GroupBuy, Bargain, Seckill, CheckIn], ids=lambda machine: machine.mechanic)
def test_every_life_of_a_mechanic_adds_up(machine: type[Playing], stores: Any) -> None:
    machine.stores = stores
    few = settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=few)


@pytest.mark.soak
@pytest.mark.parametrize("machine", [GroupBuy, Bargain, Seckill, CheckIn], ids=lambda machine: machine.mechanic)
def test_every_long_life_of_a_mechanic_adds_up(machine: type[Playing], stores: Any) -> None:
    machine.stores = stores
    many = settings(max_examples=400, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=many)
