"""A policy's and a campaign's history over HTTP: what changed and which way, who, and what each version did beside the one before."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from fraud.store.tables import decisions
from tests.api.casework import hire
from tests.api.conftest import Shop
from tests.api.test_delegations import lend
from tests.api.test_policies import check, publish
from tests.e2e.service import coupon
from tests.fraud.rulesets.shelf import policy_file


def history(shop: Shop, path: str, who: str = "compliance", **headers: str) -> list[dict[str, Any]]:
    reply = shop.call("GET", f"/v1/{path}/history", who=who, **headers)
    assert reply.status_code == 200, reply.json
    return list(reply.json["versions"])


@pytest.fixture
def judged(shop: Shop) -> Shop:
    """Two versions: the first refuses one of three, the second none of two."""
    publish(shop, policy_file(3), note="farms")
    outcomes = [check(shop, f"a{number}", user)["outcome"] for number, user in enumerate("abc")]
    assert outcomes == ["allow", "allow", "reject"]
    shop.clock.turn(hours=1)
    publish(shop, policy_file(5), note="families share a phone", base_version=1)
    shop.clock.turn(hours=1)
    assert [check(shop, f"b{number}", user)["outcome"] for number, user in enumerate("de")] == ["allow", "reject"]
    shop.clerk().drain()
    return shop


def test_a_version_is_told_with_its_people_its_change_and_what_it_did(judged: Shop) -> None:
    second, first = history(judged, "policies/claims")
    assert (second["version"], second["before"], first["before"], first["changes"]) == (2, 1, None, [])
    assert [(one["text"], one["effect"]) for one in second["changes"]] == [("rule farm when: accounts >= 3 → 5 (loosened)", "loosened")]
    assert (second["approval"]["proposed_by"]["name"], [one["name"] for one in second["approval"]["decided_by"]]) == ("marketer", ["compliance"])
    assert (second["note"], second["approval"]["reason"], first["note"]) == ("families share a phone", "checked", "farms")
    assert (first["live"][0]["to"], second["live"][0]["to"]) == (second["live"][0]["from"], None)
    assert first["figures"]["outcomes"] == {"allow": 2, "challenge": 0, "review": 0, "reject": 1}
    assert first["figures"]["rules"]["farm"]["hits"] == 1
    assert (first["per_thousand"]["outcomes"]["reject"], first["per_thousand"]["rules"]["farm"]) == (333.33, 333.33)
    assert second["figures"]["decisions"] == 2
    assert (second["figures_before"], second["per_thousand_before"]) == (first["figures"], first["per_thousand"])
    chinese = history(judged, "policies/claims", **{"Accept-Language": "zh"})
    assert chinese[0]["changes"][0]["text"] == "规则 farm 条件:accounts >= 3 → 5(放宽)"


def test_labels_and_appeals_count_for_the_version_that_decided(judged: Shop) -> None:
    with judged.services.database.read() as connection:
        rows = connection.execute(select(decisions.c.policy_version, decisions.c.id).where(decisions.c.outcome == "reject"))
        by_version = {row.policy_version: row.id for row in rows}
    second, first = history(judged, "policies/claims")
    judged.post("/v1/labels", {"decision_id": by_version[second["content_hash"]], "label": "fraud", "source": "chargeback"}, "compliance")
    made = judged.post("/v1/appeals", {"decision_id": by_version[first["content_hash"]], "reason": "we are a family"})
    assert made.status_code == 201, made.json
    answered = judged.post(f"/v1/reviews/{made.json['id']}/resolve", {"resolution": "overturned", "reason": "a family"}, "compliance")
    assert answered.status_code == 200, answered.json
    second, first = history(judged, "policies/claims")
    assert (first["figures"]["appeals"], first["figures"]["overturned"], first["figures"]["labels"]) == (1, 1, {"fraud": 0, "honest": 1})
    assert (first["figures"]["rules"]["farm"]["precision"], second["figures"]["rules"]["farm"]["precision"]) == (0.0, 1.0)
    assert second["figures"]["labels"] == {"fraud": 1, "honest": 0}


def test_a_version_that_came_back_has_two_lifetimes_apart_and_one_that_waits_has_none(judged: Shop) -> None:
    judged.clock.turn(hours=1)
    back = judged.post("/v1/policies/claims/rollback", {"to_version": 1, "note": "too mild"}, "marketer").json
    assert judged.post(f"/v1/approvals/{back['approval_id']}/approve", {"reason": "yes"}, "compliance").status_code == 200
    judged.clock.turn(hours=1)
    check(judged, "c1", "z")
    judged.clerk().drain()
    publish(judged, policy_file(7))
    waits = judged.post("/v1/policies", {"source": policy_file(9)}, "marketer").json
    fifth, fourth, third, _, first = history(judged, "policies/claims")
    assert (fifth["version"], fifth["live"], fifth["figures"], fifth["before"]) == (waits["version"], [], {}, 4)
    assert (fifth["approval"]["state"], fifth["approval"]["decided_by"]) == ("pending", [])
    assert (third["content_hash"], third["based_on"], third["before"]) == (first["content_hash"], 1, 2)
    assert (first["figures"]["decisions"], third["figures"]["decisions"], fourth["figures"]["decisions"]) == (3, 1, 0)
    assert [one["effect"] for one in third["changes"]] == ["tightened"]


def test_a_campaign_is_told_with_what_it_gave(shop: Shop) -> None:
    hire(shop, "deputy", "marketer")
    lend(shop, "deputy")
    shop.publish(coupon("spring", total=5, budget="500.00"))
    for user in "ab":
        assert shop.claim("spring", user, device=f"d-{user}").status_code == 201
    shop.clock.turn(hours=1)
    made = shop.post("/v1/campaigns", {"source": coupon("spring", total=9, budget="400.00"), "note": "more, for less"}, "marketer").json
    assert shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "fine"}, "deputy").status_code == 200
    shop.clock.turn(hours=1)
    assert shop.claim("spring", "c", device="d-c").status_code == 201
    second, first = history(shop, "campaigns/spring")
    assert sorted((one["text"], one["effect"]) for one in second["changes"]) == [
        ("budget: ¥500.00 → ¥400.00 (tightened)", "tightened"),
        ("limits total: 5 → 9 (loosened)", "loosened"),
    ]
    [deputy] = second["approval"]["decided_by"]
    assert (deputy["name"], deputy["for"]["name"]) == ("deputy", "compliance")
    assert (first["figures"]["rewards"], first["figures"]["people"], first["figures"]["posted_fen"], first["figures"]["decisions"]) == (2, 2, 4_000, 2)
    assert (second["figures"]["rewards"], second["figures_before"]) == (1, first["figures"])
    assert second["per_thousand"]["outcomes"]["allow"] == 1000.0


def test_a_pause_is_no_time_of_a_version(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    shop.clock.turn(hours=1)
    shop.post("/v1/campaigns/spring/pause", {"reason": "x"}, "marketer")
    shop.clock.turn(hours=1)
    shop.publish(coupon("spring", total=9))
    asked = shop.post("/v1/campaigns/spring/resume", {}, "marketer").json["approval_id"]
    shop.clock.turn(hours=1)
    assert shop.post(f"/v1/approvals/{asked}/approve", {"reason": "y"}, "compliance").status_code == 200
    second, first = history(shop, "campaigns/spring")
    assert (first["live"][0]["to"] < second["live"][0]["from"], second["before"], len(second["live"])) == (True, 1, 1)


def test_who_may_not_learns_nothing(judged: Shop) -> None:
    judged.publish(coupon("spring"))
    for path in ("policies/claims", "campaigns/spring"):
        assert judged.get(f"/v1/{path}/history", "shop").json["code"] == "scope_missing"
        assert judged.get(f"/v1/{path}/history", "other").status_code == 404
        assert judged.get(f"/v1/{path}x/history", "compliance").status_code == 404
        assert judged.get(f"/v1/{path}/history?limit=0", "compliance").status_code == 422
        assert len(judged.get(f"/v1/{path}/history?limit=1", "compliance").json["versions"]) == 1
