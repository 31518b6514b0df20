"""The main flow of a coupon over HTTP on PostgreSQL: what locks and waits there behaves as on SQLite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.store import ledger
from campaigns.store.tables import slots
from core.audit.verify import first_fault
from tests.api.conftest import MERCHANT, Shop
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon

HURRIED = {"session": "s1", "phone": "17012345678"}


@pytest.fixture
def shop(postgres_shop: Shop) -> Shop:
    return postgres_shop


def event(shop: Shop, kind: str, number: str, user: str = "alice", order: str = "o1", **body: Any) -> list[dict[str, Any]]:
    reply = shop.post("/v1/events", {"id": number, "type": kind, "user": user, "order_id": order, **body})
    assert reply.status_code == 200, reply.json
    return list(reply.json["effects"])


def use(shop: Shop, name: str, act: str, order: str) -> Any:
    return shop.post(f"/v1/rewards/{name}/{act}", {"order_id": order, "amount_fen": 10_000}).json


def test_from_the_file_to_the_last_refund(shop: Shop) -> None:
    shop.publish(coupon("spring", total=3))
    claimed = shop.claim("spring", "alice", key="k1", device="d1")
    assert (claimed.status_code, claimed.json["reward"]["state"]) == (201, "posted")
    assert shop.claim("spring", "alice", key="k1", device="d1").json == claimed.json
    assert shop.claim("spring", "alice", key="k2").json["code"] == "user_limit"
    reward = claimed.json["reward"]
    name = reward["id"]
    assert [use(shop, name, act, "o1")["use_state"] for act in ("lock", "redeem", "cancel", "lock")] == ["locked", "used", "available", "locked"]
    assert use(shop, name, "redeem", "o2")["code"] == "coupon_taken"
    assert event(shop, "order.paid", "e1", amount_fen=9000, list_fen=11_000, reward_ids=[name])[0]["type"] == "reward.used"
    assert event(shop, "order.paid", "e1", amount_fen=9000, list_fen=11_000, reward_ids=[name])[0]["type"] == "reward.used"
    assert event(shop, "order.refunded", "e2", amount_fen=3000, refund_id="r1")[0]["amount_fen"] == 666
    assert event(shop, "order.refunded", "e3", amount_fen=3000, refund_id="r1") == []
    assert event(shop, "order.refunded", "e4", amount_fen=6000, refund_id="r2")[0]["type"] == "reward.released"
    with shop.services.database.read() as connection:
        assert ledger.balance(connection, MERCHANT, ledger.discounts("spring")) == 0
        assert ledger.balance(connection, MERCHANT, ledger.entitlement(reward["subject"])) == 2000
    check_invariants(shop.services.database)


def test_a_held_reward_is_voided_and_its_slot_goes_to_the_next(shop: Shop) -> None:
    shop.publish(coupon("spring", total=1))
    held = shop.claim("spring", "fast", session_started_at=shop.now().isoformat(), **HURRIED)
    assert held.status_code == 202
    assert shop.claim("spring", "other").json["code"] == "sold_out"
    path = f"/v1/reviews/{held.json['review_id']}/resolve"
    assert shop.post(path, {"resolution": "void", "reason": "a machine"}, "compliance").json["reward"]["state"] == "void"
    assert shop.claim("spring", "other").status_code == 201
    check_invariants(shop.services.database)


def test_an_unused_coupon_expires_and_the_audit_still_proves_itself(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    name = shop.claim("spring", "alice").json["reward"]["id"]
    shop.clock.turn(days=7, minutes=1)
    clerk = shop.clerk()
    for duty, act, _ in clerk.duties:
        clerk.once(duty, act)
    assert shop.get(f"/v1/rewards/{name}").json["use_state"] == "expired"
    assert event(shop, "order.paid", "e1", amount_fen=9000, reward_ids=[name])[0]["reason"] == "coupon_expired"
    clerk.once("seal", clerk.seal)
    with shop.services.database.read() as connection:
        assert first_fault(connection) is None
    check_invariants(shop.services.database)


def test_rival_threads_share_what_there_is(shop: Shop) -> None:
    shop.publish(coupon("rush", total=10))

    def claim(number: int) -> str:
        client = shop.app.test_client()
        headers = {"Authorization": f"Bearer {shop.keys['shop']}", "Idempotency-Key": f"k{number // 2}"}
        reply = client.post("/v1/campaigns/rush/claims", json={"user": f"u{number // 2}"}, headers=headers)
        assert reply.json is not None
        return str(reply.json["reward"]["id"] if reply.status_code == 201 else reply.json["code"])

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(claim, range(60)))
    # Every key came twice; both askers hear of the same reward, or that their twin is still being served.
    assert len({one for one in told if one.startswith("rwd_")}) == 10
    assert {one for one in told if not one.startswith("rwd_")} <= {"sold_out", "request_in_progress"}
    with shop.services.database.read() as connection:
        assert connection.execute(select(func.count()).where(slots.c.token == "")).scalar_one() == 10
    check_invariants(shop.services.database)
