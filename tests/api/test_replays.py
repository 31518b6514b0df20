"""Decisions judged again: by the rules that judged them, by another version, after the program's own rules changed, and after a person is gone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from api.wiring import PACKS
from core.db.tables import subjects
from core.errors import NotFound
from fraud.packs import load_shipped
from fraud.replays import Filter, Replayer
from fraud.rulesets.pinned import Pinned
from tests.api.conftest import MERCHANT, Shop

POLICY = """\
policy: orders
scene: order.created
features:
  orders_1h: {{count: events, by: user, window: 1h}}
rules:
  - id: many-orders
    when: orders_1h >= {threshold}
    score: 50
    reason: {{code: many_orders, zh: 下单过于频繁, en: too many orders}}
  - id: odd-number
    when: phone == "17000000000"
    score: 50
    reason: {{code: odd_number, zh: 号码异常, en: an odd number}}
bands: {{review: 50, reject: 90}}
when_unavailable: hold
"""


def publish(shop: Shop, threshold: int) -> None:
    made = shop.post("/v1/policies", {"source": POLICY.format(threshold=threshold)}, "marketer")
    assert made.status_code == 201, made.json
    assert shop.post(f"/v1/approvals/{made.json['approval_id']}/approve", {"reason": "ok"}, "compliance").status_code == 200


def check(shop: Shop, number: int, **more: Any) -> Any:
    made = shop.post("/v1/risk/checks", {"id": f"o{number}", "scene": "order.created", "user": "ann", **more}).json
    shop.clerk().drain()
    return made


def replay(shop: Shop, decision: str, other: str = "") -> Any:
    return shop.get(f"/v1/decisions/{decision}/replay{f'?with={other}' if other else ''}", "compliance")


def test_the_same_rules_say_the_same_long_after_they_were_replaced(shop: Shop) -> None:
    publish(shop, 2)
    mild, held = check(shop, 1), check(shop, 2)
    assert (mild["outcome"], held["outcome"]) == ("allow", "review")
    publish(shop, 9)
    shop.clock.turn(days=300)
    for made in (mild, held):
        told = replay(shop, made["id"]).json
        assert (told["state"], told["differences"], told["replayed"]) == ("same", [], told["recorded"])


def test_another_version_says_what_it_would_have_said(shop: Shop) -> None:
    publish(shop, 2)
    publish(shop, 9)
    shop.services.rulesets.forget()
    made = check(shop, 1)
    told = replay(shop, made["id"], "1").json
    assert (told["state"], told["recorded"]["version"] != told["replayed"]["version"]) == ("same", True)
    check(shop, 2)
    made = check(shop, 3)
    told = replay(shop, made["id"], "1").json
    assert (told["state"], told["recorded"]["outcome"], told["replayed"]["outcome"]) == ("different", "allow", "review")
    assert {"what": "hits", "recorded": [], "replayed": ["many-orders"]} in told["differences"]
    assert replay(shop, made["id"], "7").json["code"] == "version_not_found"
    assert replay(shop, made["id"], "no-such-hash").json["code"] == "version_not_found"


def test_a_shipped_policy_is_kept_for_when_the_program_ships_others(shop: Shop) -> None:
    shop.clerk()._services.keep_shipped()
    made = shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "ann", "device": "d1", "phone": "17012345678"}).json
    shop.clerk().drain()
    with shop.services.database.read() as connection:
        decision, told = Replayer(connection, shop.services.vault, Pinned(())).one(made["id"], MERCHANT)
    assert (told.state, told.version) == ("same", decision.policy_version)
    assert decision.policy_version in load_shipped(PACKS).documents
    with shop.services.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM shipped_rulesets")
    with shop.services.database.read() as connection:
        assert Replayer(connection, shop.services.vault, Pinned(())).one(made["id"], MERCHANT)[1].state == "impossible"


def test_what_is_gone_with_a_person_is_named_and_the_rest_judged(shop: Shop) -> None:
    publish(shop, 9)
    made = check(shop, 1, phone="17000000000")
    assert made["outcome"] == "review"
    assert replay(shop, made["id"]).json["state"] == "same"
    with shop.services.database.write() as connection:
        connection.execute(update(subjects).values(wrapped_key=None, erased_at=shop.now()))
    told = replay(shop, made["id"]).json
    assert (told["state"], told["unjudged"], told["differences"]) == ("partly", ["odd-number"], [])


def test_a_decision_of_an_outage_is_the_fallback_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(shop, 2)
    monkeypatch.setattr(shop.services.risk, "_deadline_ms", 0)
    made = shop.post("/v1/risk/checks", {"id": "late", "scene": "order.created", "user": "bob", "deadline_ms": 1}).json
    told = replay(shop, made["id"]).json
    assert (made["outcome"] == "review" and made["degraded"], told["state"]) == (True, "same")


def test_many_are_found_by_a_filter_and_nobody_elses(shop: Shop) -> None:
    publish(shop, 2)
    made = [check(shop, number)["id"] for number in range(5)]
    with shop.services.database.read() as connection:
        replayer = Replayer(connection, shop.services.vault, shop.services.pinned())
        assert [one.decision_id for _, one in replayer.many(MERCHANT, Filter(policy="orders"), 3)] == made[:-4:-1]
        assert replayer.count(MERCHANT, Filter(outcome="allow", until=shop.now())) == 0
        assert replayer.count(MERCHANT, Filter(outcome="allow")) == 1
        assert (replayer.count("other", Filter()), replayer.count("*", Filter())) == (0, 5)
        with pytest.raises(NotFound):
            replayer.one(made[0], "other")


def test_without_the_scope_nothing_is_learnt(shop: Shop) -> None:
    publish(shop, 2)
    made = check(shop, 1)["id"]
    there, nowhere = (shop.get(f"/v1/decisions/{one}/replay", "marketer") for one in (made, "dec_none"))
    assert (there.status_code, there.json["code"]) == (nowhere.status_code, nowhere.json["code"]) == (403, "scope_missing")
