"""The audit's proofs over HTTP: checkpoints and proofs for compliance; anybody else learns nothing, not even existence."""

from __future__ import annotations

import json

from core.audit.merkle import consistency_holds, inclusion_holds, leaf_hash
from tests.api.conftest import Shop
from tests.e2e.service import coupon


def decided(shop: Shop) -> str:
    """A claim's decision, sealed."""
    shop.publish(coupon("proved"))
    reply = shop.claim("proved", "alice")
    assert reply.status_code == 201
    while shop.clerk().seal():
        pass
    return str(reply.json["decision"]["id"])


def test_a_decision_and_an_entry_are_proved(shop: Shop) -> None:
    decision = decided(shop)
    reply = shop.get(f"/v1/audit/entries/{decision}/proof", "compliance")
    assert reply.status_code == 200
    proof, head = reply.json, json.loads(reply.json["head"])
    path = [bytes.fromhex(step) for step in proof["path"]]
    assert json.loads(proof["body"])["id"] == decision
    assert inclusion_holds(leaf_hash(proof["body"].encode()), proof["leaf_index"], head["size"], path, bytes.fromhex(head["root"]))
    assert b"alice" not in reply.data


def test_a_checkpoint_and_the_growth_since_an_earlier_one(shop: Shop) -> None:
    decided(shop)
    first = shop.get("/v1/audit/checkpoint", "compliance").json
    shop.claim("proved", "bob")
    shop.clerk().seal()
    old = json.loads(first["head"])
    later = shop.get(f"/v1/audit/checkpoint?since={old['size']}", "compliance").json
    new = json.loads(later["head"])
    path = [bytes.fromhex(step) for step in later["consistency"]["path"]]
    assert consistency_holds(old["size"], new["size"], bytes.fromhex(old["root"]), bytes.fromhex(new["root"]), path)
    assert shop.get("/v1/audit/checkpoint?since=99999", "compliance").json["code"] == "unknown_checkpoint"
    assert shop.get("/v1/audit/checkpoint?since=0", "compliance").status_code in (400, 422)


def test_without_the_scope_or_for_another_merchant_nothing_is_learnt(shop: Shop) -> None:
    decision = decided(shop)
    paths = [f"/v1/audit/entries/{name}/proof" for name in (decision, "dec_nothing")]
    for who, status in (("shop", 403), ("marketer", 403), ("other", 404)):
        told = [shop.get(path, who) for path in paths]
        assert [reply.status_code for reply in told] == [status, status]
        assert told[0].json | {"request_id": None} == told[1].json | {"request_id": None}
    assert shop.get("/v1/audit/checkpoint", "shop").status_code == 403
    assert shop.http.get(paths[0]).status_code == 401


def test_what_is_not_sealed_yet_says_so(shop: Shop) -> None:
    assert shop.get("/v1/audit/checkpoint", "compliance").json["code"] == "no_checkpoint"
    shop.publish(coupon("fresh"))
    decision = shop.claim("fresh", "alice").json["decision"]["id"]
    reply = shop.get(f"/v1/audit/entries/{decision}/proof", "compliance")
    assert (reply.status_code, reply.json["code"]) == (409, "not_sealed_yet")


def test_how_far_behind_the_sealer_is_stands_in_the_metrics(shop: Shop) -> None:
    shop.publish(coupon("counted"))
    shop.claim("counted", "alice")
    shop.clock.turn(seconds=7)
    before = shop.http.get("/metrics").get_data(as_text=True)
    assert "sheepdog_audit_lag_seconds 7.0" in before
    assert "sheepdog_decisions_waiting 1.0" in before
    shop.clerk().seal()
    after = shop.http.get("/metrics").get_data(as_text=True)
    assert "sheepdog_audit_lag_seconds 0.0" in after
    assert "sheepdog_decisions_waiting 0.0" in after
    assert "anchor" not in after
