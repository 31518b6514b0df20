"""Versions of a campaign over HTTP: what changed between two of them, and bringing an old one back."""

from __future__ import annotations

from tests.api.conftest import Shop
from tests.e2e.service import coupon


def test_two_versions_are_compared_by_meaning(shop: Shop) -> None:
    shop.publish(coupon("spring", extra="eligible_when: account_age < 7d and first_order"))
    shop.publish(coupon("spring", extra="eligible_when: account_age < 30d and first_order", total=5))
    found = shop.get("/v1/campaigns/spring/diff?from=1&to=2", "marketer")
    assert found.status_code == 200
    texts = {change["text"] for change in found.json["changes"]}
    assert "eligible_when: account_age < 7d → 30d" in texts
    assert any(text.startswith("limits total") for text in texts)
    assert shop.get("/v1/campaigns/spring/diff?from=1&to=1", "marketer").json["changes"] == []
    zh = shop.get("/v1/campaigns/spring/diff?from=1&to=2", "marketer", **{"Accept-Language": "zh"})
    assert any(change["text"].startswith("领取条件") for change in zh.json["changes"])


def test_an_old_version_comes_back_as_a_new_one_that_another_person_approves(shop: Shop) -> None:
    shop.publish(coupon("spring", total=5))
    shop.publish(coupon("spring", total=6))
    made = shop.post("/v1/campaigns/spring/rollback", {"to_version": 1, "note": "gave too much"}, "marketer")
    assert (made.status_code, made.json["version"]) == (201, 3)
    own = shop.post(f"/v1/approvals/{made.json['approval_id']}/approve", {"reason": "mine"}, "marketer")
    assert own.status_code == 403
    assert shop.post(f"/v1/approvals/{made.json['approval_id']}/approve", {"reason": "read it"}, "compliance").status_code == 200
    live = shop.get("/v1/campaigns/spring", "marketer").json
    assert (live["live_version"], live["document"]["limits"]["total"]) == (3, 5)
    assert live["versions"][0]["content_hash"] == live["versions"][2]["content_hash"]


def test_what_cannot_be_compared_or_brought_back_is_told(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    assert shop.get("/v1/campaigns/spring/diff?from=1&to=9", "marketer").json["code"] == "version_not_found"
    assert shop.get("/v1/campaigns/spring/diff?from=0&to=1", "marketer").status_code == 422
    assert shop.post("/v1/campaigns/spring/rollback", {"to_version": 9}, "marketer").json["code"] == "version_not_found"
    assert shop.post("/v1/campaigns/spring/rollback", {"to_version": 1}, "marketer").json["code"] == "campaign_unchanged"
    assert shop.post("/v1/campaigns/spring/rollback", {"to_version": 1}, "shop").status_code == 403
