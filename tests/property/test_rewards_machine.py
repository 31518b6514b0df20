"""Any order of claims, reviews, locks, uses, payments, refunds, cancellations and timers: the money adds up after every single step."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule, run_state_machine_as_test

from campaigns import usage
from core.clock import TurnedClock
from core.db import migrate
from core.db.engine import Database, open_database
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from tests.campaigns.house import House, open_house, reward_of
from tests.conftest import START, sqlite_url
from tests.e2e.service import coupon
from tests.property.rewards_world import CAMPAIGN, FACE, World

TOTAL, PER_USER, BUDGET_FEN = 5, 2, 4 * FACE
USERS = st.sampled_from("ab")
# An order is its customer's name and one of these. Ids with colons, because joined ids must not run into each other.
ORDERS = st.sampled_from(["", ":1", "-2", "-3"])
REFUNDS = st.sampled_from(["1:r", "r", "at-payment"])
LISTED = st.sampled_from([9899, 9900, 20_000, 20_000])
Held = tuple[str, str]  # (reward, its customer)
_merchants = itertools.count(1)


class RewardsMachine(RuleBasedStateMachine):
    """Over one database for all runs; every run has a merchant of its own."""

    stores: tuple[Database, HotState, Vault]
    held, rewards = Bundle("held"), Bundle("rewards")

    @initialize()
    def open(self) -> None:
        database, hot, vault = self.stores
        self.house: House = open_house(database, hot, vault, TurnedClock(START), f"m{next(_merchants)}")
        self.world = World(self.house)
        self.paused = False
        # Standing rewards by user, as the model counts them.
        self.given: dict[str, int] = {}
        self.house.publish(coupon(CAMPAIGN, total=TOTAL, per_user=PER_USER, budget="80.00"))

    def expected(self, user: str) -> set[str]:
        """What a claim may be told: the gate asks for stock, budget and limit in an order that is its own."""
        if self.paused:
            return {"campaign_paused"}
        standing = sum(self.given.values())
        full = {"sold_out"} if standing >= TOTAL else set()
        spent = {"budget_exhausted"} if (standing + 1) * FACE > BUDGET_FEN else set()
        served = {"user_limit"} if self.given.get(user, 0) >= PER_USER else set()
        return full | spent | served or {"ok"}

    def claim(self, user: str, outcome: str) -> Any:
        self.house.risk.outcomes[user] = outcome
        wish = self.house.wish(CAMPAIGN, user)
        first = self.house.desk.do(wish)
        code = getattr(first, "code", "ok")
        assert code in self.expected(user)
        if code != "ok":
            return None
        self.given[user] = self.given.get(user, 0) + 1
        assert reward_of(self.house.desk.do(wish)) == reward_of(first)
        return reward_of(first)["id"]

    @rule(target=rewards, user=USERS)
    def claim_allowed(self, user: str) -> Any:
        made = self.claim(user, "allow")
        return multiple() if made is None else (made, user)

    @rule(target=held, user=USERS)
    def claim_held(self, user: str) -> Any:
        made = self.claim(user, "review")
        return multiple() if made is None else (made, user)

    @rule(user=USERS)
    def claim_refused(self, user: str) -> None:
        if not self.paused:
            self.house.risk.outcomes[user] = "reject"
            assert self.house.code(CAMPAIGN, user) in {"risk_refused"} | (self.expected(user) - {"ok"})

    @rule(target=rewards, one=consumes(held))
    def post_held(self, one: Held) -> Held:
        self.house.post(one[0])
        return one

    @rule(one=consumes(held))
    def void_held(self, one: Held) -> None:
        self.house.void(one[0])
        self.given[one[1]] -= 1

    @rule(one=rewards, order=ORDERS, listed=LISTED)
    def lock(self, one: Held, order: str, listed: int) -> None:
        self.world.use(usage.lock, one[0], one[1] + order, listed)

    @rule(one=rewards, order=ORDERS, listed=LISTED)
    def redeem(self, one: Held, order: str, listed: int) -> None:
        self.world.use(usage.redeem, one[0], one[1] + order, listed)

    @rule(one=rewards, order=ORDERS)
    def cancel_use(self, one: Held, order: str) -> None:
        self.world.use(usage.cancel, one[0], one[1] + order, 0)

    @rule(chosen=st.lists(rewards, min_size=1, max_size=3), order=ORDERS, paid=st.sampled_from([0, 1, 9000, 9000]), late=st.booleans())
    def order_paid(self, chosen: list[Held], order: str, paid: int, late: bool) -> None:
        """`late`: checkout locked the first coupon, and the payment is told after its lock or its validity has ended."""
        first, user = chosen[0]
        if late:
            self.world.use(usage.lock, first, user + order, 20_000)
            self.house.clock.turn(hours=169)
        effects = self.world.tell("order.paid", user + order, user, amount_fen=paid, list_fen=20_000, reward_ids=tuple(name for name, _ in chosen))
        assert sum(effect["type"] == "refund.instructed" for effect in effects) <= 1

    @rule(one=rewards, order=ORDERS)
    def redeemed_order_is_paid_late(self, one: Held, order: str) -> None:
        """Used in time by the order: whenever its payment is told, the coupon is no reason to give it back."""
        if self.world.use(usage.redeem, one[0], one[1] + order, 20_000) is None:
            self.house.clock.turn(hours=200)
            effects = self.world.tell("order.paid", one[1] + order, one[1], amount_fen=9000, reward_ids=(one[0],))
            assert {effect["type"] for effect in effects} <= {"reward.used", "reward.reversed", "reward.released", "refund.instructed"}
            assert {effect.get("reason", "order_cancelled") for effect in effects} <= {"order_cancelled"}

    @rule(user=USERS, order=ORDERS, refund=REFUNDS, amount=st.sampled_from([1, 3000, 4000, 9000, 20_000]))
    def order_refunded(self, user: str, order: str, refund: str, amount: int) -> None:
        self.world.tell("order.refunded", user + order, user, amount_fen=amount, refund_id=refund)
        assert self.world.tell("order.refunded", user + order, user, amount_fen=amount, refund_id=refund) == []

    @rule(user=USERS, other=USERS, order=ORDERS)
    def order_cancelled(self, user: str, other: str, order: str) -> None:
        self.world.tell("order.cancelled", user + order, other)

    @rule(hours=st.sampled_from([0.1, 1, 30, 100]), wake=st.booleans())
    def time_passes(self, hours: float, wake: bool) -> None:
        self.house.clock.turn(hours=hours)
        if wake:
            self.world.fire_timers()

    @rule()
    def pause_or_resume(self) -> None:
        self.house.act(CAMPAIGN, "resume" if self.paused else "pause")
        self.house.desk.catalogue.forget()
        self.paused = not self.paused

    @rule(tend=st.booleans())
    def lose_redis(self, tend: bool) -> None:
        self.house.desk.keeper.client.flushall()
        if tend:
            self.house.tend(CAMPAIGN)

    @invariant()
    def everything_adds_up(self) -> None:
        self.house.clock.turn(seconds=1)
        self.world.check()


# Takes seconds; a failure is shrunk for minutes, and the short example is worth them.
@pytest.mark.parametrize("examples", [30, pytest.param(300, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_the_money_adds_up_after_any_sequence_of_acts(tmp_path: Any, hot: HotState, vault: Vault, examples: int) -> None:
    database = open_database(sqlite_url(tmp_path))
    migrate.upgrade(database)
    RewardsMachine.stores = (database, hot, vault)
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(RewardsMachine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=checks))
    database.engine.dispose()
