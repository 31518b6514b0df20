"""What follows from payments, refunds, reviews and time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.mechanics.bargain.mechanic import BARGAIN_MECHANIC
from tests.campaigns.mechanics.bargain.world import FLOOR, LIFE, LIST, PAY_WITHIN, START, TICK, World, campaign, ordered, reached, started


def test_a_paid_order_at_the_floor_is_a_success_whose_discount_is_due() -> None:
    world = World()
    bargain = ordered(world)
    world.pay(world.order(bargain).id)
    assert (world.state(bargain), world.order(bargain).state) == ("bought", "paid")
    assert world.due == [world.order(bargain).id]
    assert world.topics(bargain)[-2:] == ["bargain.succeeded", "bargain.bought"]
    world.settle()
    assert (world.order(bargain).reward_state, world.used_fen) == ("posted", LIST - FLOOR)
    assert world.do("order", "amy", bargain) == "bargain_over"
    assert world.do("cut", "x", bargain) == "bargain_over"


def test_what_was_bought_above_the_floor_is_no_success() -> None:
    world = World(campaign(order_any_time=True))
    bargain = started(world)
    assert world.do("order", "amy", bargain) == "ok"
    world.pay(world.order(bargain).id)
    assert world.topics(bargain)[-2:] == ["bargain.ordered", "bargain.bought"]


def test_the_same_payment_told_again_changes_nothing() -> None:
    world = World()
    bargain = ordered(world)
    world.pay(world.order(bargain).id)
    before = (world.state(bargain), list(world.due), list(world.told))
    world.pay(world.order(bargain).id)
    assert (world.state(bargain), world.due, world.told) == before


def test_a_payment_for_an_order_that_lapsed_goes_back() -> None:
    world = World()
    bargain = ordered(world)
    late = world.order(bargain).id
    world.now += PAY_WITHIN
    world.fire_due()
    world.pay(late)
    assert (world.bills, world.state(bargain), world.due) == ([(late, "paid_too_late")], "reached", [])


def test_a_payment_for_an_order_that_another_replaced_goes_back_and_leaves_that_one_alone() -> None:
    world = World()
    bargain = ordered(world)
    late = world.order(bargain).id
    world.now += PAY_WITHIN
    assert world.do("order", "amy", bargain) == "ok"
    world.pay(late)
    assert (world.bills, world.state(bargain)) == ([(late, "paid_too_late")], "ordered")
    world.pay(world.order(bargain).id)
    assert world.state(bargain) == "bought"
    # The shop did as it was told.
    world.refund(late)
    assert (world.state(bargain), len(world.bills)) == ("bought", 1)


@pytest.mark.parametrize("after", [PAY_WITHIN - TICK, PAY_WITHIN, LIFE])
def test_a_payment_is_served_while_its_piece_is_held(after: timedelta) -> None:
    """However late the timer is: to refuse it would help nobody."""
    world = World()
    bargain = ordered(world)
    world.now += after
    world.pay(world.order(bargain).id)
    assert (world.state(bargain), world.bills) == ("bought", [])
    world.fire_due()
    assert world.state(bargain) == "bought"


@pytest.mark.parametrize(("off", "state"), [(-TICK, "cutting"), (timedelta(0), "expired"), (TICK, "expired")])
def test_the_deadlines_timer_ends_a_bargain_exactly_then(off: timedelta, state: str) -> None:
    world = World()
    bargain = started(world)
    world.now = START + LIFE + off
    world.fire("deadline", bargain)
    world.fire("deadline", bargain)
    assert (world.state(bargain), world.topics(bargain).count("bargain.expired")) == (state, int(state == "expired"))


def test_a_floor_that_was_reached_and_not_ordered_expires_as_well() -> None:
    world = World()
    bargain = reached(world)
    world.now += LIFE
    world.fire_due()
    assert world.state(bargain) == "expired"


@pytest.mark.parametrize(("off", "state"), [(-TICK, "ordered"), (timedelta(0), "reached")])
def test_an_unpaid_order_is_let_go_exactly_when_its_window_ends(off: timedelta, state: str) -> None:
    world = World()
    bargain = ordered(world)
    world.now += PAY_WITHIN + off
    world.fire("unpaid", world.order(bargain).id)
    assert (world.state(bargain), world.used_fen) == (state, LIST - FLOOR if state == "ordered" else 0)


def test_the_timer_of_an_earlier_order_leaves_the_present_one_alone() -> None:
    world = World()
    bargain = ordered(world)
    earlier = world.order(bargain).id
    world.cancel(earlier)
    world.now += PAY_WITHIN - TICK
    assert world.do("order", "amy", bargain) == "ok"
    world.now += TICK
    world.fire("unpaid", earlier)
    assert world.state(bargain) == "ordered"


def test_an_order_in_time_outlives_the_deadline_and_may_be_paid() -> None:
    world = World()
    bargain = reached(world)
    world.now = START + LIFE - TICK
    assert world.do("order", "amy", bargain) == "ok"
    world.now += PAY_WITHIN - TICK
    world.fire_due()
    assert world.state(bargain) == "ordered"
    world.pay(world.order(bargain).id)
    assert world.state(bargain) == "bought"


def test_an_order_that_outlived_the_deadline_and_was_not_paid_ends_the_bargain() -> None:
    world = World()
    bargain = reached(world)
    world.now = START + LIFE - TICK
    assert world.do("order", "amy", bargain) == "ok"
    world.now += PAY_WITHIN
    world.fire_due()
    assert (world.state(bargain), world.used_fen, world.sold()) == ("expired", 0, 0)
    assert world.topics(bargain)[-2:] == ["bargain.order_lapsed", "bargain.expired"]
    world.pay(world.order(bargain).id)
    assert world.bills == [(world.order(bargain).id, "paid_too_late")]


@pytest.mark.parametrize(("off", "state"), [(-TICK, "reached"), (timedelta(0), "expired")])
@pytest.mark.parametrize("paid", [True, False])
def test_an_order_that_is_undone_frees_the_bargain_while_it_lives(off: timedelta, state: str, paid: bool) -> None:
    world = World(campaign(pay_within=2 * LIFE))
    bargain = ordered(world)
    order = world.order(bargain).id
    if paid:
        world.pay(order)
        world.settle()
    world.now = START + LIFE + off
    (world.refund if paid else world.cancel)(order)
    assert (world.state(bargain), world.order(bargain).state) == (state, "undone" if paid else "cancelled")
    assert (world.order(bargain).reward_state, world.used_fen, world.sold()) == ("reversed" if paid else "void", 0, 0)
    # Told again, by a second way.
    (world.cancel if paid else world.refund)(order)
    assert (world.state(bargain), world.topics(bargain).count("bargain.order_undone")) == (state, 1)


@pytest.mark.parametrize("settled", ["", "held", "posted"])
def test_a_refund_undoes_the_discount_wherever_it_stands(settled: str) -> None:
    world = World()
    bargain = ordered(world)
    order = world.order(bargain).id
    world.pay(order)
    if settled:
        world.settle(settled)
    world.refund(order)
    world.settle()
    assert world.order(bargain).reward_state == ("reversed" if settled == "posted" else "void")
    assert (world.used_fen, world.bills) == (0, [])


def test_a_discount_that_a_review_refuses_sends_the_money_back_and_frees_the_bargain() -> None:
    world = World()
    bargain = ordered(world)
    order = world.order(bargain).id
    world.pay(order)
    world.settle("held")
    world.void(order)
    assert (world.bills, world.state(bargain), world.sold(), world.used_fen) == ([(order, "risk_refused")], "reached", 0, 0)
    assert world.topics(bargain)[-1] == "bargain.order_undone"
    world.refund(order)
    assert (len(world.bills), world.state(bargain)) == (1, "reached")


def test_an_undone_order_above_the_floor_lets_friends_cut_on() -> None:
    world = World(campaign(order_any_time=True))
    bargain = started(world)
    assert world.do("order", "amy", bargain) == "ok"
    world.pay(world.order(bargain).id)
    world.settle()
    world.refund(world.order(bargain).id)
    assert world.state(bargain) == "cutting"
    assert world.do("cut", "x", bargain) == "ok"


def test_stock_is_a_pool_for_each_article_and_helping_has_limits_of_its_own() -> None:
    few, many = campaign(stock=7), campaign(stock=None, helps_per_device=None)
    assert (BARGAIN_MECHANIC.pools(few), BARGAIN_MECHANIC.pool_size(few, "fan")) == ({"fan": 7}, 7)
    assert (BARGAIN_MECHANIC.pools(many), BARGAIN_MECHANIC.pool_size(many, "fan")) == ({}, None)
    assert BARGAIN_MECHANIC.limits(few) == {"user": 2, "helper": 2, "helper_device": 3}
    assert BARGAIN_MECHANIC.limits(many) == {"user": 2, "helper": 2}
    with pytest.raises(KeyError):
        BARGAIN_MECHANIC.pool_size(few, "tv")
    assert BARGAIN_MECHANIC.cost_max_fen(few) == 7 * (LIST - FLOOR)
    assert BARGAIN_MECHANIC.cost_max_fen(many) is None
    assert [(price.sku, price.list_fen, price.price_fen, price.stock) for price in BARGAIN_MECHANIC.prices(few)] == [("fan", LIST, FLOOR, 7)]
