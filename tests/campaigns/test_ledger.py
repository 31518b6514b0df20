"""The two machines of a reward, and the money that moves with each step; what an order may and may not do to it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from campaigns import usage
from campaigns.machines import REWARD, USE, require_reward_step, require_use_step
from campaigns.rewards import find_reward, post_reward, void_reward
from campaigns.store import budgets, ledger
from campaigns.store.tables import refund_instructions, rewards, transfers
from core.db.tables import timers
from core.errors import Conflict
from core.jobs.timers import due_timers, postpone, set_timer
from core.money import Money
from tests.campaigns.house import House, reward_of
from tests.e2e.service import coupon
from tests.property.rewards_world import World

CAMPAIGN = "spring"
REWARD_STEPS = {("reserved", "posted"), ("reserved", "held"), ("reserved", "void"), ("held", "posted"), ("held", "void"), ("posted", "reversed")}
USE_STEPS = {
    ("available", "locked"),
    ("available", "used"),
    ("available", "expired"),
    ("locked", "available"),
    ("locked", "used"),
    ("used", "available"),
    ("used", "expired"),
}


@pytest.fixture
def world(house: House) -> World:
    house.publish(coupon(CAMPAIGN, total=10, per_user=5))
    return World(house)


def coupon_of(world: World, user: str = "a", outcome: str = "allow") -> str:
    world.house.risk.outcomes[user] = outcome
    return str(reward_of(world.house.claim(CAMPAIGN, user))["id"])


def paid(world: World, order: str, *coupons: str, amount: int = 9000, user: str = "a") -> list[dict[str, Any]]:
    return world.tell("order.paid", order, user, amount_fen=amount, list_fen=20_000, reward_ids=coupons)


def refunded(world: World, order: str, refund: str, amount: int) -> list[dict[str, Any]]:
    return world.tell("order.refunded", order, "a", amount_fen=amount, refund_id=refund)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(REWARD, REWARD)))
def test_a_reward_takes_only_the_steps_of_its_machine(old: str, new: str) -> None:
    if (old, new) in REWARD_STEPS:
        require_reward_step(old, new)
        return
    with pytest.raises(Conflict) as caught:
        require_reward_step(old, new)
    assert (caught.value.code, caught.value.extra["state"]) == ("reward_state", old)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(USE, USE)))
def test_a_coupon_takes_only_the_steps_of_its_machine(old: str, new: str) -> None:
    if (old, new) in USE_STEPS:
        require_use_step(old, new)
        return
    with pytest.raises(Conflict) as caught:
        require_use_step(old, new)
    assert (caught.value.code, caught.value.extra["use_state"]) == ("use_state", old)


@pytest.mark.parametrize("state", ["posted", "void"])
def test_a_reward_that_was_decided_is_never_decided_again(world: World, state: str) -> None:
    name = coupon_of(world, outcome="review")
    acts = {"posted": world.house.post, "void": world.house.void}
    acts[state](name)
    for act in acts.values():
        with pytest.raises(Conflict) as caught:
            act(name)
        assert caught.value.code == "reward_state"
    world.check()


@pytest.mark.parametrize("state", ["held", "void"])
@pytest.mark.parametrize("act", [usage.lock, usage.redeem])
def test_only_a_posted_coupon_is_used(world: World, state: str, act: Any) -> None:
    name = coupon_of(world, outcome="review")
    if state == "void":
        world.house.void(name)
    assert world.use(act, name, "o1", 20_000) == "reward_not_posted"
    world.check()


def test_two_who_read_the_same_reward_move_it_once(world: World) -> None:
    name = coupon_of(world, outcome="review")
    with world.house.database.read() as connection:
        seen = find_reward(connection, world.house.merchant, name)
    world.house.post(name)
    with pytest.raises(Conflict) as caught, world.house.database.write() as connection:
        void_reward(connection, seen, "x", world.house.now)
    assert caught.value.code == "reward_moved"
    with pytest.raises(Conflict), world.house.database.write() as connection:
        post_reward(connection, seen, "x", world.house.now)
    world.check()


def test_the_same_transfer_is_made_once_and_what_we_owe_never_goes_below_zero(world: World) -> None:
    person, given, merchant, now = ledger.entitlement("sub_x"), ledger.discounts(CAMPAIGN), world.house.merchant, world.house.now
    grant = ledger.Movement(ledger.promotion(CAMPAIGN), person, Money(100), "test", "grant")
    with world.house.database.write() as connection:
        assert [ledger.post(connection, merchant, grant, now) for _ in range(2)] == [True, False]
        assert ledger.post(connection, merchant, ledger.Movement(person, given, Money(100), "test", "all"), now)
    with pytest.raises(Conflict) as caught, world.house.database.write() as connection:
        ledger.post(connection, merchant, ledger.Movement(person, given, Money(1), "test", "more"), now)
    assert caught.value.code == "balance_too_low"
    with world.house.database.read() as connection:
        assert ledger.balance(connection, merchant, person) == 0
        assert ledger.balance(connection, merchant, given) == 100
        assert connection.execute(select(func.count()).select_from(transfers)).scalar_one() == 2


@pytest.mark.parametrize(("step", "fits"), [(49, True), (50, True), (51, False)])
def test_a_budget_takes_a_step_up_to_its_cap(world: World, step: int, fits: bool) -> None:
    with world.house.database.write() as connection:
        budgets.declare(connection, world.house.merchant, CAMPAIGN, 50)
        assert (budgets.spend(connection, world.house.merchant, CAMPAIGN, step) is not None) is fits


def test_a_coupon_locked_by_an_order_that_pays_after_its_validity_is_refunded_never_rolled_back(world: World) -> None:
    name = coupon_of(world)
    world.house.clock.turn(days=6, hours=23, minutes=59)
    assert world.use(usage.lock, name, "o1", 20_000) is None
    world.house.clock.turn(minutes=1)
    effects = paid(world, "o1", name)
    assert [(one["type"], one["reason"], one["amount_fen"]) for one in effects] == [("refund.instructed", "coupon_expired", 9000)]
    world.check()


def test_a_payment_told_after_the_validity_of_a_coupon_used_in_time_is_no_late_payment(world: World) -> None:
    name = coupon_of(world)
    assert world.use(usage.redeem, name, "o1", 20_000) is None
    world.house.clock.turn(days=8)
    assert [one["type"] for one in paid(world, "o1", name)] == ["reward.used"]
    world.check()


def test_two_refused_coupons_of_one_order_ask_for_one_refund(world: World) -> None:
    names = [coupon_of(world) for _ in range(2)]
    world.house.clock.turn(days=7)
    effects = paid(world, "o1", *names)
    assert [(one["type"], one.get("amount_fen")) for one in effects] == [("refund.instructed", 9000), ("reward.refused", None)]
    with world.house.database.read() as connection:
        assert connection.execute(select(func.sum(refund_instructions.c.amount_fen))).scalar_one() == 9000
    world.check()


@pytest.mark.parametrize(("early", "left"), [(4000, [5000]), (8999, [1]), (9000, []), (9001, [])])
def test_an_instruction_leaves_out_what_was_refunded_before_the_payment(world: World, early: int, left: list[int]) -> None:
    world.tell("order.cancelled", "o1", "a")
    refunded(world, "o1", "r1", early)
    world.house.clock.turn(seconds=1)
    assert [one["amount_fen"] for one in paid(world, "o1")] == left
    world.check()


def test_ids_that_run_into_each_other_move_their_own_money(world: World) -> None:
    name = coupon_of(world)
    # Order "o" with refund "1:r", then order "o:1" with refund "r": joined by a colon they look alike.
    for order, refund in (("o", "1:r"), ("o:1", "r")):
        assert paid(world, order, name)[0]["type"] == "reward.used"
        assert refunded(world, order, refund, 4500)[0]["amount_fen"] == 1000
        world.check()
        world.tell("order.cancelled", order, "a")
        world.check()


def test_a_refund_named_like_our_own_step_still_counts(world: World) -> None:
    name = coupon_of(world)
    refunded(world, "o1", "r1", 3000)
    world.house.clock.turn(seconds=1)
    assert [one["amount_fen"] for one in paid(world, "o1", name)] == [2000, 666]
    assert refunded(world, "o1", "at-payment", 3000)[0]["amount_fen"] == 667
    world.check()


def test_refunds_of_more_than_was_paid_give_the_coupon_back_and_no_more(world: World) -> None:
    name = coupon_of(world)
    paid(world, "o1", name)
    assert refunded(world, "o1", "r1", 8999)[0]["amount_fen"] == 1999
    assert [one["type"] for one in refunded(world, "o1", "r2", 20_000)] == ["reward.released"]
    assert refunded(world, "o1", "r3", 20_000) == []
    world.check()
    assert paid(world, "o2", name)[0]["type"] == "reward.used"
    world.check()


def test_a_coupon_given_back_after_its_validity_ends_at_once(world: World) -> None:
    name = coupon_of(world)
    paid(world, "o1", name)
    world.house.clock.turn(days=7)
    world.fire_timers()
    world.tell("order.cancelled", "o1", "a")
    world.fire_timers()
    with world.house.database.read() as connection:
        assert find_reward(connection, world.house.merchant, name).use_state == "expired"
    world.check()


def test_the_database_itself_refuses_more_reversed_than_posted(world: World) -> None:
    name = coupon_of(world)
    with pytest.raises(Exception, match="reversed_within_posted"), world.house.database.write() as connection:
        connection.execute(update(rewards).where(rewards.c.id == name).values(reversed_fen=2001))


def test_a_timer_moved_while_its_worker_failed_keeps_its_new_time(world: World) -> None:
    now = world.house.now
    with world.house.database.write() as connection:
        set_timer(connection, merchant="m", kind="coupon.unlock", ref="r", due_at=now)
        (timer,) = due_timers(connection, now)
        set_timer(connection, merchant="m", kind="coupon.unlock", ref="r", due_at=now + timedelta(minutes=15))
        postpone(connection, timer.id, "busy", now)
        assert connection.execute(select(timers.c.due_at).where(timers.c.id == timer.id)).scalar_one() == now + timedelta(minutes=15)
