"""A shop asks about an order under the id and type by which it tells of it later: the question never takes the order's place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.conftest import Shop
from tests.api.test_policies import publish
from tests.fraud.rulesets.shelf import policy_file

POLICY = """\
policy: orders
scene: order.paid
features:
  orders_1h: {count: events, by: user, window: 1h}
rules:
  - id: two
    when: orders_1h == 2
    score: 50
    reason: {code: many_orders, zh: 下单过于频繁, en: too many orders}
  - id: three
    when: orders_1h >= 3
    score: 90
    reason: {code: too_many_orders, zh: 下单过于频繁, en: too many orders}
bands: {review: 50, reject: 90}
when_unavailable: hold
tests:
  - name: the third
    given: {user: a}
    events: [{at: +0s}, {at: +1s}, {at: +2s}]
    expect: {hits: [three], decision: reject}
  - name: the second
    given: {user: a}
    events: [{at: +0s}, {at: +1s}]
    expect: {hits: [two], decision: review}
"""
PAID = {"id": "o1", "user": "ann", "order_id": "o1", "amount_fen": 5000}


@pytest.fixture
def asking(shop: Shop) -> Shop:
    publish(shop, policy_file(policy="orders", scene="order.paid"))
    # The first who asks reads what was published; whoever asks meanwhile does not wait for it.
    assert check(shop, id="o0").status_code == 200
    assert shop.clerk().drain() == 1
    return shop


def check(shop: Shop, **more: Any) -> Any:
    return shop.post("/v1/risk/checks", {**PAID, "scene": "order.paid", **more})


def order(shop: Shop, **more: Any) -> Any:
    return shop.post("/v1/events", {**PAID, "type": "order.paid", **more})


def paid_fen(shop: Shop) -> Any:
    """What the order's steps say was paid, None where there is no such order."""
    found = shop.get("/v1/orders/o1")
    return found.json["paid_fen"] if found.status_code == 200 else None


def decided(shop: Shop, made: Any) -> str:
    return str(shop.get(f"/v1/decisions/{made.json['id']}", "compliance").json["outcome"])


def test_a_check_on_record_leaves_room_for_its_order(asking: Shop) -> None:
    made = check(asking)
    assert asking.clerk().drain() == 1
    told = order(asking)
    assert (made.status_code, told.status_code, paid_fen(asking)) == (200, 200, 5000)
    assert (order(asking).json, paid_fen(asking)) == (told.json, 5000)


def test_an_order_that_says_more_than_its_check_is_no_contradiction(asking: Shop) -> None:
    check(asking)
    asking.clerk().drain()
    lines = {"lines": [{"sku": "tea", "amount_fen": 5000}]}
    assert (order(asking, **lines).status_code, paid_fen(asking)) == (200, 5000)
    assert order(asking, amount_fen=4000).json["code"] == "event_id_reused"


def test_an_order_on_record_leaves_room_for_its_check(asking: Shop) -> None:
    order(asking)
    made = check(asking, device="d1")
    assert asking.clerk().drain() == 1
    assert (decided(asking, made), paid_fen(asking)) == ("allow", 5000)
    # The check has an event of its own, which can be told of.
    told = asking.post(f"/v1/risk/checks/{made.json['id']}/confirm", {"order_id": "o1"})
    assert (told.status_code, told.json["outcome_told"]["told"]) == (200, "confirmed")


def test_a_check_and_its_order_at_the_same_time_both_stand(asking: Shop) -> None:
    def one(turn: int) -> Any:
        return (check, order)[turn % 2](Shop(asking.app, asking.app.test_client(), asking.services, asking.clock, asking.keys))

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(one, range(8)))
    assert {one.status_code for one in replies} == {200}
    asking.clerk().drain()
    assert (paid_fen(asking), {decided(asking, one) for one in replies[::2]}) == (5000, {"allow"})


def test_a_batch_of_orders_is_taken_after_a_batch_of_their_checks(asking: Shop) -> None:
    bodies = [{**PAID, "id": f"o{n}", "order_id": f"o{n}"} for n in (1, 2)]
    asked = asking.post("/v1/risk/checks/batch", {"checks": [{**body, "scene": "order.paid"} for body in bodies]}).json
    assert asking.clerk().drain() == 2
    told = asking.post("/v1/events/batch", {"events": [{**body, "type": "order.paid"} for body in bodies]}).json
    assert (asked["failed"], told["failed"]) == (0, 0)
    assert [asking.get(f"/v1/orders/o{n}").json["paid_fen"] for n in (1, 2)] == [5000, 5000]


def test_one_id_in_two_scenes_are_two_events_of_two_people(asking: Shop) -> None:
    publish(asking, policy_file(policy="returns", scene="order.return"))
    ann, bob = check(asking), check(asking, scene="order.return", user="bob")
    assert asking.clerk().drain() == 2
    for made in (ann, bob):
        assert asking.post(f"/v1/risk/checks/{made.json['id']}/cancel", {}).status_code == 200


@pytest.mark.parametrize("first", [check, order])
def test_an_order_that_happened_counts_on_when_its_check_is_cancelled(shop: Shop, first: Any) -> None:
    publish(shop, POLICY)
    made = first(shop), (order if first is check else check)(shop)
    decision = next(one.json["id"] for one in made if "outcome" in one.json)
    assert shop.post(f"/v1/risk/checks/{decision}/cancel", {}).json["outcome_told"]["told"] == "cancelled"
    assert check(shop, id="o2").json["outcome"] == "review"
    assert shop.post(f"/v1/risk/checks/{check(shop, id='o3').json['id']}/cancel", {}).status_code == 200
    assert check(shop, id="o4").json["outcome"] == "reject"


def test_an_order_told_of_after_its_check_was_cancelled_is_taken_and_no_window_counts_it(shop: Shop) -> None:
    publish(shop, POLICY)
    assert shop.post(f"/v1/risk/checks/{check(shop).json['id']}/cancel", {}).status_code == 200
    assert (order(shop).status_code, paid_fen(shop)) == (200, 5000)
    assert check(shop, id="o2").json["outcome"] == "allow"
