"""Lists over HTTP: a blocked device is refused by the next check, an allowed one passes no limit of money, and why is one call."""

from __future__ import annotations

from typing import Any

import pytest

from core.access.principals import add_principal, create_key
from tests.api.conftest import MERCHANT, Shop

POLICY = """\
policy: by-lists
scene: coupon.claim
features:
  blocked: {listed: blocked-devices, by: device}
  trusted: {listed: trusted-users, by: user}
  cloud: {listed: clouds, by: ip}
rules:
  - id: blocked
    when: blocked
    score: 100
    reason: {code: blocked, zh: 设备在黑名单, en: the device is on a block list}
  - id: trusted
    when: trusted
    verdict: allow
    reason: {code: trusted, zh: 白名单用户, en: a trusted customer}
  - id: cloud
    when: cloud and not trusted
    score: 50
    reason: {code: cloud, zh: 机房网络, en: a datacenter's network}
bands: {review: 50, reject: 90}
when_unavailable: hold
tests:
  - name: lists stand beside the events
    listed: {blocked-devices: [d1], clouds: [203.0.113.0/24], trusted-users: [vip]}
    events: [{at: +0s, user: u, device: d1, ip: 203.0.113.9}]
    expect: {features: {trusted: false}, hits: [blocked, cloud], decision: reject}
  - name: a trusted customer
    listed: {blocked-devices: [d1], trusted-users: [vip]}
    events: [{at: +0s, user: vip, device: d1}]
    expect: {features: {cloud: ~}, hits: [blocked, trusted], decision: allow}
"""
COUPON = """\
campaign: small
mechanic: coupon
title: {zh: 小券, en: small}
starts: 2026-01-01
ends: 2099-01-01
limits: {per_user: 1, total: 100}
budget: {total: "20.00"}
coupon: {amount: "20.00", threshold: "99.00", valid_for: 7d}
risk: {policy: by-lists}
"""


@pytest.fixture
def judged(shop: Shop) -> Shop:
    made = shop.post("/v1/policies", {"source": POLICY}, "marketer")
    assert made.status_code == 201, made.json
    approve(shop, made.json["approval_id"])
    for name, kind, match, field in (
        ("blocked-devices", "block", "text", "device"),
        ("trusted-users", "allow", "text", "user"),
        ("clouds", "watch", "cidr", "ip"),
    ):
        assert shop.post("/v1/lists", {"name": name, "kind": kind, "match": match, "field": field}, "compliance").status_code == 201
    return shop


def approve(shop: Shop, approval: str, who: str = "compliance") -> Any:
    return shop.post(f"/v1/approvals/{approval}/approve", {"reason": "ok"}, who)


def change(shop: Shop, name: str, *entries: str, remove: bool = False, who: str = "compliance") -> Any:
    rows = [{"entry": entry, "reason": "sells coupons"} for entry in entries]
    return shop.post(f"/v1/lists/{name}/changes", {"remove" if remove else "add": rows}, who)


def check(shop: Shop, number: int, **more: Any) -> Any:
    return shop.post("/v1/risk/checks", {"id": f"c{number}", "scene": "coupon.claim", "policy": "by-lists", "user": f"u{number}", **more}).json


def test_a_blocked_device_is_refused_from_the_next_check_on(judged: Shop) -> None:
    assert check(judged, 1, device="d1")["outcome"] == "allow"
    assert change(judged, "blocked-devices", "d1").json == {"changed": 1, "approval_id": None}
    refused = check(judged, 2, device="d1")
    assert (refused["outcome"], [one["code"] for one in refused["reasons"]]) == ("reject", ["blocked"])
    held = judged.post("/v1/lists/lookup", {"field": "device", "value": "d1"}, "compliance").json["items"]
    assert [(one["name"], one["entry"]["reason"]) for one in held] == [("blocked-devices", "sells coupons")]
    assert change(judged, "blocked-devices", held[0]["entry"]["key"], remove=True).json["changed"] == 1
    assert check(judged, 3, device="d1")["outcome"] == "allow"
    assert judged.get("/v1/lists/blocked-devices/entries", "compliance").json["items"] == []


def test_a_network_is_watched_and_a_shared_list_is_no_other_merchants(judged: Shop) -> None:
    assert change(judged, "clouds", "203.0.113.0/24", "2001:db8::/32").json["changed"] == 2
    assert [check(judged, n, ip=ip)["outcome"] for n, ip in enumerate(["203.0.113.7", "203.0.114.7", "2001:db8::7"])] == ["review", "allow", "review"]
    assert judged.get("/v1/lists", "other").json["items"] == []
    assert judged.get("/v1/lists/clouds/entries", "other").status_code == 404
    listed = {one["name"]: one["entries"] for one in judged.get("/v1/lists", "marketer").json["items"]}
    assert listed == {"blocked-devices": 0, "clouds": 2, "trusted-users": 0}


def test_an_allowed_customer_passes_rules_and_no_limit_of_money(judged: Shop) -> None:
    asked = change(judged, "trusted-users", "vip", "vip2").json
    assert asked["changed"] == 0
    seen = judged.get(f"/v1/approvals/{asked['approval_id']}", "compliance").json["entries"]
    assert sorted((one["entry"], one["reason"], one["remove"]) for one in seen) == [("v****", "sells coupons", False)] * 2
    assert approve(judged, asked["approval_id"], "compliance").json["code"] == "own_work"
    change(judged, "blocked-devices", "d1")
    judged.publish(COUPON)
    assert judged.claim("small", "vip", device="d1").json["code"] == "risk_refused"
    with judged.services.database.write() as connection:
        second = add_principal(connection, merchant=MERCHANT, kind="person", name="second", actor="system", now=judged.now())
        _, judged.keys["second"] = create_key(connection, principal_id=second, scopes=["compliance"], actor="system", now=judged.now())
    assert approve(judged, asked["approval_id"], "second").status_code == 200
    assert judged.claim("small", "vip", device="d1").status_code == 201
    assert judged.claim("small", "vip", device="d1").json["code"] in ("user_limit", "budget_exhausted")
    assert judged.claim("small", "vip2", device="d1").json["code"] == "budget_exhausted"


def test_a_list_that_rules_ask_for_cannot_be_deleted(judged: Shop) -> None:
    refused = judged.call("DELETE", "/v1/lists/clouds", None, "compliance", "k1")
    assert (refused.status_code, refused.json["code"], refused.json["policies"]) == (409, "list_in_use", ["by-lists"])
    assert judged.post("/v1/lists", {"name": "spare", "kind": "watch", "match": "text", "field": "user"}, "compliance").status_code == 201
    assert judged.call("DELETE", "/v1/lists/spare", None, "compliance", "k2").json == {"deleted": "spare"}
    assert judged.call("DELETE", "/v1/lists/spare", None, "compliance", "k3").status_code == 404


def test_bad_entries_are_told_all_at_once_and_nothing_changes(judged: Shop) -> None:
    bad = change(judged, "clouds", "10.0.0.0/8", "nonsense", "1.2.3.4/99")
    assert (bad.status_code, bad.json["code"], len(bad.json["errors"])) == (422, "bad_list_entry", 2)
    assert judged.get("/v1/lists/clouds/entries", "compliance").json["items"] == []
    assert judged.post("/v1/lists/clouds/changes", {}, "compliance").json["code"] == "nothing_to_change"
    assert change(judged, "no-such", "x").json["code"] == "list_not_found"
    assert change(judged, "clouds", "10.0.0.0/8", who="shop").json["code"] == "scope_missing"
    long = judged.post("/v1/lists/clouds/changes", {"add": [{"entry": "10.0.0.0/8", "reason": "x", "expires_at": "2020-01-01T00:00:00Z"}]}, "compliance")
    assert long.json["code"] == "bad_list_entry"
    again = judged.post("/v1/lists", {"name": "clouds", "kind": "watch", "match": "cidr", "field": "ip"}, "compliance")
    assert (again.status_code, again.json["code"]) == (409, "list_exists")
