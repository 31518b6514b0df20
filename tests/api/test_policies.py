"""A policy's life over HTTP: proposed, approved, judging events at once, compared, brought back; and what is refused on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fraud.packs import load_policies
from tests.api.conftest import Shop
from tests.fraud.rulesets.shelf import policy_file

SHIPPED = sorted(policy.id for policy in load_policies(Path(__file__).parents[2] / "rules" / "packs"))


def propose(shop: Shop, source: str, who: str = "marketer", key: str | None = None, **more: Any) -> Any:
    return shop.post("/v1/policies", {"source": source, **more}, who, key)


def approve(shop: Shop, approval_id: str, who: str = "compliance") -> Any:
    return shop.post(f"/v1/approvals/{approval_id}/approve", {"reason": "checked"}, who)


def publish(shop: Shop, source: str, **more: Any) -> Any:
    made = propose(shop, source, **more)
    assert made.status_code == 201, made.json
    done = approve(shop, made.json["approval_id"])
    assert done.status_code == 200, done.json
    return made.json


def check(shop: Shop, event_id: str, user: str, policy: str = "claims") -> Any:
    return shop.post("/v1/risk/checks", {"id": event_id, "scene": "coupon.claim", "policy": policy, "user": user, "device": "d1"}).json


def test_a_policy_judges_events_once_it_is_approved(shop: Shop) -> None:
    made = propose(shop, policy_file(2), note="two accounts").json
    assert made["version"] == 1
    assert check(shop, "e0", "a")["code"] == "unknown_policy"
    assert approve(shop, made["approval_id"]).status_code == 200
    first, second = check(shop, "e1", "a"), check(shop, "e2", "b")
    assert [first["outcome"], second["outcome"]] == ["allow", "reject"]
    assert (second["policy"], second["policy_version"]) == ("claims", made["content_hash"])


def test_versions_and_their_differences_are_shown(shop: Shop) -> None:
    publish(shop, policy_file(3), note="first")
    publish(shop, policy_file(5), note="second", base_version=1)
    shown = shop.get("/v1/policies/claims", "marketer").json
    assert (shown["live_version"], shown["document"]["rules"][0]["when"]) == (2, "accounts >= 5")
    assert [(one["version"], one["state"], one["note"]) for one in shown["versions"]] == [(1, "retired", "first"), (2, "live", "second")]
    assert all(one["author"] != one["approver"] for one in shown["versions"])
    whole = shop.get("/v1/policies/claims/versions/1", "compliance").json
    assert (whole["source"], whole["document"]["rules"][0]["when"]) == (policy_file(3), "accounts >= 3")
    assert shop.get("/v1/policies/claims/diff?from=1&to=2", "marketer").json == {
        "policy": "claims",
        "changes": [{"kind": "changed", "path": ["rules", "farm", "when"], "old": "3", "new": "5", "text": "rule farm when: accounts >= 3 → 5"}],
    }
    chinese = shop.call("GET", "/v1/policies/claims/diff?from=1&to=2", who="marketer", **{"Accept-Language": "zh-CN"}).json
    assert chinese["changes"][0]["text"] == "规则 farm 条件:accounts >= 3 → 5"


def test_the_list_says_where_each_policy_comes_from(shop: Shop) -> None:
    publish(shop, policy_file())
    rows = shop.get("/v1/policies", "marketer").json["items"]
    mine, shipped = [row for row in rows if row["origin"] == "merchant"], [row for row in rows if row["origin"] == "shipped"]
    assert [(row["id"], row["live_version"]) for row in mine] == [("claims", 1)]
    assert [(row["id"], row["live_version"]) for row in shipped] == [(name, None) for name in SHIPPED]
    page = shop.get("/v1/policies?limit=1", "marketer").json
    rest = [row["id"] for row in shop.get(f"/v1/policies?cursor={page['next']}", "marketer").json["items"]]
    assert rest == [row["id"] for row in rows][1:]


def test_a_rollback_waits_for_its_approval(shop: Shop) -> None:
    publish(shop, policy_file(2))
    publish(shop, policy_file(9))
    back = shop.post("/v1/policies/claims/rollback", {"to_version": 1, "note": "too mild"}, "marketer")
    assert (back.status_code, back.json["version"]) == (201, 3)
    assert check(shop, "e1", "a")["outcome"] == check(shop, "e2", "b")["outcome"] == "allow"
    assert approve(shop, back.json["approval_id"]).status_code == 200
    assert check(shop, "e3", "c")["outcome"] == "reject"
    assert shop.get("/v1/policies/claims", "marketer").json["versions"][2]["based_on"] == 1


@pytest.mark.parametrize(
    ("source", "code", "errors"),
    [
        (policy_file().replace("accounts >= 3", "acounts >= 3 and nothing > 1"), "bad_file", 2),
        (policy_file(features="  total: {last: device, by: user, window: 1h}"), "feature_not_online", 1),
        ("- no\n- mapping", "bad_file", 1),
    ],
)
def test_every_mistake_is_listed_with_its_place(shop: Shop, source: str, code: str, errors: int) -> None:
    refused = propose(shop, source, name="my.yaml")
    assert (refused.status_code, refused.json["code"], refused.content_type) == (422, code, "application/problem+json")
    assert len(refused.json["errors"]) == errors
    assert all(one["file"] == "my.yaml" and one["line"] and one["column"] for one in refused.json["errors"])


def test_a_policy_whose_tests_fail_is_refused_with_their_names(shop: Shop) -> None:
    refused = propose(shop, policy_file().replace("decision: allow", "decision: reject"))
    assert (refused.status_code, refused.json["code"], refused.json["reason"]) == (422, "trial_failed", "trial_tests_failed")
    assert refused.json["failed"] == ["first"]


def test_its_author_and_a_mere_shop_cannot_put_it_live(shop: Shop) -> None:
    assert propose(shop, policy_file(), who="shop").status_code == 403
    made = propose(shop, policy_file(), who="admin").json
    assert approve(shop, made["approval_id"], "admin").json["code"] == "own_work"
    assert approve(shop, made["approval_id"], "shop").status_code == 403
    assert shop.get("/v1/policies/claims", "shop").status_code == 403


def test_stale_and_unchanged_edits_are_conflicts(shop: Shop) -> None:
    publish(shop, policy_file(3))
    stale, same = propose(shop, policy_file(5), base_version=0), propose(shop, policy_file(3), base_version=1)
    assert [(one.status_code, one.json["code"]) for one in (stale, same)] == [(409, "stale_edit"), (409, "policy_unchanged")]
    assert stale.json["newest"] == 1


def test_a_retry_with_its_key_makes_no_second_version(shop: Shop) -> None:
    first, again = propose(shop, policy_file(), key="k1"), propose(shop, policy_file(), key="k1")
    assert (first.json, again.status_code, again.headers["Idempotent-Replayed"]) == (again.json, 201, "true")
    assert len(shop.get("/v1/policies/claims", "marketer").json["versions"]) == 1


def test_another_merchant_knows_nothing_of_it(shop: Shop) -> None:
    made = publish(shop, policy_file())
    waiting = propose(shop, policy_file(5)).json
    for path in ("/v1/policies/claims", "/v1/policies/claims/versions/1", "/v1/policies/claims/diff?from=1&to=1"):
        assert shop.get(path, "other").status_code == 404
    assert shop.post("/v1/policies/claims/rollback", {"to_version": 1}, "other").status_code == 404
    assert approve(shop, waiting["approval_id"], "other").status_code == 404
    assert [row["id"] for row in shop.get("/v1/policies", "other").json["items"]] == SHIPPED
    assert made["version"] == 1


@pytest.mark.parametrize("path", ["/v1/policies/claims/versions/99999999999999999999", "/v1/policies/claims/versions/7", "/v1/policies/nothing"])
def test_what_is_not_there_is_404(shop: Shop, path: str) -> None:
    publish(shop, policy_file())
    assert shop.get(path, "marketer").status_code == 404


def test_a_time_lies_in_the_future_and_in_reason(shop: Shop) -> None:
    refused = [propose(shop, policy_file(), effective_to=at) for at in ("2026-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "2026-12-01T00:00:00")]
    assert [one.json["code"] for one in refused] == ["bad_effective", "invalid_request", "invalid_request"]
    assert propose(shop, policy_file(), effective_from="2026-12-01T00:00:00+08:00").status_code == 201


def test_a_campaign_may_name_a_policy_of_its_merchant(shop: Shop) -> None:
    from tests.e2e.service import coupon

    source = coupon("spring", extra="risk: {policy: claims}")
    assert shop.post("/v1/campaigns", {"source": source}, "marketer").json["errors"][0]["code"] == "unknown_policy"
    publish(shop, policy_file(2))
    shop.publish(source)
    assert [shop.claim("spring", user, device="d1").status_code for user in ("a", "b")] == [201, 403]


def test_on_postgres_a_policy_goes_live_as_well(postgres_shop: Shop) -> None:
    publish(postgres_shop, policy_file(2))
    assert [check(postgres_shop, f"e{user}", user)["outcome"] for user in "ab"] == ["allow", "reject"]


def test_a_shipped_policys_id_keeps_its_scene(shop: Shop) -> None:
    refused = propose(shop, policy_file(scene="order.paid").replace("policy: claims", "policy: new-user-claim"))
    assert (refused.status_code, refused.json["code"], refused.json["scene"]) == (409, "scene_changed", "coupon.claim")
