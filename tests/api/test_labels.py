"""Labels over HTTP: a decision turns out to be one or the other, and each rule's precision follows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.db.tables import audit_entries
from tests.api.conftest import Shop


def claim_on_one_phone(shop: Shop, count: int) -> list[str]:
    """Decisions of accounts that ask on one device; the third and later are a farm."""
    asked = [{"id": f"c{n}", "scene": "coupon.claim", "user": f"u{n}", "device": "farm"} for n in range(count)]
    found = shop.post("/v1/risk/checks/batch", {"checks": asked}).json["items"]
    shop.clerk().drain()
    return [one["body"]["id"] for one in found]


def label(shop: Shop, decision: str, label: str, who: str = "shop", source: str = "chargeback") -> Any:
    return shop.post("/v1/labels", {"decision_id": decision, "label": label, "source": source}, who)


def test_precision_follows_the_labels(shop: Shop) -> None:
    decisions = claim_on_one_phone(shop, 6)
    assert shop.get("/v1/policies/new-user-claim/precision", "compliance").json["items"] == []
    assert label(shop, decisions[0], "honest").json == {"decision_id": decisions[0], "label": "honest", "changed": True}
    for one in decisions[2:5]:
        assert label(shop, one, "fraud").json["changed"] is True
    assert label(shop, decisions[5], "honest", "compliance", "appeal").status_code == 200
    rules = {one["rule"]: one for one in shop.get("/v1/policies/new-user-claim/precision", "marketer").json["items"]}
    farm = rules["device-farm"]
    assert (farm["fraud"], farm["honest"], farm["precision"]) == (3, 1, 0.75)
    assert 0 < farm["low"] < 0.75 < farm["high"] < 1
    later = (shop.now().replace(microsecond=0)).isoformat().replace("+00:00", "Z").replace("2026", "2027")
    assert shop.get(f"/v1/policies/new-user-claim/precision?since={later}", "marketer").json["items"] == []


def test_a_label_is_told_again_freely_and_a_change_leaves_both_in_the_log(shop: Shop) -> None:
    decision = claim_on_one_phone(shop, 1)[0]
    assert [label(shop, decision, "fraud").json["changed"] for _ in range(2)] == [True, False]
    assert label(shop, decision, "honest", "compliance", "appeal").json["changed"] is True
    with shop.services.database.read() as connection:
        mine = (audit_entries.c.target == decision, audit_entries.c.action == "decision.labelled")
        assert len(connection.execute(select(audit_entries.c.id).where(*mine)).all()) == 2


def test_strange_labels_are_refused_and_another_merchants_decision_is_not_there(shop: Shop) -> None:
    decision = claim_on_one_phone(shop, 1)[0]
    assert label(shop, decision, "maybe").status_code == 422
    assert label(shop, decision, "fraud", source="rumour").status_code == 422
    assert label(shop, decision, "fraud", "other").json["code"] == "decision_not_found"
    assert label(shop, "dec_none", "fraud").json["code"] == "decision_not_found"
    assert label(shop, decision, "fraud", "marketer").json["code"] == "scope_missing"
    batch = [{"decision_id": decision, "label": "fraud", "source": "shop"}, {"decision_id": "x", "label": "fraud", "source": "shop"}, {}]
    assert [one["status"] for one in shop.post("/v1/labels/batch", {"labels": batch}).json["items"]] == [200, 404, 422]
    assert shop.get("/v1/policies/new-user-claim/precision", "shop").json["code"] == "scope_missing"


def test_a_check_that_is_not_in_sql_yet_is_labelled(shop: Shop) -> None:
    made = shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "ann"}).json["id"]
    told = shop.post("/v1/labels", {"decision_id": made, "label": "fraud", "source": "chargeback"})
    assert (told.status_code, told.json["changed"]) == (200, True)
    assert shop.clerk().drain() == 1
    assert shop.get(f"/v1/decisions/{made}").json["id"] == made
