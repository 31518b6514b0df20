"""Starting, helping and ordering: what each takes and makes, and every reason why not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.mechanics.bargain.commands import BUY, HELP, START
from campaigns.mechanics.bargain.cuts import sequence
from campaigns.mechanics.moves import Join, Open, Promise, Tell, Turn
from campaigns.mechanics.situation import Limited, Refuse, Wants, Wish
from campaigns.mechanics.skus import Sku
from tests.campaigns.mechanics.bargain.world import FLOOR, LIFE, LIST, NEW_WITHIN, PAY_WITHIN, TICK, World, campaign, reached, started
from tests.campaigns.mechanics.bargain.world import START as BEGAN

SEED = 20261120
CUTS = sequence(SEED, LIST - FLOOR, 4, "front_loaded", 30)


def test_a_start_records_its_seed_and_makes_the_initiators_cut() -> None:
    world, wish = World(), Wish("amy", {"sku": "fan"}, seed=SEED)
    assert START.wants(world.situation(), wish) == Wants(limits=(Limited("user", "user"),))
    assert START.act(world.situation(), wish) == [
        Open("cutting", 4, data={"sku": "fan", "seed": SEED}, deadline=BEGAN + LIFE),
        Join("cut", "made", seat=0, data={"seats": [0], "cut_fen": CUTS[0], "own": True}),
        Tell("bargain.started", {"sku": "fan"}),
    ]


def test_an_own_cut_that_does_not_count_takes_no_place_and_is_shown_as_none() -> None:
    world = World(campaign(own_cut=False))
    bargain = started(world)
    assert (world.seats, world.view(bargain)["cuts"], world.view(bargain)["price_fen"]) == ({}, [], LIST)
    # It holds the place under the initiator's limit all the same.
    assert world.held("user", "amy") == 1
    assert world.do("cut", "amy", bargain) == "own_bargain"
    assert world.do("cut", "x", bargain) == "ok"
    assert [cut["seats"] for cut in world.view(bargain)["cuts"]] == [[0]]


@pytest.mark.parametrize(("own_cut", "state"), [(True, "reached"), (False, "cutting")])
def test_a_single_cut_is_the_initiators_or_a_friends(own_cut: bool, state: str) -> None:
    world = World(campaign(1, own_cut=own_cut))
    bargain = started(world)
    assert world.state(bargain) == state
    assert ("bargain.reached" in world.topics(bargain)) is own_cut
    assert world.do("cut", "x", bargain) == ("bargain_reached" if own_cut else "ok")
    assert (world.state(bargain), world.topics(bargain).count("bargain.reached")) == ("reached", 1)


def test_an_article_that_is_not_in_the_campaign_cannot_be_bargained_for() -> None:
    world, wish = World(), Wish("amy", {"sku": "tv"})
    assert START.wants(world.situation(), wish) == START.act(world.situation(), wish) == Refuse("unknown_sku", {"known": ["fan"]})


def test_each_cut_takes_the_next_place_of_the_sequence() -> None:
    world = World()
    bargain = started(world, seed=SEED)
    prices = [world.view(bargain)["price_fen"]]
    for user in "xyz":
        assert world.do("cut", user, bargain) == "ok"
        prices.append(world.view(bargain)["price_fen"])
    assert prices == [LIST - sum(CUTS[: count + 1]) for count in range(4)]
    assert [(cut["subject"], cut["seats"], cut["own"]) for cut in world.view(bargain)["cuts"]] == [
        ("amy", [0], True),
        ("x", [1], False),
        ("y", [2], False),
        ("z", [3], False),
    ]
    assert (world.view(bargain)["cuts_made"], world.view(bargain)["cuts_needed"], world.view(bargain)["floor_fen"]) == (4, 4, FLOOR)


def test_the_last_cut_reaches_the_floor_and_the_one_before_does_not() -> None:
    world = World()
    bargain = started(world)
    for user, state in [("x", "cutting"), ("y", "cutting"), ("z", "reached")]:
        assert world.do("cut", user, bargain) == "ok"
        assert world.state(bargain) == state
    assert world.do("cut", "late", bargain) == "bargain_reached"
    assert world.topics(bargain) == ["bargain.started", *["bargain.cut"] * 3, "bargain.reached"]


@pytest.mark.parametrize(
    ("registered_at", "places"),
    [
        (BEGAN - NEW_WITHIN + TICK, [1, 2]),
        (BEGAN, [1, 2]),
        # Exactly as long ago as the limit, in the future, or unknown: not brand new.
        (BEGAN - NEW_WITHIN, [1]),
        (BEGAN + TICK, [1]),
        (None, [1]),
    ],
)
def test_a_brand_new_helper_takes_the_next_two_cuts(registered_at: datetime | None, places: list[int]) -> None:
    world = World()
    bargain = started(world, seed=SEED)
    assert world.do("cut", "new", bargain, registered_at=registered_at) == "ok"
    made = world.cuts(bargain)[-1]
    assert made.data == {"seats": places, "cut_fen": sum(CUTS[place] for place in places)}
    assert world.held("helper", "new") == 1


def test_only_one_cut_is_left_for_a_brand_new_helper_who_comes_last() -> None:
    world = World(campaign(2))
    bargain = started(world)
    assert world.do("cut", "new", bargain, registered_at=world.now) == "ok"
    assert (world.cuts(bargain)[-1].data["seats"], world.state(bargain)) == ([1], "reached")


def test_two_cuts_at_once_reach_the_floor() -> None:
    world = World(campaign(3))
    bargain = started(world)
    assert world.do("cut", "new", bargain, registered_at=world.now) == "ok"
    assert (world.state(bargain), world.view(bargain)["price_fen"]) == ("reached", FLOOR)


def test_nobody_is_brand_new_where_the_campaign_does_not_say_so() -> None:
    world = World(campaign(new_within=None))
    bargain = started(world)
    assert world.do("cut", "new", bargain, registered_at=world.now) == "ok"
    assert world.cuts(bargain)[-1].data["seats"] == [1]


def test_a_helper_cuts_once_and_the_initiator_not_again() -> None:
    world = World()
    bargain = started(world)
    assert world.do("cut", "amy", bargain) == "own_bargain"
    assert world.do("cut", "x", bargain) == "ok"
    assert world.do("cut", "x", bargain) == "already_helped"
    assert len(world.cuts(bargain)) == 2


def test_somebody_who_was_never_seen_helped_nobody_and_owns_nothing() -> None:
    world = World(campaign(own_cut=False))
    bargain, nobody = started(world), Wish(None, {"order_id": "o1"})
    assert isinstance(HELP.wants(world.situation(bargain), nobody), Wants)
    assert BUY.wants(world.situation(bargain), nobody) == Refuse("not_yours")


@pytest.mark.parametrize(("helps", "code"), [(1, "helper_limit"), (2, "ok")])
def test_a_customer_helps_as_often_as_the_campaign_says(helps: int, code: str) -> None:
    world = World(campaign(helps_per_user=helps))
    bargains = [started(world, user) for user in ("amy", "ben")]
    assert world.do("cut", "x", bargains[0]) == "ok"
    assert world.do("cut", "x", bargains[1]) == code


@pytest.mark.parametrize(("helps", "code"), [(1, "helper_device_limit"), (2, "ok"), (None, "ok")])
def test_a_device_helps_as_often_as_the_campaign_says(helps: int | None, code: str) -> None:
    world = World(campaign(helps_per_device=helps))
    bargain = started(world)
    assert world.do("cut", "x", bargain, device="one phone") == "ok"
    assert world.do("cut", "y", bargain, device="one phone") == code


def test_help_counts_for_ever_also_with_a_bargain_that_expired() -> None:
    world = World(campaign(helps_per_user=1))
    bargain = started(world)
    assert world.do("cut", "x", bargain) == "ok"
    world.now += LIFE
    world.fire_due()
    assert world.do("cut", "x", started(world, "ben")) == "helper_limit"


def test_a_customer_starts_as_many_bargains_as_the_campaign_says_and_expired_ones_count() -> None:
    world = World(campaign(per_user=2))
    started(world)
    world.now += LIFE
    world.fire_due()
    started(world)
    assert world.do("start", "amy") == "user_limit"


@pytest.mark.parametrize(("off", "code"), [(-TICK, "ok"), (timedelta(0), "bargain_over"), (TICK, "bargain_over")])
def test_the_deadline_itself_is_too_late_to_help_or_to_order(off: timedelta, code: str) -> None:
    world = World()
    cutting, done = started(world), reached(world, "ben")
    world.now = BEGAN + LIFE + off
    assert world.do("cut", "late", cutting) == code
    assert world.do("order", "ben", done) == code


def test_an_order_binds_the_price_for_the_payment_window() -> None:
    world = World()
    bargain = reached(world)
    wish = Wish("amy", {"order_id": "o1"})
    assert BUY.wants(world.situation(bargain), wish) == Wants("fan", 1, LIST - FLOOR)
    promise = Promise("discount", LIST - FLOOR)
    amounts = {"price_fen": FLOOR, "list_fen": LIST}
    assert BUY.act(world.situation(bargain), wish) == [
        Join("order", "reserved", **amounts, order_id="o1", pay_by=BEGAN + PAY_WITHIN, data={"sku": "fan"}, reward=promise),
        Turn(state="ordered"),
        Tell("bargain.ordered", {"price_fen": FLOOR}),
    ]


def test_only_its_owner_orders_and_only_once_while_the_order_lives() -> None:
    world = World()
    bargain = reached(world)
    assert world.do("order", "ben", bargain) == "not_yours"
    assert world.do("order", "amy", bargain) == "ok"
    again = BUY.wants(world.situation(bargain), Wish("amy", {"order_id": "o9"}))
    assert again == Refuse("bargain_ordered", {"order_id": world.order(bargain).order_id})
    # Whose order it is, is told to nobody else.
    assert BUY.wants(world.situation(bargain), Wish("ben", {"order_id": "o9"})) == Refuse("not_yours")


def test_below_the_floor_nothing_is_sold_unless_the_present_price_may_be_bought() -> None:
    world = World()
    bargain = started(world, seed=SEED)
    refused = BUY.wants(world.situation(bargain), Wish("amy", {"order_id": "o1"}))
    assert refused == Refuse("floor_not_reached", {"price_fen": LIST - CUTS[0], "floor_fen": FLOOR})


def test_the_present_price_is_bought_and_no_cut_comes_between() -> None:
    """阶梯定价."""
    world = World(campaign(order_any_time=True))
    bargain = started(world, seed=SEED)
    assert world.do("cut", "x", bargain) == "ok"
    assert world.do("order", "amy", bargain) == "ok"
    assert (world.order(bargain).price_fen, world.used_fen) == (LIST - CUTS[0] - CUTS[1], CUTS[0] + CUTS[1])
    assert world.do("cut", "y", bargain) == "bargain_ordered"
    world.cancel(world.order(bargain).id)
    assert world.do("cut", "y", bargain) == "ok"
    assert world.do("order", "amy", bargain) == "ok"
    assert world.order(bargain).price_fen == LIST - sum(CUTS[:3])


def test_what_nobody_cut_yet_is_bought_at_its_list_price_without_a_reward() -> None:
    world = World(campaign(own_cut=False, order_any_time=True))
    bargain = started(world)
    assert world.do("order", "amy", bargain) == "ok"
    order = world.order(bargain)
    assert (order.price_fen, order.reward_id, world.used_fen) == (LIST, None, 0)
    world.pay(order.id)
    assert (world.state(bargain), world.due) == ("bought", [])


@pytest.mark.parametrize("stock", [1, None])
def test_the_order_takes_a_piece_and_the_start_does_not(stock: int | None) -> None:
    world = World(campaign(stock=stock))
    first, second = reached(world), reached(world, "ben")
    assert world.do("order", "amy", first) == "ok"
    assert world.do("order", "ben", second) == ("ok" if stock is None else "sold_out")
    world.cancel(world.order(first).id)
    assert world.do("order", "ben", second) == ("bargain_ordered" if stock is None else "ok")


@pytest.mark.parametrize(("off", "code"), [(-TICK, "bargain_ordered"), (timedelta(0), "ok")])
def test_an_order_whose_payment_window_is_over_is_let_go_by_whoever_comes_first(off: timedelta, code: str) -> None:
    world = World(campaign(order_any_time=True))
    bargains = [started(world), started(world, "ben")]
    for user, bargain in zip(("amy", "ben"), bargains, strict=True):
        assert world.do("order", user, bargain) == "ok"
    world.now += PAY_WITHIN + off
    assert world.do("order", "amy", bargains[0]) == code
    assert world.do("cut", "x", bargains[1]) == code
    let_go = code == "ok"
    assert [world.topics(bargain).count("bargain.order_lapsed") for bargain in bargains] == [let_go, let_go]
    assert [world.orders(bargain)[0].live for bargain in bargains] == [not let_go, not let_go]


def test_a_bargain_keeps_the_price_of_its_own_article() -> None:
    world = World(campaign(skus=(Sku("fan", LIST, FLOOR, 5), Sku("pot", 5000, 4000, 5))))
    situation = world.situation()
    world.carry_out(START.act(situation, Wish("amy", {"sku": "pot"}, seed=SEED)), None, "amy", "phone", Wants())
    shown = world.view("b0")
    assert (shown["sku"], shown["list_fen"], shown["floor_fen"]) == ("pot", 5000, 4000)
    assert shown["price_fen"] == 5000 - sequence(SEED, 1000, 4, "front_loaded", 30)[0]


def test_every_command_asks_the_risk_engine_since_a_cut_lowers_a_price() -> None:
    assert [(command.scene, command.rewards, command.when, command.about) for command in (START, HELP, BUY)] == [
        ("bargain.start", True, "running", "new"),
        ("bargain.cut", True, "begun", "named"),
        ("bargain.order", True, "begun", "named"),
    ]
