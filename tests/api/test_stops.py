"""The emergency stop over HTTP: a rule stops at once for its merchant, a campaign stays stopped until a second person agrees, and no old question starts it."""

from __future__ import annotations

from typing import Any

from tests.api.casework import hire
from tests.api.conftest import Shop
from tests.e2e.service import coupon

FARM = {"policy": "new-user-claim", "rule": "device-farm"}


def check(shop: Shop, number: int, who: str = "shop") -> Any:
    return shop.post("/v1/risk/checks", {"id": f"c{number}", "scene": "coupon.claim", "user": f"u{number}", "device": "d1"}, who).json


def approve(shop: Shop, approval: str, who: str = "compliance") -> Any:
    return shop.post(f"/v1/approvals/{approval}/approve", {"reason": "looked"}, who)


def test_a_rule_stops_at_once_and_two_start_it_again(shop: Shop) -> None:
    assert [check(shop, number)["outcome"] for number in range(3)] == ["allow", "allow", "reject"]
    made = shop.post("/v1/stops", {**FARM, "reason": "it refuses a campus"}, "marketer")
    assert (made.status_code, made.json["state"]) == (201, "standing")
    assert shop.post("/v1/stops", {**FARM, "reason": "again"}, "marketer").json["code"] == "rule_stopped"
    held = check(shop, 3)
    assert held["outcome"] == "review"
    shop.clerk().drain()
    assert shop.get(f"/v1/decisions/{held['id']}", "compliance").json["results"]["device-farm"] == "stopped"
    assert [one["id"] for one in shop.get("/v1/stops", "marketer").json["items"]] == [made.json["id"]]
    assert shop.get("/v1/stops", "other").json["items"] == []
    start = f"/v1/stops/{made.json['id']}/start"
    assert shop.post(start, {}, "other").status_code == 404
    asked = shop.post(start, {"note": "the campus is on a list"}, "marketer").json
    assert shop.post(start, {}, "compliance").json["approval_id"] == asked["approval_id"]
    assert (asked["state"], check(shop, 4)["outcome"]) == ("standing", "review")
    assert approve(shop, asked["approval_id"], "marketer").json["code"] == "scope_missing"
    assert approve(shop, asked["approval_id"]).json["state"] == "approved"
    assert (check(shop, 5)["outcome"], shop.get("/v1/stops", "marketer").json["items"]) == ("reject", [])
    assert shop.post(start, {}, "marketer").json["code"] == "rule_runs"


def test_a_refused_start_leaves_it_stopped_and_it_may_be_asked_for_again(shop: Shop) -> None:
    made = shop.post("/v1/stops", {**FARM, "reason": "r"}, "compliance").json
    asked = shop.post(f"/v1/stops/{made['id']}/start", {}, "marketer").json["approval_id"]
    assert shop.post(f"/v1/approvals/{asked}/reject", {"reason": "not yet"}, "compliance").json["state"] == "rejected"
    again = shop.post(f"/v1/stops/{made['id']}/start", {}, "marketer").json
    assert (again["state"], again["approval_id"] != asked) == ("standing", True)


def test_what_cannot_be_stopped(shop: Shop) -> None:
    refused = [
        shop.post("/v1/stops", {**FARM, "reason": "r", **more}, "compliance").json["code"] for more in ({"policy": "no"}, {"rule": "no"}, {"reason": " "})
    ]
    assert refused == ["unknown_policy", "unknown_rule", "reason_required"]
    assert shop.post("/v1/stops", {**FARM, "reason": "r"}, "shop").json["code"] == "scope_missing"


def test_a_resumption_is_of_one_pause_and_of_the_version_that_was_seen(shop: Shop) -> None:
    shop.publish(coupon("run"))
    hire(shop, "second", "marketer")

    def paused_and_asked() -> str:
        assert shop.post("/v1/campaigns/run/pause", {"reason": "x"}, "marketer").json["status"] == "paused"
        return str(shop.post("/v1/campaigns/run/resume", {"reason": "fixed"}, "marketer").json["approval_id"])

    first = paused_and_asked()
    # The second person's own call is the same question, not an answer to it.
    assert shop.post("/v1/campaigns/run/resume", {}, "second").json["approval_id"] == first
    shop.publish(coupon("run", total=7))
    assert (approve(shop, first).json["code"], shop.claim("run", "a").json["code"]) == ("approval_content_changed", "campaign_paused")
    second = shop.post("/v1/campaigns/run/resume", {}, "marketer").json["approval_id"]
    assert approve(shop, second).status_code == 200
    assert shop.claim("run", "a").status_code == 201
    third = paused_and_asked()
    assert approve(shop, first).json["code"] == "approval_content_changed"
    assert approve(shop, third).status_code == 200
    assert approve(shop, first).json["code"] == "campaign_state"
    fourth = paused_and_asked()
    assert shop.post("/v1/campaigns/run/end", {}, "marketer").json["status"] == "ended"
    assert shop.get(f"/v1/approvals/{fourth}", "compliance").json["state"] == "void"
