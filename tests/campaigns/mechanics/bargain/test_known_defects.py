"""The public defects of bargains, one test each, as far as they lie in the mechanic; cuts that meet over HTTP are in tests/api."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from campaigns.mechanics.bargain.commands import HELP
from campaigns.mechanics.moves import Join
from campaigns.mechanics.situation import Refuse, Wish
from campaigns.mechanics.skus import Sku
from tests.campaigns.mechanics.bargain.world import FLOOR, LIFE, LIST, PAY_WITHIN, World, campaign, ordered, reached, started


@pytest.mark.parametrize(("listed", "floor"), [(99_999_999, 99_999_989), (10_000, 9_990), (11, 1), (100_000_000, 1), (9900, 990)])
def test_ruoyi_vue_pro_the_lower_bound_of_a_cut_was_read_from_the_floor_price(listed: int, floor: int) -> None:
    """With a floor above what one cut may take, every cut would have been too big."""
    world = World(campaign(10, skus=(Sku("fan", listed, floor, 5),)))
    bargain = reached(world)
    made = [part.data["cut_fen"] for part in world.cuts(bargain)]
    assert sum(made) == listed - floor
    assert min(made) >= 1
    # Ten cuts, front-loaded within 30 percent: none is more than three times its even share.
    assert max(made) <= 1 + (listed - floor - 10) * 3 // 10
    assert world.view(bargain)["price_fen"] == floor


@pytest.mark.parametrize("how", ["cutting", "reached", "order lapsed", "order cancelled", "order refunded", "discount refused"])
@pytest.mark.parametrize("fired", [True, False])
def test_ruoyi_vue_pro_no_job_ever_ended_a_bargain(how: str, fired: bool) -> None:
    world = World()
    bargain = {"cutting": started, "reached": reached}.get(how, ordered)(world)
    # What is told after the deadline keeps nothing alive either; a timer that is late changes nothing for those who come before it.
    world.now += LIFE if how in ("cutting", "reached") else LIFE + PAY_WITHIN
    ends: dict[str, Callable[[], None]] = {
        "order cancelled": lambda: world.cancel(world.order(bargain).id),
        "order refunded": lambda: world.refund(world.order(bargain).id),
        "discount refused": lambda: world.void(world.order(bargain).id),
    }
    if how in ("order refunded", "discount refused"):
        world.pay(world.order(bargain).id)
        world.settle("posted" if how == "order refunded" else "held")
    if how in ends:
        ends[how]()
    if fired:
        world.fire_due()
    assert world.do("cut", "late", bargain) == "bargain_over"
    assert world.do("order", "amy", bargain) == "bargain_over"
    world.fire_due()
    assert world.state(bargain) == "expired"
    assert world.topics(bargain).count("bargain.expired") == 1


@pytest.mark.parametrize("how", ["cancelled", "not paid in time", "not paid in time, and the timer is late", "refunded", "refused in review"])
def test_ruoyi_vue_pro_a_cancelled_order_never_freed_the_success(how: str) -> None:
    world = World(campaign(stock=1))
    bargain = ordered(world)
    first = world.order(bargain).id
    assert world.do("order", "amy", bargain) == "bargain_ordered"
    if how.startswith("not paid"):
        world.now += PAY_WITHIN
    if how == "not paid in time":
        world.fire_due()
    if how == "cancelled":
        world.cancel(first)
    if how in ("refunded", "refused in review"):
        world.pay(first)
        world.settle("posted" if how == "refunded" else "held")
        (world.refund if how == "refunded" else world.void)(first)
    if how.endswith("late"):
        # The piece of the forgotten order is still held; there is no other.
        assert world.do("order", "amy", bargain) == "sold_out"
        world.fire_due()
    assert world.state(bargain) == "reached"
    assert world.do("order", "amy", bargain) == "ok"
    assert world.order(bargain).price_fen == FLOOR
    world.pay(world.order(bargain).id)
    world.settle()
    assert (world.state(bargain), world.used_fen) == ("bought", LIST - FLOOR)


def test_crmeb_the_price_was_read_changed_and_written_back() -> None:
    """Everybody looks at once and acts one after the other, in any order: each takes a place of their own, and their cuts sum exactly."""
    for seed in range(20):
        world = World(campaign(8, helps_per_user=9))
        bargain = started(world, seed=seed)
        crowd = [f"u{number}" for number in range(12)]
        before = world.situation(bargain)
        assert not any(isinstance(HELP.wants(before, Wish(user, {})), Refuse) for user in crowd)
        random.Random(seed).shuffle(crowd)
        said = [world.do("cut", user, bargain, registered_at=world.now - timedelta(days=number)) for number, user in enumerate(crowd)]
        assert set(said) == {"ok", "bargain_reached"}
        places = [place for part in world.cuts(bargain) for place in part.data["seats"]]
        assert sorted(places) == list(range(8))
        assert LIST - sum(part.data["cut_fen"] for part in world.cuts(bargain)) == world.view(bargain)["price_fen"] == FLOOR


def test_crmeb_two_who_looked_at_the_same_price_cannot_both_have_the_same_cut() -> None:
    """What two would take of the same situation is the same numbered place, which the store gives once; no move writes a price."""
    world = World()
    situation = world.situation(started(world))
    one, other = (HELP.act(situation, Wish(user, {})) for user in ("x", "y"))
    assert not isinstance(one, Refuse)
    assert not isinstance(other, Refuse)
    assert [move.seat for move in (*one, *other) if isinstance(move, Join)] == [1, 1]
    assert all(not hasattr(move, "price_fen") or move.price_fen == 0 for move in one)
