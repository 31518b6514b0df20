"""签到 over HTTP: a coupon a day, more for days in a row, and never two for one day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import func, select

from campaigns.store.playing import instances, parts
from campaigns.store.tables import rewards
from tests.api.conftest import Shop

CAMPAIGN = """\
campaign: sign
mechanic: check_in
title: {zh: 签到, en: check-in}
starts: 2026-11-20
ends: 2026-12-10
limits: {total: 100}
budget: {total: "50.00"}
check_in:
  ladder: ["0.10", "0.20"]
  consecutive: [{days: 3, amount: "1.00"}]
  cumulative: [{days: 4, amount: "2.00"}]
  valid_for: 7d
"""


def sign(shop: Shop, user: str = "ann", **more: object) -> object:
    return shop.post("/v1/campaigns/sign/check-ins", {"user": user, **more})


def test_days_in_a_row_climb_the_ladder_and_earn_the_bonuses(shop: Shop) -> None:
    shop.publish(CAMPAIGN)
    got = []
    for pause in (0, 1, 1, 2):
        shop.clock.turn(days=pause)
        reply = sign(shop)
        assert reply.status_code == 201, reply.json
        got.append((reply.json["reward"]["amount_fen"], reply.json["part"]["data"]))
    assert got == [(10, {"run": 1, "total": 1}), (20, {"run": 2, "total": 2}), (120, {"run": 3, "total": 3}), (210, {"run": 1, "total": 4})]
    assert reply.json["instance"]["total"] == 4
    assert [effect["type"] for effect in reply.json["effects"]] == ["reward.posted", "customer.checked_in"]


def test_a_day_is_had_once_and_the_next_begins_at_midnight(shop: Shop) -> None:
    shop.publish(CAMPAIGN)
    now = shop.clock.now()
    assert sign(shop).status_code == 201
    again = sign(shop)
    assert (again.status_code, again.json["code"]) == (409, "already_checked_in")
    local = now.astimezone(datetime.fromisoformat("2026-11-20T00:00:00+08:00").tzinfo)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    shop.clock.turn(seconds=(midnight - now).total_seconds(), microseconds=-1)
    assert sign(shop).json["code"] == "already_checked_in"
    shop.clock.turn(microseconds=1)
    assert sign(shop).json["part"]["data"]["run"] == 2


def test_many_requests_at_once_make_one_check_in(shop: Shop) -> None:
    """The public defect of check-ins: two requests at once, two rewards."""
    shop.publish(CAMPAIGN)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: sign(shop), range(16)))
    assert sorted({reply.status_code for reply in replies}) == [201, 409]
    assert sum(reply.status_code == 201 for reply in replies) == 1
    with shop.services.database.read() as connection:
        for table in (instances, parts, rewards):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1


def test_a_retry_hears_the_same_reply(shop: Shop) -> None:
    shop.publish(CAMPAIGN)
    first, second = (shop.post("/v1/campaigns/sign/check-ins", {"user": "ann"}, key="same") for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"


def test_a_dry_run_of_a_future_day_keeps_nothing(shop: Shop) -> None:
    shop.publish(CAMPAIGN)
    assert sign(shop).status_code == 201
    tomorrow = (shop.clock.now() + timedelta(days=1)).isoformat()
    dry = sign(shop, dry_run=True, now=tomorrow)
    assert (dry.status_code, dry.json["reward"]["amount_fen"]) == (201, 20)
    assert sign(shop, dry_run=True).json["code"] == "already_checked_in"
    with shop.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(parts)).scalar_one() == 1
    shop.clock.turn(days=1)
    assert sign(shop).json["reward"]["amount_fen"] == 20


def test_a_moment_is_for_dry_runs_only(shop: Shop) -> None:
    shop.publish(CAMPAIGN)
    assert sign(shop, now="2026-11-25T00:00:00Z").status_code == 422


def test_a_claim_of_another_mechanic_is_told_so(shop: Shop) -> None:
    shop.publish(CAMPAIGN)
    other = shop.post("/v1/campaigns/sign/claims", {"user": "ann"})
    assert (other.status_code, other.json["code"], other.json["mechanic"]) == (409, "other_mechanic", "check_in")
