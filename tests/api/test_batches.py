"""Batches of events and checks, and custom fields: each item by itself, in its place, and nothing strange is a fault of ours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from fraud.store.tables import events
from tests.api.conftest import Shop

POLICY = """\
policy: big-baskets
scene: coupon.claim
fields: {items: number, channel: text, waited: duration, since: time, gift: boolean}
features:
  items_of_user: {sum: items, by: user, window: 1h}
  seen_pages: {count: events, by: [user, channel], window: 1h, on: [page.viewed], where: "waited < 5s"}
rules:
  - id: hoarder
    when: items_of_user > 10
    score: 100
    reason: {code: too_many, zh: 件数过多, en: too many items}
  - id: reader
    when: seen_pages >= 2
    score: 60
    reason: {code: pages, zh: 浏览过快, en: pages too fast}
bands: {review: 50, reject: 90}
when_unavailable: hold
tests:
  - name: one
    events: [{at: +0s, user: u, items: 1}]
    expect: {decision: allow}
  - name: many
    events: [{at: +0s, user: u, items: 11}]
    expect: {decision: reject}
"""


def live_policy(shop: Shop) -> None:
    made = shop.post("/v1/policies", {"source": POLICY}, "marketer")
    assert made.status_code == 201, made.json
    done = shop.post(f"/v1/approvals/{made.json['approval_id']}/approve", {"reason": "ok"}, "compliance")
    assert done.status_code == 200, done.json


def check(shop: Shop, number: int, **more: Any) -> Any:
    return shop.post("/v1/risk/checks", {"id": f"c{number}", "scene": "coupon.claim", "policy": "big-baskets", "user": "ann", **more})


def test_custom_fields_are_counted_as_they_are_declared(shop: Shop) -> None:
    live_policy(shop)
    assert check(shop, 1, custom={"items": 6}).json["outcome"] == "allow"
    assert check(shop, 2, custom={"items": 5}).json["outcome"] == "reject"
    pages = [{"id": f"p{n}", "type": "page.viewed", "user": "bob", "custom": {"channel": "app", "waited": wait}} for n, wait in enumerate([1, 4.5, 60])]
    assert shop.post("/v1/events/batch", {"events": pages}).json["failed"] == 0
    looked = check(shop, 3, user="bob", custom={"channel": "app"}).json
    assert (looked["outcome"], [one["code"] for one in looked["reasons"]]) == ("review", ["pages"])


def test_a_value_of_another_kind_is_missing_and_no_fault(shop: Shop) -> None:
    live_policy(shop)
    for number, value in enumerate(["many", True, 1e300, -0.0, 2**53 - 1, "9" * 500, ""]):
        custom = dict.fromkeys(("items", "channel", "waited", "since", "gift", "undeclared"), value)
        # Each another user's: what one told must not count for the next.
        found = check(shop, number, user=f"u{number}", custom=custom)
        assert (found.status_code, found.json["outcome"]) == (200, "reject" if value == 2**53 - 1 else "allow")
        assert check(shop, number, user=f"u{number}", custom=custom).json["id"] == found.json["id"]
        assert check(shop, number, user=f"u{number}", custom=custom | {"undeclared": "x"}).json["code"] == "event_id_reused"


def test_what_is_no_field_is_told_at_its_place(shop: Shop) -> None:
    strange: list[tuple[Any, str]] = [
        ({"amount": 1}, "/custom/amount"),
        ({"Ünicode": 1}, "/custom/Ünicode"),
        ({"x": None}, "/custom/x"),
        ({"x": [1]}, "/custom/x"),
        ({"x": "y" * 501}, "/custom/x"),
        ({f"x{n}": 1 for n in range(33)}, "/custom"),
        ("text", "/custom"),
    ]
    for custom, pointer in strange:
        refused = check(shop, 1, custom=custom)
        assert (refused.status_code, refused.json["code"], refused.json["errors"][0]["pointer"]) == (422, "invalid_request", pointer)


def test_a_bad_item_keeps_none_of_the_others_back(shop: Shop) -> None:
    good = [{"id": f"e{n}", "type": "page.viewed", "user": f"u{n}"} for n in range(3)]
    strange = [{"id": "x", "type": "order.paid", "user": "u"}, {"id": "e0", "type": "page.viewed", "user": "other"}, "text", None, {"id": "y", "hack": 1}]
    paid = {"id": "pay", "type": "order.paid", "user": "u9", "order_id": "o9", "amount_fen": 100}
    batch = {"events": [good[0], *strange, *good[1:], paid]}
    reply = shop.post("/v1/events/batch", batch)
    assert reply.status_code == 200
    assert [one["status"] for one in reply.json["items"]] == [200, 422, 409, 422, 422, 422, 200, 200, 200]
    assert reply.json["failed"] == 5
    assert reply.json["items"][1]["problem"]["errors"][0]["pointer"] == "/order_id"
    assert reply.json["items"][2]["problem"]["code"] == "event_id_reused"
    assert shop.get("/v1/orders/o9").json["state"] == "paid"
    # Sent again, nothing happens twice and the same is said.
    assert shop.post("/v1/events/batch", batch).json == reply.json
    with shop.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == 4


def test_a_thousand_fit_and_one_more_does_not(shop: Shop) -> None:
    many = [{"id": f"e{n}", "scene": "coupon.claim", "user": f"u{n}"} for n in range(1_001)]
    assert shop.post("/v1/risk/checks/batch", {"checks": many}).json["code"] == "invalid_request"
    reply = shop.post("/v1/risk/checks/batch", {"checks": many[1:]}).json
    assert (len(reply["items"]), reply["failed"]) == (1_000, 0)
    assert {one["body"]["outcome"] for one in reply["items"]} == {"allow"}
    for empty in ([], None, "x"):
        assert shop.post("/v1/events/batch", {"events": empty}).status_code == 422
    assert shop.post("/v1/events/batch", {"events": [{}]}, "marketer").status_code == 403
