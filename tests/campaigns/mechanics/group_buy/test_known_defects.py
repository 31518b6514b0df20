"""The public defects of group-buys, one test each. The race for the last seat is the writer's and is tested over HTTP; here is what must be so
before any writer comes in.
"""

from __future__ import annotations

import pytest

from tests.campaigns.mechanics.group_buy.world import LIFE, PAY_WITHIN, World, campaign, joined, started


def test_ruoyi_vue_pro_fullness_was_read_and_then_written() -> None:
    """The answer under the lock is the one that counts: what a first look allowed is refused when the seat went to another meanwhile."""
    world = World(campaign(2))
    group = started(world)
    before = world.situation(group)
    joined(world, group, "bo", paid=False)
    assert world.do("join", "cy", group) == "group_full"
    assert len(before.parts) == 1
    assert world.view(group)["locked"] == world.view(group)["target"] == 2


def test_ruoyi_vue_pro_a_payment_for_a_full_group_threw_and_left_the_customer_without_a_refund() -> None:
    world = World(campaign(2))
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += PAY_WITHIN
    joined(world, group, "cy")
    assert world.groups[group].state == "succeeded"
    world.pay(world.part("bo").id)
    assert world.bills == [(world.part("bo").id, "paid_too_late")]
    assert world.view(group)["complete"] == 2


@pytest.mark.parametrize("fired", [True, False])
def test_ruoyi_vue_pro_a_payment_for_an_expired_group_threw_and_left_the_customer_without_a_refund(fired: bool) -> None:
    world = World(campaign(pay_within=LIFE))
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += LIFE
    if fired:
        world.fire_due()
    world.pay(world.part("bo").id)
    assert world.groups[group].state == "failed"
    assert sorted(part for part, _ in world.bills) == sorted(world.part(user).id for user in ("lea", "bo"))


@pytest.mark.parametrize(
    ("how", "when"), [("leave", "before"), ("refund", "before"), ("cancel", "before"), ("refund", "after success"), ("cancel", "after success")]
)
def test_crmeb_27_a_refunded_member_was_still_shown(how: str, when: str) -> None:
    world = World(campaign(3 if when == "before" else 2))
    group = started(world)
    joined(world, group, "bo")
    part = world.part("bo").id
    {"leave": lambda: world.do("leave", "bo", group), "refund": lambda: world.refund(part), "cancel": lambda: world.cancel(part)}[how]()
    assert [member["subject"] for member in world.view(group)["members"]] == ["lea"]
    assert world.view(group)["complete"] == 1


@pytest.mark.parametrize("late", [True, False])
def test_litemall_159_an_expired_group_was_treated_as_a_success(late: bool) -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo")
    world.now += LIFE
    if late:
        # Everything that can be done before the timer fires still finds an expired group.
        assert world.do("join", "cy", group) == "group_over"
        assert world.do("leave", "bo", group) == "group_over"
    world.fire_due()
    assert world.groups[group].state == "failed"
    assert (world.due, len(world.bills)) == ([], 2)
    assert world.do("join", "cy", group) == "group_over"
