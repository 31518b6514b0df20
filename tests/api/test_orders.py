"""An order as a session: step by step, in any order, each step once; shown with its lines and effects, and explained to the last fen."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.api.conftest import Shop
from tests.api.sales import event, pass_time

LINES = [{"sku": "tea", "amount_fen": 10_000}, {"sku": "cup", "category": "home", "amount_fen": 5_001}]
COUPON = """\
campaign: kind
mechanic: coupon
title: {zh: 券, en: coupon}
starts: 2026-11-01
ends: 2026-12-31
limits: {total: 100, per_user: 3}
coupon: {valid_for: 30d, amount: "30.00", threshold: "99.00"}
"""
GIFT = """\
campaign: gift
mechanic: coupon
title: {zh: 下单有礼, en: a gift for ordering}
starts: 2026-11-01
ends: 2026-12-31
limits: {total: 100, per_user: 9}
coupon: {valid_for: 30d, amount: "5.00", take: event, on_event: order.created}
"""


def step(shop: Shop, name: str, order: str = "o1", user: str = "ann", **more: Any) -> Any:
    reply = shop.post(f"/v1/orders/{order}/{name}", {"user": user, **more})
    assert reply.status_code == 200, reply.json
    return [effect["type"] for effect in reply.json["effects"]]


def look(shop: Shop, order: str = "o1") -> Any:
    return shop.get(f"/v1/orders/{order}").json


def kept(shop: Shop, order: str = "o1") -> list[int]:
    return [line["kept_fen"] for line in look(shop, order)["lines"]]


def coupon(shop: Shop, user: str = "ann") -> str:
    shop.publish(COUPON)
    return str(shop.post("/v1/campaigns/kind/claims", {"user": user}).json["reward"]["id"])


def test_an_order_goes_its_way_and_every_step_is_listed_with_what_it_caused(shop: Shop) -> None:
    reward = coupon(shop)
    assert step(shop, "open", lines=LINES) == []
    assert look(shop)["state"] == "open"
    assert step(shop, "pay", amount_fen=12_001, list_fen=15_001, lines=LINES, reward_ids=[reward]) == ["reward.used"]
    assert (look(shop)["state"], kept(shop)) == ("paid", [8_000, 4_001])
    assert step(shop, "refunds", refund_id="r1", amount_fen=4_001, lines=[{"sku": "cup", "amount_fen": 4_001}]) == ["reward.reversed"]
    assert (look(shop)["state"], kept(shop)) == ("partially_returned", [8_000, 0])
    assert step(shop, "cancel") == ["reward.released"]
    shown = look(shop)
    assert shown["state"] == "cancelled"
    assert [(one["kind"], one["ref"], [effect["type"] for effect in one["effects"]]) for one in shown["steps"]] == [
        ("order.created", None, []),
        ("order.paid", None, ["reward.used"]),
        ("order.refunded", "r1", ["reward.reversed"]),
        ("order.cancelled", None, ["reward.released"]),
    ]
    used = shown["steps"][1]["effects"][0]
    assert (used["campaign"], used["version"], used["rule"], used["amount_fen"]) == ("kind", 1, "coupon", 3_000)


@pytest.mark.parametrize("steps", list(itertools.permutations(["open", "pay", "refunds"])), ids="-".join)
def test_steps_in_any_order_and_twice_come_to_the_same(shop: Shop, steps: tuple[str, ...]) -> None:
    reward = coupon(shop)
    told: dict[str, dict[str, Any]] = {
        "open": {"lines": LINES},
        "pay": {"amount_fen": 12_001, "list_fen": 15_001, "lines": LINES, "reward_ids": [reward]},
        "refunds": {"refund_id": "r1", "amount_fen": 1_000, "lines": [{"sku": "tea", "amount_fen": 1_000}]},
    }
    for name in (*steps, *steps):
        step(shop, name, **told[name])
    assert (look(shop)["state"], kept(shop)) == ("partially_returned", [7_000, 4_001])
    assert shop.get(f"/v1/rewards/{reward}").json["reversed_fen"] == 3_000 * 1_000 // 12_001
    explained = shop.get("/v1/orders/o1/ledger").json
    assert explained["sum_fen"] == 0
    assert explained["balances"]["discounts/kind"] == 3_000 - 3_000 * 1_000 // 12_001


def test_a_refund_without_lines_is_spread_over_what_is_left(shop: Shop) -> None:
    step(shop, "pay", amount_fen=15_001, lines=LINES)
    step(shop, "refunds", refund_id="r1", amount_fen=5_001, lines=[{"line": 1, "sku": "cup", "amount_fen": 5_001}])
    step(shop, "refunds", refund_id="r2", amount_fen=4_000)
    assert kept(shop) == [6_000, 0]
    step(shop, "refunds", refund_id="r3", amount_fen=6_000)
    assert (look(shop)["state"], kept(shop)) == ("cancelled", [0, 0])


def test_the_shares_of_lines_sum_to_what_was_paid(shop: Shop) -> None:
    lines = [{"sku": f"s{number}", "amount_fen": 333} for number in range(3)] + [{"sku": "free", "amount_fen": 0}]
    step(shop, "pay", amount_fen=100, lines=lines)
    assert kept(shop) == [33, 33, 34, 0]


def test_a_step_that_is_told_otherwise_is_a_conflict(shop: Shop) -> None:
    step(shop, "open", lines=LINES)
    other = shop.post("/v1/orders/o1/pay", {"user": "ann", "amount_fen": 100, "lines": LINES[:1]})
    assert (other.status_code, other.json["code"]) == (409, "order_lines_differ")
    step(shop, "pay", amount_fen=15_001)
    assert shop.post("/v1/orders/o1/pay", {"user": "ann", "amount_fen": 15_000}).json["code"] == "event_id_reused"
    assert event(shop, "order.paid", "o1", "ann", "another-id", amount_fen=15_000).json["code"] == "paid_amount_differs"
    assert shop.post("/v1/orders/o1/cancel", {"user": "bob"}).json["code"] == "order_of_another"
    uneven = shop.post("/v1/orders/o1/refunds", {"user": "ann", "refund_id": "r", "amount_fen": 5, "lines": [{"sku": "tea", "amount_fen": 4}]})
    assert (uneven.status_code, uneven.json["errors"][0]["pointer"]) == (422, "/lines")
    assert shop.post(f"/v1/orders/{'o' * 65}/cancel", {"user": "ann"}).status_code == 422


def test_what_nothing_is_known_of_is_not_found_and_another_shop_sees_nothing(shop: Shop) -> None:
    assert shop.get("/v1/orders/none").json["code"] == "order_not_found"
    step(shop, "open")
    assert shop.get("/v1/orders/o1", "other").json["code"] == "order_not_found"
    assert shop.get("/v1/orders/o1/ledger", "other").json["code"] == "order_not_found"


def test_what_an_order_gave_by_itself_goes_with_it(shop: Shop) -> None:
    shop.publish(GIFT)
    assert step(shop, "open") == ["reward.posted"]
    [gift] = look(shop)["given"]
    assert (gift["campaign"], gift["state"]) == ("gift", "posted")
    assert step(shop, "cancel") == ["reward.reversed"]
    assert look(shop)["given"][0]["state"] == "reversed"
    assert shop.get("/v1/orders/o1/ledger").json["balances"] == {"entitlement/" + look(shop)["subject"]: 0, "promotion/gift": 0}


def test_a_gift_that_was_spent_is_kept_and_said_so(shop: Shop) -> None:
    shop.publish(GIFT)
    step(shop, "open")
    gift = look(shop)["given"][0]["reward"]
    step(shop, "pay", "o2", amount_fen=9_500, list_fen=10_000, reward_ids=[gift])
    reply = shop.post("/v1/orders/o1/cancel", {"user": "ann"}).json["effects"]
    assert [(one["type"], one["reason"]) for one in reply] == [("reward.kept", "spent")]
    assert shop.get(f"/v1/rewards/{gift}").json["use_state"] == "used"


def test_an_order_that_is_not_named_is_only_seen(shop: Shop) -> None:
    assert shop.post("/v1/events", {"id": "e1", "type": "order.created", "user": "ann"}).json["effects"] == []


def test_a_discount_of_a_part_is_explained_with_its_order(shop: Shop) -> None:
    shop.publish(
        "campaign: eight\nmechanic: seckill\ntitle: t\nstarts: 2026-11-01\nends: 2026-12-31\nlimits: {per_user: 4}\n"
        'seckill: {pay_within: 10m, skus: [{sku: watch, list: "899.00", price: "199.00", stock: 4}]}\n'
    )
    assert shop.post("/v1/campaigns/eight/purchases", {"user": "ann", "sku": "watch", "order_id": "o1"}).status_code == 201
    step(shop, "pay", amount_fen=19_900)
    pass_time(shop, seconds=1)
    explained = shop.get("/v1/orders/o1/ledger", "compliance").json
    assert explained["balances"] == {"discounts/eight": 70_000, "promotion/eight": -70_000}
    assert [one["reason"] for one in explained["transfers"]] == ["reward.posted"]


def test_a_shop_tells_what_each_line_paid_and_refunds_follow_that(shop: Shop) -> None:
    lines = [LINES[0] | {"paid_fen": 9_999}, LINES[1] | {"paid_fen": 2_002}]
    assert step(shop, "pay", amount_fen=12_001, lines=lines) == []
    assert kept(shop) == [9_999, 2_002]
    wrong = shop.post("/v1/orders/o2/pay", {"user": "ann", "amount_fen": 12_000, "lines": lines})
    assert (wrong.status_code, wrong.json["code"]) == (409, "line_payments_differ")
    half = shop.post("/v1/orders/o3/pay", {"user": "ann", "amount_fen": 12_001, "lines": [lines[0], LINES[1]]})
    assert (half.status_code, half.json["code"]) == (422, "line_payments_incomplete")
    assert shop.get("/v1/orders/o2").status_code == shop.get("/v1/orders/o3").status_code == 404


def test_lines_that_come_after_a_payment_without_any_change_nothing(shop: Shop) -> None:
    step(shop, "pay", amount_fen=12_001)
    assert event(shop, "order.paid", "o1", "ann", "again", amount_fen=12_001, lines=LINES).json["effects"] == []
    assert step(shop, "open", lines=LINES) == ["order.lines_late"]
    assert look(shop)["lines"] == []
