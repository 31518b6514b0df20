"""Opening, joining and leaving: what each takes, and every reason why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from campaigns.mechanics.group_buy.commands import JOIN, LEAVE, OPEN
from campaigns.mechanics.moves import Join, Open, Promise
from campaigns.mechanics.situation import Limited, Wants, Wish
from tests.campaigns.mechanics.group_buy.world import COMMISSION, LIFE, LIST, PAY_WITHIN, PRICE, START, TICK, World, campaign, joined, opened, started


def test_a_leader_opens_with_an_unpaid_seat_and_the_commission_is_held() -> None:
    world = World(campaign(commission_fen=COMMISSION))
    wish = Wish("lea", {"sku": "tea", "order_id": "o1", "quantity": 2}, user="lea")
    limits = (Limited("user", "user"), Limited("live", "user"))
    assert OPEN.wants(world.situation(), wish) == Wants("tea", 2, 2 * (LIST - PRICE) + COMMISSION, limits)
    begin, seat, _ = OPEN.act(world.situation(), wish)
    assert begin == Open("pending", 3, hold_fen=COMMISSION, data={"sku": "tea"})
    amounts: dict[str, Any] = {"quantity": 2, "price_fen": 2 * PRICE, "list_fen": 2 * LIST, "reward": Promise("discount", 2 * (LIST - PRICE))}
    assert seat == Join("leader", "locked", seat="any", order_id="o1", pay_by=START + PAY_WITHIN, data={"sku": "tea"}, **amounts)


def test_a_member_takes_the_groups_article_and_no_second_commission() -> None:
    world = World(campaign(commission_fen=COMMISSION))
    group = started(world)
    wants = JOIN.wants(world.situation(group), Wish("bo", {"order_id": "o2", "quantity": 1}, user="bo"))
    assert isinstance(wants, Wants)
    assert (wants.pool, wants.quantity, wants.cost_fen) == ("tea", 1, LIST - PRICE)
    joined(world, group, "bo", paid=False)
    assert (world.part("bo").role, world.part("bo").seat, world.part("bo").price_fen) == ("member", 1, PRICE)


def test_an_article_without_stock_asks_no_pool() -> None:
    world = World(campaign(stock=None))
    wants = OPEN.wants(world.situation(), Wish("lea", {"sku": "tea", "order_id": "o1", "quantity": 1}))
    assert isinstance(wants, Wants)
    assert wants.pool is None


@pytest.mark.parametrize(
    ("user", "fields", "code"),
    [
        ("lea", {"sku": "coffee"}, "unknown_sku"),
        ("rat", {}, "denied"),
        ("lea", {"channel": "scraper"}, "denied"),
        ("lea", {"channel": "moments"}, "ok"),
        ("lea", {"quantity": 2}, "ok"),
        ("lea", {"quantity": 3}, "per_order_limit"),
    ],
)
def test_who_may_open_what(user: str, fields: dict[str, Any], code: str) -> None:
    assert World().do("open", user, **{"sku": "tea", **fields}) == code


def test_denied_customers_and_channels_cannot_join_either() -> None:
    world = World()
    group = started(world)
    assert world.do("join", "rat", group) == "denied"
    assert world.do("join", "bo", group, channel="scraper") == "denied"
    assert world.do("join", "bo", group, quantity=3) == "per_order_limit"


def test_a_seat_is_locked_only_while_locked_is_below_target() -> None:
    world = World()
    group = started(world)
    assert world.do("join", "lea", group) == "already_in_group"
    joined(world, group, "bo", "cy", paid=False)
    assert world.do("join", "dee", group) == "group_full"
    assert world.do("leave", "bo", group) == "ok"
    assert world.do("join", "dee", group) == "ok"
    assert world.do("join", "eve", group) == "group_full"


def test_nobody_joins_before_the_leader_has_paid_or_after_the_group_has_ended() -> None:
    world = World()
    group = opened(world)
    assert world.do("join", "bo", group) == "group_not_open"
    world.pay(world.part("lea").id)
    joined(world, group, "bo", "cy")
    assert world.do("join", "dee", group) == "group_full"
    gone = opened(world, "max")
    assert world.do("leave", "max", gone) == "ok"
    assert world.groups[gone].state == "cancelled"
    assert world.do("join", "dee", gone) == "group_over"


@pytest.mark.parametrize(("off", "code"), [(-TICK, "ok"), (timedelta(0), "group_over"), (TICK, "group_over")])
def test_the_deadline_itself_is_too_late_to_join(off: timedelta, code: str) -> None:
    world = World()
    group = started(world)
    world.now += LIFE + off
    assert world.do("join", "bo", group) == code


def test_a_member_has_no_longer_to_pay_than_the_group_has_to_live() -> None:
    world = World()
    group = started(world)
    world.now += LIFE - PAY_WITHIN
    joined(world, group, "bo", paid=False)
    world.now += TICK
    joined(world, group, "cy", paid=False)
    assert world.part("bo").pay_by == world.part("cy").pay_by == START + LIFE


@pytest.mark.parametrize(("off", "code"), [(-TICK, "group_full"), (timedelta(0), "ok")])
def test_a_seat_whose_payment_window_is_over_goes_to_the_next_before_its_timer_fires(off: timedelta, code: str) -> None:
    world = World(campaign(2))
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += PAY_WITHIN + off
    assert world.do("join", "cy", group) == code
    assert ("group.seat_expired" in world.topics()) == (world.part("bo").state == "expired") == (code == "ok")


def test_one_live_group_for_a_customer_and_failed_ones_do_not_count() -> None:
    world = World(campaign(2, per_user=2))
    group, other = started(world), started(world, "max")
    assert world.do("open", "lea", sku="tea") == "live_limit"
    assert world.do("join", "lea", other) == "live_limit"
    joined(world, group, "bo")
    assert world.groups[group].state == "succeeded"
    # What succeeded is not live any more, but counts as one of two.
    assert world.do("join", "lea", other) == "ok"
    world.now += LIFE
    world.fire_due()
    assert world.groups[other].state == "failed"
    assert world.do("open", "lea", sku="tea") == "ok"
    world.pay(world.part("lea").id)
    joined(world, world.group_of[world.part("lea").id], "cy")
    assert world.do("open", "lea", sku="tea") == "user_limit"


def test_who_leaves_unpaid_just_leaves_and_who_has_paid_gets_it_back() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo")
    joined(world, group, "cy", paid=False)
    assert [world.do("leave", user, group) for user in ("cy", "bo", "bo", "dee")] == ["ok", "ok", "not_in_group", "not_in_group"]
    assert world.bills == [(world.part("bo").id, "left_group")]
    assert [world.part(user).live for user in ("bo", "cy")] == [False, False]
    assert world.groups[group].state == "open"


def test_nobody_leaves_a_group_that_has_succeeded() -> None:
    world = World(campaign(2))
    group = started(world)
    joined(world, group, "bo")
    assert world.do("leave", "bo", group) == "group_succeeded"
    assert world.bills == []


@pytest.mark.parametrize(("percent", "code", "state"), [(None, "group_over", "failed"), (50, "group_succeeded", "succeeded")])
def test_leaving_at_the_deadline_is_too_late_though_its_timer_has_not_fired(percent: int | None, code: str, state: str) -> None:
    world = World(campaign(4, percent=percent))
    group = started(world)
    joined(world, group, "bo")
    world.now += LIFE
    assert world.do("leave", "bo", group) == code
    world.fire_due()
    assert world.groups[group].state == state
    assert len(world.bills) == (2 if state == "failed" else 0)


def test_who_left_may_come_again() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo")
    world.do("leave", "bo", group)
    joined(world, group, "bo", "cy")
    assert world.groups[group].state == "succeeded"
    assert [part.state for part in world.parts.values() if part.subject == "bo"] == ["left", "served"]


def test_only_leaving_leads_to_no_reward_and_is_always_allowed() -> None:
    assert [(command.scene, command.rewards, command.when) for command in (OPEN, JOIN, LEAVE)] == [
        ("group_buy.open", True, "running"),
        ("group_buy.join", True, "begun"),
        (None, False, "always"),
    ]


def test_somebody_who_was_never_seen_is_no_member() -> None:
    world = World()
    group = started(world)
    nobody = Wish(None, {})
    assert getattr(LEAVE.wants(world.situation(group), nobody), "code", "") == "not_in_group"
    stranger = replace(nobody, fields={"order_id": "o9", "quantity": 1})
    assert isinstance(JOIN.wants(world.situation(group), stranger), Wants)
