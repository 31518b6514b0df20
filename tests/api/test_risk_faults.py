"""What a check or an event over HTTP answers to strange input and to a Redis that is full."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.hotstate.clients import HotState
from tests.api.conftest import Shop


def check(shop: Shop, **fields: Any) -> Any:
    return shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "ann", **fields})


def test_what_is_too_long_or_no_address_or_no_time_is_told_at_its_place(shop: Shop) -> None:
    strange = [
        ("device", "d" * 10_000),
        ("device", "😀" * 257),
        ("ip", "fe80::1%eth0"),
        ("ip", "::ffff:1.2.3.4%" + "x" * 10_000),
        ("ip", "2001:db8::1/64"),
        ("occurred_at", "2026-11-20T04:00:00"),
        ("occurred_at", "0001-01-01T00:00:00+14:00"),
        ("session_started_at", "9999-12-31T23:59:59-14:00"),
    ]
    for field, value in strange:
        refused = check(shop, **{field: value})
        told = (refused.status_code, refused.json["code"], refused.json["errors"][0]["pointer"])
        assert told == (422, "invalid_request", f"/{field}"), value


def test_what_is_only_unusual_is_checked_and_reaches_the_record(shop: Shop) -> None:
    unusual = [
        {"ip": "2001:DB8::1"},
        {"ip": "::ffff:1.2.3.4"},
        {"user": "👨‍👩‍👧 小明", "device": "😀" * 256, "id": "🎉" * 128, "address": "北京 🏠" * 80},
        {"occurred_at": "1970-01-01T00:00:00Z", "session_started_at": "1900-01-01T14:00:00+14:00"},
        {"occurred_at": "2199-12-31T09:59:59-14:00", "session_started_at": "2200-01-01T00:00:00Z"},
    ]
    made = [check(shop, **{"id": f"c{number}", **fields}) for number, fields in enumerate(unusual)]
    assert {(one.status_code, one.json["outcome"], one.json["degraded"]) for one in made} == {(200, "allow", False)}
    assert shop.clerk().drain() == len(unusual)
    assert {shop.get(f"/v1/decisions/{one.json['id']}", "compliance").json["outcome"] for one in made} == {"allow"}


def test_a_client_whose_clock_is_ahead_may_retry_when_it_is_believed(shop: Shop) -> None:
    for path, more in (("/v1/risk/checks", {"scene": "coupon.claim"}), ("/v1/events", {"type": "page.viewed"})):
        body = {"id": "e1", "user": "ann", "occurred_at": (shop.now() + timedelta(minutes=5)).isoformat(), **more}
        first = shop.post(path, body)
        shop.clock.turn(minutes=5)
        again = shop.post(path, body)
        assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
        other = shop.post(path, body | {"occurred_at": (shop.now() + timedelta(hours=1)).isoformat()})
        assert (other.status_code, other.json["code"]) == (409, "event_id_reused")


def test_a_full_redis_degrades_a_check_and_keeps_no_event_back(shop: Shop, hot: HotState) -> None:
    try:
        hot.config_set("maxmemory", 1)
        done = check(shop)
        seen = shop.post("/v1/events", {"id": "e1", "type": "page.viewed", "user": "ann"})
        items = shop.post("/v1/risk/checks/batch", {"checks": [{"id": "c2", "scene": "coupon.claim", "user": "bob"}, None]}).json["items"]
    finally:
        hot.config_set("maxmemory", 0)
    assert (done.status_code, done.json["outcome"], done.json["degraded"]) == (200, "review", True)
    assert shop.get(f"/v1/decisions/{done.json['id']}", "compliance").json["degraded"]
    assert seen.status_code == 200
    assert [one["status"] for one in items] == [200, 422]
    assert items[0]["body"]["degraded"]
