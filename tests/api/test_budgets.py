"""Budgets over HTTP: the total to the fen, portions by day, customer and device, and alarms that are given once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Shop

COUPON = """\
campaign: purse
mechanic: coupon
title: {zh: 券, en: coupon}
starts: 2026-11-01
ends: 2026-12-31
limits: {per_user: 9, per_device: 9}
budget: %s
coupon: {amount: "10.00", valid_for: 30d}
"""


def claim(shop: Shop, user: str, device: str = "d") -> Any:
    return shop.post("/v1/campaigns/purse/claims", {"user": user, "device": f"{device}-{user}" if device == "d" else device})


def code(shop: Shop, user: str, device: str = "d") -> str:
    reply = claim(shop, user, device)
    return "ok" if reply.status_code == 201 else str(reply.json["code"])


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ('{total: "30.00"}', ["ok", "ok", "ok", "budget_exhausted"]),
        ('{total: "90.00", per_day: "25.00"}', ["ok", "ok", "budget_day_exhausted", "budget_day_exhausted"]),
        ('{total: "90.00", rewards_per_day: 3}', ["ok", "ok", "ok", "budget_day_exhausted"]),
    ],
)
def test_a_campaign_stops_exactly_where_its_budget_says(shop: Shop, budget: str, said: list[str]) -> None:
    shop.publish(COUPON % budget)
    assert [code(shop, f"u{number}") for number in range(4)] == said


@pytest.mark.parametrize(
    ("budget", "same", "refused"),
    [
        ('{total: "90.00", per_user: "20.00"}', {"user": "ann", "device": "d"}, "budget_user_exhausted"),
        ('{total: "90.00", per_user_day: "20.00"}', {"user": "ann", "device": "d"}, "budget_user_exhausted"),
    ],
)
def test_a_customer_draws_no_more_than_their_portion(shop: Shop, budget: str, same: dict[str, str], refused: str) -> None:
    shop.publish(COUPON % budget)
    assert [code(shop, **same) for _ in range(3)] == ["ok", "ok", refused]
    assert code(shop, "bob") == "ok"
    shop.clock.turn(days=1)
    assert code(shop, **same) == ("ok" if "day" in budget else refused)


def test_a_device_draws_no_more_than_its_portion_and_must_be_named(shop: Shop) -> None:
    shop.publish((COUPON % '{total: "90.00", per_device_day: "10.00"}').replace("limits: {per_user: 9, per_device: 9}", "limits: {per_user: 9}"))
    assert [code(shop, user, "one") for user in ("ann", "bob")] == ["ok", "budget_device_exhausted"]
    assert shop.post("/v1/campaigns/purse/claims", {"user": "dan"}).json["code"] == "device_required"
    shop.clock.turn(days=1)
    assert code(shop, "bob", "one") == "ok"


def test_a_day_ends_at_the_campaigns_midnight(shop: Shop) -> None:
    shop.publish(COUPON % '{total: "90.00", per_day: "10.00"}')
    assert [code(shop, "ann"), code(shop, "bob")] == ["ok", "budget_day_exhausted"]
    now = shop.clock.now()
    # Shanghai is eight hours ahead.
    midnight = now.replace(hour=16, minute=0, second=0, microsecond=0)
    midnight += timedelta(days=1) if midnight <= now else timedelta(0)
    shop.clock.turn(seconds=(midnight - now).total_seconds(), microseconds=-1)
    assert code(shop, "cat") == "budget_day_exhausted"
    shop.clock.turn(microseconds=1)
    assert code(shop, "cat") == "ok"


def test_a_voided_reward_returns_to_the_day_that_it_was_drawn_from(shop: Shop) -> None:
    shop.publish(COUPON % '{total: "90.00", per_day: "10.00"}')
    for device in ("d1", "d2"):
        shop.post("/v1/risk/checks", {"id": f"hop-{device}", "scene": "coupon.claim", "user": "ann", "device": device})
    held = claim(shop, "ann", "d3")
    assert held.status_code == 202
    assert code(shop, "bob") == "budget_day_exhausted"
    review = held.json["review_id"]
    shop.post(f"/v1/reviews/{review}/resolve", {"resolution": "void", "reason": "farm"}, "compliance")
    assert code(shop, "bob") == "ok"


def test_alarms_are_given_once_at_their_thresholds(shop: Shop) -> None:
    shop.publish(COUPON % '{total: "40.00", warn_at_percent: [50, 100]}')
    low = []
    for number in range(4):
        effects = claim(shop, f"u{number}").json["effects"]
        low.append([effect["used_percent"] for effect in effects if effect["type"] == "budget.low"])
    assert low == [[], [50], [], [100]]


def test_a_portion_above_the_total_is_a_mistake_where_it_stands(shop: Shop) -> None:
    reply = shop.post("/v1/campaigns", {"source": COUPON % '{total: "40.00", per_day: "41.00"}'}, "marketer")
    assert (reply.status_code, [error["code"] for error in reply.json["errors"]]) == (422, ["portion_too_large"])
