"""What follows from payments, refunds, reviews and time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.mechanics.group_buy.mechanic import GROUP_BUY
from campaigns.mechanics.skus import stock_cost_max
from tests.campaigns.mechanics.group_buy.world import COMMISSION, LIFE, LIST, PAY_WITHIN, PRICE, START, TICK, World, campaign, joined, opened, started


def test_the_groups_clock_starts_with_the_leaders_payment_and_may_outlive_the_campaign() -> None:
    world = World()
    group = opened(world)
    assert world.groups[group].deadline is None
    world.now = world.campaign.ends - TICK
    world.pay(world.part("lea").id)
    assert (world.groups[group].state, world.groups[group].deadline) == ("open", world.now + LIFE)
    world.now = world.campaign.ends
    joined(world, group, "bo", "cy")
    assert world.groups[group].state == "succeeded"


def test_the_last_payment_makes_everybodys_discount_due_and_the_commission_once() -> None:
    world = World(campaign(commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo")
    assert world.due == []
    joined(world, group, "cy")
    leader = world.part("lea").id
    assert world.due == [*(world.part(user).id for user in ("lea", "bo", "cy")), f"{leader}:leader_commission"]
    assert (world.groups[group].state, world.groups[group].hold_fen) == ("succeeded", 0)
    world.settle()
    assert world.used_fen == 3 * (LIST - PRICE) + COMMISSION
    assert {part.state for part in world.live(group)} == {"served"}
    assert world.told[-1].body == {"members": 3, "virtual_seats": 0}


@pytest.mark.parametrize(("off", "expired"), [(-TICK, False), (timedelta(0), True)])
def test_an_unpaid_seat_is_released_exactly_at_the_end_of_its_window(off: timedelta, expired: bool) -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += PAY_WITHIN + off
    world.fire("unpaid", world.part("bo").id)
    assert world.part("bo").live != expired
    world.fire("unpaid", world.part("bo").id)
    assert world.topics().count("group.seat_expired") == expired
    assert world.groups[group].state == "open"


def test_a_leader_who_does_not_pay_in_time_has_no_group() -> None:
    world = World(campaign(commission_fen=COMMISSION))
    group = opened(world)
    world.now += PAY_WITHIN
    world.fire_due()
    assert (world.groups[group].state, world.live(group), world.used_fen) == ("cancelled", [], 0)
    world.pay(world.part("lea").id)
    assert world.bills == [(world.part("lea").id, "paid_too_late")]


def test_a_late_payment_is_served_while_its_seat_still_stands() -> None:
    world = World(campaign(2))
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += PAY_WITHIN
    world.pay(world.part("bo").id)
    assert (world.groups[group].state, world.bills) == ("succeeded", [])


def test_a_late_payment_of_a_leader_whose_seat_still_stands_starts_the_group() -> None:
    world = World()
    group = opened(world)
    world.now += PAY_WITHIN
    world.pay(world.part("lea").id)
    assert (world.groups[group].state, world.groups[group].deadline) == ("open", world.now + LIFE)


def test_a_late_payment_goes_back_though_the_group_has_room() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += PAY_WITHIN
    world.fire_due()
    world.pay(world.part("bo").id)
    assert (world.view(group)["locked"], world.bills) == (1, [(world.part("bo").id, "paid_too_late")])


def test_a_payment_that_follows_leaving_goes_back() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.do("leave", "bo", group)
    world.pay(world.part("bo").id)
    assert world.bills == [(world.part("bo").id, "left_group")]


@pytest.mark.parametrize(("off", "state", "bills"), [(-TICK, "succeeded", 0), (timedelta(0), "failed", 2)])
def test_a_payment_at_the_very_deadline_is_late(off: timedelta, state: str, bills: int) -> None:
    world = World(campaign(2, pay_within=LIFE))
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now = START + LIFE + off
    world.pay(world.part("bo").id)
    assert (world.groups[group].state, len(world.bills)) == (state, bills)
    world.fire_due()
    assert (world.groups[group].state, len(world.bills)) == (state, bills)


def test_a_deadline_fires_early_or_twice_for_nothing() -> None:
    world = World()
    group = started(world)
    world.fire("deadline", group)
    assert world.groups[group].state == "open"
    world.now += LIFE
    world.fire("deadline", group)
    told = world.topics()
    world.fire("deadline", group)
    assert (world.groups[group].state, world.topics()) == ("failed", told)
    assert len(world.bills) == 1


def test_failure_refunds_who_paid_once_frees_everybody_and_gives_the_budget_back() -> None:
    world = World(campaign(4, commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo")
    world.now += LIFE - TICK
    joined(world, group, "cy", paid=False)
    world.now += TICK
    world.fire_due()
    assert world.bills == [(world.part(user).id, "group_failed") for user in ("lea", "bo")]
    assert [world.part(user).state for user in ("lea", "bo", "cy")] == ["failed", "failed", "expired"]
    assert (world.live(group), world.used_fen, world.taken("tea")) == ([], 0, 0)
    for user in ("lea", "bo"):
        world.refund(world.part(user).id)
    assert len(world.bills) == 2


@pytest.mark.parametrize(("paid", "state", "virtual"), [(1, "failed", 0), (2, "succeeded", 2), (3, "succeeded", 1)])
def test_virtual_seats_fill_a_group_from_its_share_of_people_on(paid: int, state: str, virtual: int) -> None:
    world = World(campaign(4, commission_fen=COMMISSION, percent=50))
    group = started(world)
    joined(world, group, *["bo", "cy"][: paid - 1])
    world.now += LIFE - TICK
    joined(world, group, "dee", paid=False)
    world.now += TICK
    world.fire_due(["deadline"])
    shown = world.view(group)
    assert (world.groups[group].state, shown["virtual_seats"]) == (state, virtual)
    # Virtual seats are a number, and never people.
    assert len(shown["members"]) == (paid if state == "succeeded" else 0)
    assert world.part("dee").state == "expired"
    world.pay(world.part("dee").id)
    assert world.bills[-1] == (world.part("dee").id, "paid_too_late")


def test_a_payment_past_the_deadline_is_no_member_of_a_virtual_group() -> None:
    world = World(campaign(4, percent=50))
    group = started(world)
    joined(world, group, "bo")
    world.now += LIFE - TICK
    joined(world, group, "cy", paid=False)
    world.now += TICK
    world.pay(world.part("cy").id)
    assert (world.groups[group].state, world.view(group)["virtual_seats"]) == ("succeeded", 2)
    assert world.bills == [(world.part("cy").id, "paid_too_late")]


def test_a_leader_who_leaves_is_followed_by_the_first_paid_seat_and_the_deadline_stays() -> None:
    world = World(campaign(4, commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo", paid=False)
    joined(world, group, "cy", "dee")
    deadline = world.groups[group].deadline
    world.now += timedelta(minutes=5)
    assert world.do("leave", "lea", group) == "ok"
    assert (world.groups[group].owner, world.part("cy").role, world.groups[group].deadline) == ("cy", "leader", deadline)
    assert [part.subject for part in world.live(group) if part.role == "leader"] == ["cy"]
    joined(world, group, "eve")
    world.pay(world.part("bo").id)
    assert world.groups[group].state == "succeeded"
    assert f"{world.part('cy').id}:leader_commission" in world.due


def test_a_leader_who_is_refunded_is_followed_too() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo")
    world.refund(world.part("lea").id)
    assert (world.groups[group].state, world.groups[group].owner, world.bills) == ("open", "bo", [])


def test_when_the_last_payer_goes_the_group_ends_and_unpaid_seats_are_free() -> None:
    world = World(campaign(commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.do("leave", "lea", group)
    assert (world.groups[group].state, world.live(group), world.used_fen) == ("failed", [], 0)
    world.pay(world.part("bo").id)
    assert world.bills == [(world.part("lea").id, "left_group"), (world.part("bo").id, "paid_too_late")]


def test_a_refund_after_success_takes_only_that_member_out() -> None:
    world = World(campaign(commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo", "cy")
    world.settle()
    world.refund(world.part("bo").id)
    assert (world.groups[group].state, world.part("bo").state, world.taken("tea")) == ("succeeded", "undone", 2)
    assert world.used_fen == 2 * (LIST - PRICE) + COMMISSION
    assert world.view(group)["missing"] == 0
    world.cancel(world.part("bo").id)
    assert world.bills == []


@pytest.mark.parametrize("settled", [True, False])
def test_a_leaders_commission_goes_with_the_leaders_order(settled: bool) -> None:
    world = World(campaign(2, commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo")
    if settled:
        world.settle()
    world.refund(world.part("lea").id)
    assert world.used_fen == LIST - PRICE
    assert world.groups[group].state == "succeeded"


def test_a_refund_between_the_deadline_and_its_timer_cannot_undo_the_others_success() -> None:
    world = World(campaign(4, percent=50))
    group = started(world)
    joined(world, group, "bo")
    world.now += LIFE
    world.refund(world.part("bo").id)
    assert (world.groups[group].state, world.part("lea").state, world.part("bo").state) == ("succeeded", "served", "undone")
    world.settle()
    assert world.used_fen == LIST - PRICE


def test_a_refund_between_the_deadline_and_its_timer_names_no_new_leader() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo")
    world.now += LIFE
    world.refund(world.part("lea").id)
    assert (world.groups[group].state, world.bills) == ("failed", [(world.part("bo").id, "group_failed")])
    assert "group.leader_changed" not in world.topics()


def test_a_reward_that_a_review_refuses_gives_the_money_back_and_frees_the_piece() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo", "cy")
    world.settle("held")
    world.void(world.part("cy").id)
    assert world.bills == [(world.part("cy").id, "risk_refused")]
    assert (world.groups[group].state, world.part("cy").live, world.taken("tea")) == ("succeeded", False, 2)
    world.refund(world.part("cy").id)
    assert len(world.bills) == 1


def test_a_leader_whom_a_review_refuses_keeps_no_commission() -> None:
    world = World(campaign(2, commission_fen=COMMISSION))
    group = started(world)
    joined(world, group, "bo")
    world.settle()
    leader = world.part("lea").id
    world.rewards[leader].state = "held"
    world.void(leader)
    assert world.rewards[f"{leader}:leader_commission"].state == "reversed"
    assert world.used_fen == LIST - PRICE


def test_members_who_are_refunded_after_success_leave_a_commission_that_the_most_it_can_cost_knows_of() -> None:
    """Their pieces fill a further group, whose leader has a commission too."""
    world = World(campaign(3, stock=5, commission_fen=COMMISSION))
    for leader in ("lea", "max", "ned"):
        joined(world, started(world, leader), "bo", "cy")
        if leader != "ned":
            for member in ("bo", "cy"):
                world.refund(world.part(member).id)
        world.settle()
    assert world.do("open", "oda", sku="tea") == "sold_out"
    assert world.used_fen == 5 * (LIST - PRICE) + 3 * COMMISSION
    one_article = stock_cost_max(world.campaign.terms.skus[:1]), GROUP_BUY.cost_max_fen(world.campaign)
    assert one_article == (5 * (LIST - PRICE), 5 * (LIST - PRICE + 3000) + 2 * 3 * COMMISSION)
