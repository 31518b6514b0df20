"""砍价 over HTTP: cuts that sum exactly, one order at a time, and a success that a cancelled order frees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Shop
from tests.api.sales import bills, cancel, pass_time, pay, refund, rewards_of
from tests.lawful import DISCLOSURE

BARGAIN = """\
campaign: chop
mechanic: bargain
title: {zh: 好友砍价, en: bargain}
starts: 2026-11-01
ends: 2026-11-30
limits: {per_user: 2}
bargain:
  skus: [{sku: fan, list: "99.00", floor: "9.90", stock: 5}]
  cuts: 4
  life: 24h
  new_helper: {registered_within: 7d}
  helps_per_user: 2
  pay_within: 30m
"""
LIST, FLOOR = 9900, 990


def start(shop: Shop, user: str = "amy") -> Any:
    return shop.post("/v1/campaigns/chop/bargains", {"user": user, "sku": "fan"})


def cut(shop: Shop, bargain: str, user: str, **more: Any) -> Any:
    return shop.post(f"/v1/campaigns/chop/bargains/{bargain}/cuts", {"user": user, **more})


def order(shop: Shop, bargain: str, order_id: str, user: str = "amy") -> Any:
    return shop.post(f"/v1/campaigns/chop/bargains/{bargain}/order", {"user": user, "order_id": order_id})


def reached(shop: Shop) -> str:
    """A bargain at its floor."""
    bargain = str(start(shop).json["instance"]["id"])
    assert [cut(shop, bargain, user).status_code for user in "xyz"] == [201] * 3
    return bargain


def look(shop: Shop, bargain: str) -> Any:
    return shop.get(f"/v1/instances/{bargain}").json


def test_friends_cut_the_price_to_its_floor_and_it_is_bought(shop: Shop) -> None:
    shop.publish(BARGAIN)
    begun = start(shop)
    assert begun.status_code == 201, begun.json
    shown = begun.json["instance"]
    assert (shown["state"], shown["cuts_made"], shown["cuts_needed"]) == ("cutting", 1, 4)
    prices = [shown["price_fen"]]
    bargain = shown["id"]
    assert order(shop, bargain, "early").json["code"] == "floor_not_reached"
    for user in "xyz":
        made = cut(shop, bargain, user)
        prices.append(made.json["instance"]["price_fen"])
    assert LIST > prices[0] > prices[1] > prices[2] > prices[3] == FLOOR
    assert made.json["instance"]["state"] == "reached"
    assert sum(one["cut_fen"] for one in look(shop, bargain)["cuts"]) == LIST - FLOOR
    assert cut(shop, bargain, "late").json["code"] == "bargain_reached"
    placed = order(shop, bargain, "o1")
    assert (placed.status_code, placed.json["part"]["price_fen"]) == (201, FLOOR)
    assert "bargain.succeeded" in pay(shop, "o1", "amy", FLOOR)
    assert rewards_of(shop, "chop") == [("discount", "posted", LIST - FLOOR)]
    assert look(shop, bargain)["state"] == "bought"
    assert order(shop, bargain, "o2").json["code"] == "bargain_over"


def test_cuts_that_meet_never_pass_the_floor(shop: Shop) -> None:
    """CRMEB: the price was read, changed and written back."""
    shop.publish(BARGAIN)
    bargain = start(shop).json["instance"]["id"]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: cut(shop, bargain, f"u{number}"), range(16)))
    assert sum(reply.status_code == 201 for reply in replies) == 3
    shown = look(shop, bargain)
    assert (shown["price_fen"], shown["cuts_made"]) == (FLOOR, 4)
    assert sum(one["cut_fen"] for one in shown["cuts"]) == LIST - FLOOR


def test_the_end_of_a_bargain_is_kept_by_a_timer_and_by_the_clock(shop: Shop) -> None:
    """ruoyi-vue-pro: no job ever ended one."""
    shop.publish(BARGAIN)
    bargain = start(shop).json["instance"]["id"]
    shop.clock.turn(hours=24, microseconds=-1)
    assert cut(shop, bargain, "x").status_code == 201
    shop.clock.turn(microseconds=1)
    # Before the timer has fired, too.
    assert cut(shop, bargain, "y").json["code"] == "bargain_over"
    pass_time(shop)
    assert look(shop, bargain)["state"] == "expired"


def test_a_cancelled_order_frees_the_success(shop: Shop) -> None:
    """ruoyi-vue-pro: a success that was ordered and cancelled could never be ordered again."""
    shop.publish(BARGAIN)
    bargain = reached(shop)
    assert order(shop, bargain, "o1").status_code == 201
    again = order(shop, bargain, "o2")
    assert (again.json["code"], again.json["order_id"]) == ("bargain_ordered", "o1")
    assert "bargain.order_undone" in cancel(shop, "o1", "amy")
    assert look(shop, bargain)["state"] == "reached"
    assert order(shop, bargain, "o2").status_code == 201
    pay(shop, "o2", "amy", FLOOR)
    assert rewards_of(shop, "chop") == [("discount", "void", 0), ("discount", "posted", LIST - FLOOR)]


def test_an_unpaid_order_frees_the_success_and_its_late_payment_goes_back(shop: Shop) -> None:
    shop.publish(BARGAIN)
    bargain = reached(shop)
    order(shop, bargain, "o1")
    shop.clock.turn(minutes=30)
    # The timer is late.
    assert order(shop, bargain, "o2").status_code == 201
    assert pay(shop, "o1", "amy", FLOOR) == ["refund.instructed"]
    assert bills(shop) == {"o1": (FLOOR, "paid_too_late")}
    pass_time(shop)
    assert look(shop, bargain)["state"] == "ordered"


def test_an_order_outlives_the_deadline_for_its_payment_window(shop: Shop) -> None:
    shop.publish(BARGAIN)
    bargain = reached(shop)
    pass_time(shop, hours=23, minutes=50)
    order(shop, bargain, "o1")
    pass_time(shop, minutes=20)
    assert look(shop, bargain)["state"] == "ordered"
    assert "bargain.succeeded" in pay(shop, "o1", "amy", FLOOR)


def test_a_whole_refund_takes_the_discount_back_and_frees_the_stock(shop: Shop) -> None:
    shop.publish(BARGAIN.replace("stock: 5", "stock: 1"))
    bargain = reached(shop)
    order(shop, bargain, "o1")
    pay(shop, "o1", "amy", FLOOR)
    assert "reward.reversed" in refund(shop, "o1", "amy", FLOOR)
    assert look(shop, bargain)["state"] == "reached"
    assert order(shop, bargain, "o2").status_code == 201


def test_a_brand_new_helper_takes_two_cuts_and_nobody_else_does(shop: Shop) -> None:
    shop.publish(BARGAIN)
    bargain = start(shop).json["instance"]["id"]
    now = shop.clock.now()
    new = cut(shop, bargain, "new", registered_at=(now - timedelta(days=7) + timedelta(microseconds=1)).isoformat())
    assert new.json["part"]["data"]["seats"] == [1, 2]
    future = cut(shop, bargain, "liar", registered_at=(now + timedelta(days=1)).isoformat())
    assert (future.json["part"]["data"]["seats"], future.json["instance"]["price_fen"]) == ([3], FLOOR)


def test_the_last_place_alone_is_left_for_a_brand_new_helper(shop: Shop) -> None:
    shop.publish(BARGAIN.replace("cuts: 4", "cuts: 2"))
    bargain = start(shop).json["instance"]["id"]
    new = cut(shop, bargain, "new", registered_at=shop.clock.now().isoformat())
    assert (new.json["part"]["data"]["seats"], new.json["instance"]["price_fen"]) == ([1], FLOOR)


def test_who_may_cut_and_how_often(shop: Shop) -> None:
    shop.publish(BARGAIN)
    bargains = [start(shop, user).json["instance"]["id"] for user in ("amy", "ben", "cat")]
    assert cut(shop, bargains[0], "amy").json["code"] == "own_bargain"
    assert cut(shop, bargains[0], "x").status_code == 201
    assert cut(shop, bargains[0], "x").json["code"] == "already_helped"
    assert cut(shop, bargains[1], "x").status_code == 201
    assert cut(shop, bargains[2], "x").json["code"] == "helper_limit"
    assert order(shop, bargains[0], "o1", "ben").json["code"] == "not_yours"
    assert start(shop, "amy").status_code == 201
    assert start(shop, "amy").json["code"] == "user_limit"
    assert shop.post("/v1/campaigns/chop/bargains", {"user": "dan", "sku": "tv"}).json["code"] == "unknown_sku"


def test_the_present_price_may_be_bought_where_the_campaign_says_so(shop: Shop) -> None:
    """阶梯定价."""
    shop.publish(BARGAIN + "  order_any_time: true\n" + DISCLOSURE)
    bargain = start(shop).json["instance"]["id"]
    price = cut(shop, bargain, "x").json["instance"]["price_fen"]
    placed = order(shop, bargain, "o1")
    assert placed.json["part"]["price_fen"] == price
    # The price that was ordered is kept: no cut while it waits for its payment.
    assert cut(shop, bargain, "y").json["code"] == "bargain_ordered"
    told = pay(shop, "o1", "amy", price)
    assert "bargain.bought" in told
    assert "bargain.succeeded" not in told
    assert rewards_of(shop, "chop") == [("discount", "posted", LIST - price)]


@pytest.mark.parametrize("own", [True, False])
def test_the_initiators_own_cut_counts_where_the_campaign_says_so(shop: Shop, own: bool) -> None:
    shop.publish(BARGAIN + f"  own_cut: {str(own).lower()}\n")
    shown = start(shop).json["instance"]
    assert shown["cuts_made"] == (1 if own else 0)
    assert (shown["price_fen"] < LIST) is own


def test_the_stock_is_taken_by_the_order_and_not_by_the_bargain(shop: Shop) -> None:
    shop.publish(BARGAIN.replace("stock: 5", "stock: 1").replace("helps_per_user: 2", "helps_per_user: 9"))
    bargains = []
    for user in ("amy", "ben"):
        bargains.append(start(shop, user).json["instance"]["id"])
        for helper in "xyz":
            cut(shop, bargains[-1], helper)
    assert order(shop, bargains[0], "o1").status_code == 201
    assert order(shop, bargains[1], "o2", "ben").json["code"] == "sold_out"
    cancel(shop, "o1", "amy")
    assert order(shop, bargains[1], "o2", "ben").status_code == 201
