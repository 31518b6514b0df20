"""The instants where a day, a campaign, a lock and a coupon end: the microsecond before belongs to it, the instant itself does not."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.api.conftest import Shop
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon

SHANGHAI = ZoneInfo("Asia/Shanghai")
HURRIED = {"session": "s1", "phone": "17012345678"}


def go_to(shop: Shop, year: int, month: int, day: int, hour: int = 0, minute: int = 0, zone: ZoneInfo = SHANGHAI) -> None:
    """Turn the clock to a local time of the zone."""
    away = datetime(year, month, day, hour, minute, tzinfo=zone) - shop.now()
    shop.clock.turn(days=away.days, seconds=away.seconds, microseconds=away.microseconds)


def last_microsecond(shop: Shop) -> None:
    shop.clock.turn(microseconds=-1)


def first_instant(shop: Shop) -> None:
    shop.clock.turn(microseconds=1)


def one_day(zone: str = "Asia/Shanghai", extra: str = "") -> str:
    source = coupon("day").replace("2026-01-01", "2026-12-01").replace("2099-01-01", "2026-12-01")
    return source.replace("starts:", f"zone: {zone}\nstarts:") + extra


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "Pacific/Kiritimati", "America/St_Johns"])
def test_a_campaign_of_one_date_lives_from_midnight_to_midnight_of_its_own_zone(shop: Shop, zone: str) -> None:
    shop.publish(one_day(zone))
    go_to(shop, 2026, 12, 1, zone=ZoneInfo(zone))
    last_microsecond(shop)
    assert shop.claim("day", "a").json["code"] == "not_started"
    first_instant(shop)
    assert shop.claim("day", "a").status_code == 201
    go_to(shop, 2026, 12, 2, zone=ZoneInfo(zone))
    last_microsecond(shop)
    assert shop.claim("day", "b").status_code == 201
    first_instant(shop)
    assert shop.claim("day", "c").json["code"] == "campaign_over"
    check_invariants(shop.services.database)


@pytest.mark.parametrize(("ends", "hours"), [("2026-10-25", 25), ("2027-03-28", 23)])
def test_a_day_on_which_clocks_change_is_as_long_as_it_really_is(shop: Shop, ends: str, hours: int) -> None:
    shop.publish(coupon("dst").replace("starts: 2026-01-01", f"zone: Europe/Berlin\nstarts: {ends}").replace("2099-01-01", ends))
    year, month, day = (int(part) for part in ends.split("-"))
    go_to(shop, year, month, day, zone=ZoneInfo("Europe/Berlin"))
    assert shop.claim("dst", "a").status_code == 201
    shop.clock.turn(hours=hours, microseconds=-1)
    assert shop.claim("dst", "b").status_code == 201
    first_instant(shop)
    assert shop.claim("dst", "c").json["code"] == "campaign_over"


def test_a_retry_after_the_campaigns_end_hears_what_was_told_before_it(shop: Shop) -> None:
    shop.publish(one_day())
    go_to(shop, 2026, 12, 2)
    last_microsecond(shop)
    told = shop.claim("day", "a", key="last")
    first_instant(shop)
    again = shop.claim("day", "a", key="last")
    assert (again.status_code, again.json) == (201, told.json)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_coupon_taken_in_the_last_instant_has_its_whole_validity(shop: Shop) -> None:
    shop.publish(one_day())
    go_to(shop, 2026, 12, 2)
    last_microsecond(shop)
    name = shop.claim("day", "a").json["reward"]["id"]
    shop.clock.turn(days=7, microseconds=-1)
    body = {"order_id": "o1", "amount_fen": 20_000}
    assert shop.post(f"/v1/rewards/{name}/lock", body).json["use_state"] == "locked"
    assert shop.post(f"/v1/rewards/{name}/cancel", body).json["use_state"] == "available"
    first_instant(shop)
    assert shop.post(f"/v1/rewards/{name}/lock", body).json["code"] == "coupon_not_valid_now"
    assert shop.post(f"/v1/rewards/{name}/redeem", body).json["code"] == "coupon_not_valid_now"


def test_a_lock_at_the_validitys_end_is_cut_to_it_and_the_payment_after_it_is_sent_back(shop: Shop) -> None:
    shop.publish(coupon("cut"))
    name = shop.claim("cut", "a").json["reward"]["id"]
    shop.clock.turn(days=7, minutes=-1)
    locked = shop.post(f"/v1/rewards/{name}/lock", {"order_id": "o1", "amount_fen": 20_000}).json
    assert locked["locked_until"] == locked["valid_until"]
    shop.clock.turn(minutes=1)
    paid = {"id": "e1", "type": "order.paid", "user": "a", "order_id": "o1", "amount_fen": 18_000, "reward_ids": [name]}
    reply = shop.post("/v1/events", paid)
    assert (reply.status_code, [one["type"] for one in reply.json["effects"]]) == (200, ["refund.instructed"])
    clerk = shop.clerk()
    clerk.once("timers", clerk.wake_timers)
    shop.clock.turn(minutes=1)
    clerk.once("timers", clerk.wake_timers)
    assert shop.get(f"/v1/rewards/{name}").json["use_state"] == "expired"
    check_invariants(shop.services.database)


def test_a_review_posted_after_the_campaigns_end_still_pays(shop: Shop) -> None:
    shop.publish(one_day())
    go_to(shop, 2026, 12, 2)
    last_microsecond(shop)
    held = shop.claim("day", "fast", session_started_at=shop.now().isoformat(), **HURRIED)
    assert held.status_code == 202
    shop.clock.turn(hours=1)
    done = shop.post(f"/v1/reviews/{held.json['review_id']}/resolve", {"resolution": "post", "reason": "called"}, "compliance")
    assert done.json["reward"]["state"] == "posted"
    check_invariants(shop.services.database)


def test_a_clock_that_is_set_back_gives_nothing_twice(shop: Shop) -> None:
    shop.publish(coupon("back", total=2))
    assert shop.claim("back", "a", key="k1").status_code == 201
    shop.clock.turn(minutes=-10)
    assert shop.claim("back", "a", key="k2").json["code"] == "user_limit"
    assert [shop.claim("back", user).status_code for user in "bc"] == [201, 409]
    clerk = shop.clerk()
    clerk.once("gates", clerk.settle_gates)
    assert shop.claim("back", "d").json["code"] == "sold_out"
    check_invariants(shop.services.database)
