"""From the file to the honest reward, over HTTP, and everything that may become of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.store import ledger
from campaigns.store.tables import rewards, slots
from core.audit.verify import first_fault
from tests.api.conftest import MERCHANT, Shop
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon


@pytest.fixture
def reward(shop: Shop) -> dict[str, Any]:
    shop.publish(coupon("spring"))
    return dict(shop.claim("spring", "alice", device="d1", ip="203.0.113.7").json["reward"])


def use(shop: Shop, reward: dict[str, Any], act: str, order: str, key: str | None = None, amount: int | None = 10_000) -> Any:
    body = {"order_id": order} if amount is None else {"order_id": order, "amount_fen": amount}
    return shop.post(f"/v1/rewards/{reward['id']}/{act}", body, key=key)


def event(shop: Shop, kind: str, number: str, **body: Any) -> Any:
    return shop.post("/v1/events", {"id": number, "type": kind, "user": "alice", "order_id": "o1", **body})


def test_an_honest_claim_is_paid_with_its_decision(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    reply = shop.claim("spring", "alice", device="d1")
    assert reply.status_code == 201
    assert reply.json["reward"]["state"] == "posted"
    assert reply.json["reward"]["amount_fen"] == 2000
    seen = shop.get(f"/v1/decisions/{reply.json['decision']['id']}", "compliance")
    assert seen.json["outcome"] == "allow"
    assert seen.json["features"]["accounts_on_device_24h"] == 1
    check_invariants(shop.services.database)


def test_a_farm_of_twenty_accounts_on_one_device_is_refused_with_reasons(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    replies = [shop.claim("spring", f"farm-{n}", device="one-device") for n in range(20)]
    assert [r.status_code for r in replies] == [201, 201] + [403] * 18
    last = replies[-1].json
    assert last["code"] == "risk_refused"
    assert "device_shared_by_accounts" in [reason["code"] for reason in last["reasons"]]
    why = shop.get(f"/v1/decisions/{last['decision_id']}", "compliance").json
    evidence = next(r for r in why["reasons"] if r["code"] == "device_shared_by_accounts")["evidence"][0]
    assert (evidence["value"], evidence["threshold"], evidence["window_seconds"]) == (20, 3, 600)
    assert "evidence" not in str(shop.get(f"/v1/decisions/{last['decision_id']}").json)


def test_a_retry_hears_the_stored_reply_and_another_body_is_refused(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    first, again = (shop.claim("spring", "alice", key="k1") for _ in range(2))
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    other = shop.claim("spring", "bob", key="k1")
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")


def test_a_retry_after_redis_was_emptied_still_hears_its_reply(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    first = shop.claim("spring", "alice", key="k1")
    shop.services.hot.flushall()
    assert shop.claim("spring", "alice", key="k1").json == first.json
    assert shop.claim("spring", "alice", key="k2").json["code"] == "user_limit"


def test_a_held_reward_is_posted_or_voided_by_a_person_once(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    hurried = {"session": "s1", "session_started_at": shop.now().isoformat(), "phone": "17012345678"}
    held = shop.claim("spring", "fast", **hurried)
    assert held.status_code == 202
    assert held.json["reward"]["state"] == "held"
    queue = shop.get("/v1/reviews", "compliance").json["items"]
    assert [one["id"] for one in queue] == [held.json["review_id"]]
    done = shop.post(f"/v1/reviews/{queue[0]['id']}/resolve", {"resolution": "void", "reason": "a machine"}, "compliance")
    assert done.json["reward"]["state"] == "void"
    again = shop.post(f"/v1/reviews/{queue[0]['id']}/resolve", {"resolution": "post", "reason": "sorry"}, "compliance")
    assert (again.status_code, again.json["code"]) == (409, "review_resolved")
    with shop.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(slots)).scalar_one() == 0
    # The slot and the person's turn are free again.
    assert shop.claim("spring", "fast", key="second").status_code in (201, 202)
    check_invariants(shop.services.database)


def test_a_review_can_be_posted(shop: Shop) -> None:
    shop.publish(coupon("spring"))
    hurried = {"session": "s1", "session_started_at": shop.now().isoformat(), "phone": "17012345678"}
    review = shop.claim("spring", "fast", **hurried).json["review_id"]
    done = shop.post(f"/v1/reviews/{review}/resolve", {"resolution": "post", "reason": "called the customer"}, "compliance")
    assert done.json["reward"]["state"] == "posted"
    check_invariants(shop.services.database)


def test_a_coupon_is_locked_used_and_given_back(shop: Shop, reward: dict[str, Any]) -> None:
    assert use(shop, reward, "lock", "o1").json["use_state"] == "locked"
    assert use(shop, reward, "lock", "o2").json["code"] == "coupon_taken"
    assert use(shop, reward, "redeem", "o1").json["use_state"] == "used"
    assert use(shop, reward, "redeem", "o1").json["use_state"] == "used"
    assert use(shop, reward, "cancel", "o2").json["code"] == "coupon_taken"
    assert use(shop, reward, "cancel", "o1").json["use_state"] == "available"
    assert use(shop, reward, "redeem", "o3").json["order_id"] == "o3"
    with shop.services.database.read() as connection:
        assert ledger.balance(connection, MERCHANT, ledger.discounts("spring")) == 2000
        assert ledger.balance(connection, MERCHANT, ledger.entitlement(reward["subject"])) == 0
    check_invariants(shop.services.database)


@pytest.mark.parametrize(("amount", "code"), [(9899, "under_threshold"), (9900, None), (None, "amount_required")])
def test_the_threshold_counts_to_the_fen(shop: Shop, reward: dict[str, Any], amount: int | None, code: str | None) -> None:
    assert use(shop, reward, "redeem", "o1", amount=amount).json.get("code") == code


def test_a_lock_ends_at_its_time_even_if_no_timer_fired(shop: Shop, reward: dict[str, Any]) -> None:
    use(shop, reward, "lock", "o1")
    shop.clock.turn(minutes=14, seconds=59)
    assert use(shop, reward, "lock", "o2").json["code"] == "coupon_taken"
    shop.clock.turn(seconds=1)
    assert use(shop, reward, "lock", "o2").json["order_id"] == "o2"


def test_timers_unlock_and_expire(shop: Shop, reward: dict[str, Any]) -> None:
    use(shop, reward, "lock", "o1")
    shop.clock.turn(minutes=15)
    shop.clerk().wake_timers()
    assert shop.get(f"/v1/rewards/{reward['id']}").json["use_state"] == "available"
    shop.clock.turn(days=7)
    shop.clerk().wake_timers()
    assert shop.get(f"/v1/rewards/{reward['id']}").json["use_state"] == "expired"
    assert use(shop, reward, "redeem", "o1").json["code"] == "coupon_not_valid_now"
    check_invariants(shop.services.database)


def test_a_paid_order_uses_its_coupon_once(shop: Shop, reward: dict[str, Any]) -> None:
    paid = event(shop, "order.paid", "e1", amount_fen=9000, list_fen=11_000, reward_ids=[reward["id"]])
    assert [one["type"] for one in paid.json["effects"]] == ["reward.used"]
    assert event(shop, "order.paid", "e1", amount_fen=9000, list_fen=11_000, reward_ids=[reward["id"]]).json == paid.json
    assert event(shop, "order.paid", "e2", amount_fen=9000, reward_ids=[reward["id"]]).json["effects"] == []
    assert event(shop, "order.paid", "e1", amount_fen=9001).json["code"] == "event_id_reused"
    assert event(shop, "order.paid", "e3", amount_fen=9001).json["code"] == "paid_amount_differs"
    check_invariants(shop.services.database)


def test_partial_refunds_take_their_share_and_a_whole_one_gives_the_coupon_back(shop: Shop, reward: dict[str, Any]) -> None:
    event(shop, "order.paid", "e1", amount_fen=9000, list_fen=11_000, reward_ids=[reward["id"]])
    part = event(shop, "order.refunded", "e2", amount_fen=3000, refund_id="r1").json["effects"]
    assert [(one["type"], one["amount_fen"]) for one in part] == [("reward.reversed", 666)]
    assert event(shop, "order.refunded", "e3", amount_fen=3000, refund_id="r1").json["effects"] == []
    assert event(shop, "order.refunded", "e4", amount_fen=2999, refund_id="r1").json["code"] == "refund_amount_differs"
    whole = event(shop, "order.refunded", "e5", amount_fen=6000, refund_id="r2").json["effects"]
    assert [one["type"] for one in whole] == ["reward.released"]
    assert shop.get(f"/v1/rewards/{reward['id']}").json["use_state"] == "available"
    with shop.services.database.read() as connection:
        assert ledger.balance(connection, MERCHANT, ledger.discounts("spring")) == 0
        assert ledger.balance(connection, MERCHANT, ledger.entitlement(reward["subject"])) == 2000
    check_invariants(shop.services.database)


def test_a_refund_before_its_payment_counts_when_the_payment_comes(shop: Shop, reward: dict[str, Any]) -> None:
    early = event(shop, "order.refunded", "e1", amount_fen=9000, refund_id="r1").json["effects"]
    assert early[0]["type"] == "refund.awaits_payment"
    late = event(shop, "order.paid", "e2", amount_fen=9000, list_fen=11_000, reward_ids=[reward["id"]]).json["effects"]
    assert [one["type"] for one in late] == ["reward.used", "reward.released"]
    assert shop.get(f"/v1/rewards/{reward['id']}").json["use_state"] == "available"
    check_invariants(shop.services.database)


def test_a_payment_that_comes_too_late_is_answered_with_a_refund_instruction(shop: Shop, reward: dict[str, Any]) -> None:
    shop.clock.turn(days=7)
    first = event(shop, "order.paid", "e1", amount_fen=9000, reward_ids=[reward["id"]]).json["effects"][0]
    assert (first["type"], first["reason"], first["amount_fen"]) == ("refund.instructed", "coupon_expired", 9000)
    assert first["bill_no"].startswith("RF")


def test_a_cancelled_order_that_is_paid_later_is_refunded(shop: Shop) -> None:
    event(shop, "order.cancelled", "e1")
    late = event(shop, "order.paid", "e2", amount_fen=500).json["effects"]
    assert [(one["type"], one["reason"]) for one in late] == [("refund.instructed", "order_cancelled")]


def test_schedule_first_and_last_instant(shop: Shop) -> None:
    source = coupon("day").replace("2026-01-01", "2026-11-21").replace("2099-01-01", "2026-11-21")
    shop.publish(source)
    # The day is Shanghai's: 16:00 UTC the day before until 16:00 UTC.
    shop.clock.turn(hours=11, minutes=59, seconds=59, microseconds=999_999)
    assert shop.claim("day", "a").json["code"] == "not_started"
    shop.clock.turn(microseconds=1)
    assert shop.claim("day", "a").status_code == 201
    shop.clock.turn(hours=23, minutes=59, seconds=59, microseconds=999_999)
    assert shop.claim("day", "b").status_code == 201
    shop.clock.turn(microseconds=1)
    assert shop.claim("day", "c").json["code"] == "campaign_over"


def test_audience_conditions(shop: Shop) -> None:
    shop.publish(coupon("new", extra="eligible_when: account_age < 7d and first_order"))
    now = shop.now()
    good = {"registered_at": (now - timedelta(days=6)).isoformat(), "order_count": 0}
    assert shop.claim("new", "a", **good).status_code == 201
    told = shop.claim("new", "b")
    assert (told.status_code, told.json["code"], told.json["missing"]) == (409, "facts_missing", ["account_age", "first_order"])
    old = {"registered_at": (now - timedelta(days=7)).isoformat()}
    told = shop.claim("new", "c", **{**good, **old})
    assert (told.status_code, told.json["code"], told.json["unmet"]) == (403, "not_eligible", ["account_age < 7d"])
    assert shop.claim("new", "d", **{**good, **old, "order_count": 1}).json["unmet"] == ["account_age < 7d", "first_order"]
    assert shop.claim("new", "f", **{**good, "registered_at": (now + timedelta(seconds=1)).isoformat()}).json["missing"] == ["account_age"]
    just = {"registered_at": (now - timedelta(days=7) + timedelta(microseconds=1)).isoformat()}
    assert shop.claim("new", "g", **{**good, **just}).status_code == 201
    shop.post("/v1/events", {"id": "paid", "type": "order.paid", "user": "e", "order_id": "o9", "amount_fen": 100})
    assert shop.claim("new", "e", **good).json["unmet"] == ["first_order"]


def test_a_missing_device_never_bypasses_its_limit(shop: Shop) -> None:
    shop.publish(coupon("dev").replace("  per_user: 1", "  per_user: 1\n  per_device: 1\n  per_phone: 1"))
    assert shop.claim("dev", "a").json["code"] == "device_required"
    assert shop.claim("dev", "a", device="d").json["code"] == "phone_required"
    assert shop.claim("dev", "a", device="d", phone="13800000000").status_code == 201
    assert shop.claim("dev", "b", device="d", phone="13800000001").json["code"] == "device_limit"
    assert shop.claim("dev", "b", device="d2", phone="13800000000").json["code"] == "phone_limit"


def test_pause_resume_and_end(shop: Shop) -> None:
    shop.publish(coupon("run"))
    assert shop.claim("run", "a").status_code == 201
    assert shop.post("/v1/campaigns/run/pause", {"reason": "x"}, "marketer").json["status"] == "paused"
    assert shop.claim("run", "b").json["code"] == "campaign_paused"
    asked = shop.post("/v1/campaigns/run/resume", {}, "marketer").json
    assert (asked["status"], shop.claim("run", "b").json["code"]) == ("paused", "campaign_paused")
    assert shop.post(f"/v1/approvals/{asked['approval_id']}/approve", {"reason": "stock is back"}, "compliance").status_code == 200
    assert shop.claim("run", "b").status_code == 201
    assert shop.post("/v1/campaigns/run/resume", {}, "marketer").json["code"] == "campaign_state"
    assert shop.post("/v1/campaigns/run/end", {}, "marketer").json["status"] == "ended"
    assert shop.post("/v1/campaigns", {"source": coupon("run", total=5)}, "marketer").json["code"] == "campaign_ended"


def test_a_new_version_changes_limits_but_not_below_what_was_taken(shop: Shop) -> None:
    shop.publish(coupon("grow", total=2))
    assert [shop.claim("grow", u).status_code for u in "abc"] == [201, 201, 409]
    shop.publish(coupon("grow", total=3))
    assert shop.claim("grow", "c").status_code == 201
    made = shop.post("/v1/campaigns", {"source": coupon("grow", total=1)}, "marketer").json
    refused = shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "r"}, "compliance")
    assert (refused.status_code, refused.json["code"]) == (409, "limit_below_taken")
    check_invariants(shop.services.database)


def test_four_eyes(shop: Shop) -> None:
    both = shop.keys["admin"]
    shop.keys["marketer"] = shop.keys["compliance"] = both
    made = shop.post("/v1/campaigns", {"source": coupon("mine")}, "marketer").json
    own = shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "me"}, "compliance")
    assert (own.status_code, own.json["code"]) == (403, "own_work")
    assert shop.claim("mine", "a").json["code"] == "campaign_not_found"


def test_a_stale_edit_is_refused(shop: Shop) -> None:
    shop.publish(coupon("edit"))
    stale = shop.post("/v1/campaigns", {"source": coupon("edit", total=7), "base_version": 0}, "marketer")
    assert (stale.status_code, stale.json["code"], stale.json["newest"]) == (409, "stale_edit", 1)


def test_no_merchant_sees_anothers(shop: Shop, reward: dict[str, Any]) -> None:
    assert shop.get(f"/v1/rewards/{reward['id']}", "other").status_code == 404
    assert shop.get(f"/v1/decisions/{reward['decision_id']}", "other").status_code == 404
    assert shop.get("/v1/campaigns/spring", "other").status_code == 404
    assert shop.get("/v1/rewards", "other").json["items"] == []
    assert shop.claim("spring", "x").status_code == 201
    assert shop.get("/v1/rewards", **{"X-Merchant": "shop-2"}).status_code == 403


def test_the_clerk_seals_numbers_and_drains(shop: Shop, reward: dict[str, Any]) -> None:
    checked = shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "bob"}).json
    again = shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "bob"}).json
    assert again == checked
    other = shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "eve"})
    assert (other.status_code, other.json["code"]) == (409, "event_id_reused")
    clerk = shop.clerk()
    for name, duty, _ in clerk.duties:
        clerk.once(name, duty)
    assert shop.get(f"/v1/decisions/{checked['id']}").json["outcome"] == "allow"
    assert "reward.posted" in [one["topic"] for one in shop.get("/v1/notifications").json["items"]]
    clerk.once("seal", clerk.seal)
    with shop.services.database.read() as connection:
        assert first_fault(connection) is None
        assert connection.execute(select(func.count()).select_from(rewards)).scalar_one() == 1


def test_nothing_personal_is_stored_in_clear(shop: Shop) -> None:
    shop.publish(coupon("secret"))
    personal = {"device": "device-xyzzy", "phone": "13912345678", "ip": "198.51.100.77", "email": "x@example.com", "session": "sess-xyzzy"}
    shop.claim("secret", "user-xyzzy", **personal)
    shop.post("/v1/risk/checks", {"id": "c2", "scene": "coupon.claim", "user": "user-xyzzy", **personal})
    shop.clerk().drain()
    raw = shop.services.database.engine.raw_connection()
    dump = "\n".join(raw.iterdump())  # type: ignore[attr-defined]
    raw.close()
    for value in ("user-xyzzy", *personal.values()):
        assert value not in dump
        assert value.encode().hex() not in dump.lower()
