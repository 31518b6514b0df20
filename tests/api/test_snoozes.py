"""Snoozes over HTTP: the next check hears of one at once, a long one waits for a second person, an ended one is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.access.principals import add_principal, create_key
from tests.api.conftest import MERCHANT, Shop


def add(shop: Shop, value: str = "d1", days: float = 3, who: str = "compliance", **more: Any) -> Any:
    until = (shop.now() + timedelta(days=days)).isoformat()
    body = {"policy": "new-user-claim", "rule": "device-farm", "field": "device", "value": value, "until": until, "comment": "a phone shop", **more}
    return shop.post("/v1/snoozes", body, who)


def check(shop: Shop, number: int, device: str = "d1") -> Any:
    return shop.post("/v1/risk/checks", {"id": f"c{number}", "scene": "coupon.claim", "user": f"u{number}", "device": device}).json


def test_a_rule_is_silenced_for_one_device_and_speaks_again_when_it_is_ended(shop: Shop) -> None:
    assert [check(shop, number)["outcome"] for number in range(3)] == ["allow", "allow", "reject"]
    made = add(shop)
    assert (made.status_code, made.json["state"], made.json["value"]) == (201, "standing", "d****")
    silenced = check(shop, 3)
    assert (silenced["outcome"], [one["code"] for one in silenced["reasons"]]) == ("allow", ["device_used_by_two_accounts"])
    assert [check(shop, number, "d2")["outcome"] for number in range(10, 13)] == ["allow", "allow", "reject"]
    assert [one["id"] for one in shop.get("/v1/snoozes?policy=new-user-claim", "marketer").json["items"]] == [made.json["id"]]
    assert shop.get("/v1/snoozes?policy=another", "compliance").json["items"] == []
    assert shop.get("/v1/snoozes", "other").json["items"] == []
    shop.clerk().drain()
    assert shop.get(f"/v1/decisions/{silenced['id']}", "compliance").json["results"]["device-farm"] == "snoozed"
    assert shop.call("DELETE", f"/v1/snoozes/{made.json['id']}", who="other").status_code == 404
    ended = shop.call("DELETE", f"/v1/snoozes/{made.json['id']}", who="compliance")
    assert (ended.status_code, ended.json["state"]) == (200, "ended")
    assert check(shop, 4)["outcome"] == "reject"
    assert shop.call("DELETE", f"/v1/snoozes/{made.json['id']}", who="compliance").json["code"] == "snooze_over"


def test_a_long_one_waits_for_a_second_person(shop: Shop) -> None:
    for number in range(2):
        check(shop, number)
    asked = add(shop, days=8).json
    assert asked["state"] == "waiting"
    assert check(shop, 2)["outcome"] == "reject"
    approve = f"/v1/approvals/{asked['approval_id']}/approve"
    assert shop.post(approve, {"reason": "mine"}, "compliance").json["code"] == "own_work"
    with shop.services.database.write() as connection:
        second = add_principal(connection, merchant=MERCHANT, kind="person", name="second", actor="system", now=shop.now())
        _, shop.keys["second"] = create_key(connection, principal_id=second, scopes=["compliance"], actor="system", now=shop.now())
    assert shop.post(approve, {"reason": "visited them"}, "second").status_code == 200
    assert check(shop, 3)["outcome"] == "allow"


def test_who_may_not_and_what_makes_no_sense(shop: Shop) -> None:
    assert [add(shop, who=who).status_code for who in ("shop", "marketer")] == [403, 403]
    assert [add(shop, days=31).json["code"], add(shop, rule="nobody").json["code"]] == ["bad_snooze_time", "unknown_rule"]
