"""Quotes over HTTP: a cart against everything that runs, with the reasons, and nothing kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from core.db.tables import outbox
from core.db.types import metadata
from tests.api.conftest import Shop

EXAMPLES = Path(__file__).parents[2] / "examples"
TEA, CUP = {"sku": "tea", "category": "home", "unit_fen": 9_900, "quantity": 2}, {"sku": "cup", "unit_fen": 3_900}


def ask(shop: Shop, *lines: dict[str, Any], **more: Any) -> Any:
    reply = shop.post("/v1/quotes", {"user": "ann", "lines": list(lines) or [TEA, CUP], **more})
    assert reply.status_code == 200, reply.json
    return reply.json


def publish(shop: Shop, *names: str) -> None:
    for name in names:
        shop.publish((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))


def why(quoted: Any) -> dict[str, str]:
    return {one["name"]: one["code"] for one in quoted["not_applied"]}


def test_a_cart_without_campaigns_costs_what_it_costs(shop: Shop) -> None:
    quoted = ask(shop, freight_fen=800)
    assert (quoted["list_fen"], quoted["total_fen"], quoted["applied"], quoted["not_applied"]) == (24_500, 24_500, [], [])


def test_lanes_apply_in_their_order_and_everything_adds_up(shop: Shop) -> None:
    publish(shop, "evening-flash-discount", "autumn-full-reduction", "autumn-free-shipping")
    evening = shop.now().replace(hour=12, minute=30)
    quoted = ask(shop, {**TEA, "quantity": 3}, CUP, freight_fen=1_800, region="浙江", now=evening.isoformat())
    assert [(one["campaign"], one["amount_fen"]) for one in quoted["applied"]] == [
        ("evening-flash-discount", 7_000),
        ("autumn-full-reduction", 2_000),
        ("autumn-free-shipping", 1_500),
    ]
    assert [one["final_fen"] for one in quoted["lines"]] == [21_700, 2_900]
    assert quoted["freight"]["final_fen"] == 300
    assert quoted["total_fen"] == 21_700 + 2_900 + 300 == quoted["list_fen"] - quoted["discount_fen"]
    assert [one["version"] for one in quoted["lines"][0]["discounts"]] == [1, 1]


def test_what_did_not_apply_says_why_in_the_readers_language(shop: Shop) -> None:
    publish(shop, "evening-flash-discount", "autumn-full-reduction", "autumn-free-shipping", "nightly-brand-sale")
    morning = shop.now().replace(hour=1)
    quoted = ask(shop, CUP, freight_fen=800, region="新疆", now=morning.isoformat())
    assert why(quoted) == {
        "evening-flash-discount": "outside_window",
        "autumn-full-reduction": "no_article",
        "autumn-free-shipping": "region_excluded",
        "nightly-brand-sale": "not_chosen",
    }
    chinese = shop.post("/v1/quotes", {"user": "ann", "lines": [CUP], "now": morning.isoformat()}, **{"Accept-Language": "zh"}).json
    assert {one["name"]: one["text"] for one in chinese["not_applied"]}["evening-flash-discount"] == "不在活动时段内"
    threshold = next(one for one in ask(shop, TEA)["not_applied"] if one["name"] == "autumn-full-reduction")
    assert (threshold["code"], threshold["missing_fen"]) == ("under_threshold", 100)


def test_times_and_audiences_are_told(shop: Shop) -> None:
    publish(shop, "autumn-full-reduction")
    source = (EXAMPLES / "autumn-free-shipping.yaml").read_text(encoding="utf-8").replace("starts:", "eligible_when: first_order\nstarts:")
    shop.publish(source)
    assert why(ask(shop, order_count=3, freight_fen=5))["autumn-free-shipping"] == "not_eligible"
    assert why(ask(shop, freight_fen=5))["autumn-free-shipping"] == "facts_missing"
    assert "autumn-free-shipping" not in why(ask(shop, order_count=0, freight_fen=5, region="浙江"))
    late = (shop.now() + timedelta(days=60)).isoformat()
    assert set(why(ask(shop, now=late)).values()) == {"campaign_over"}
    shop.post("/v1/campaigns/autumn-full-reduction/pause", {"reason": "x"}, "marketer")
    assert why(ask(shop))["autumn-full-reduction"] == "campaign_paused"


def test_the_price_of_an_activity_is_exclusive_and_open_only_in_its_hours(shop: Shop) -> None:
    publish(shop, "nightly-brand-sale", "autumn-full-reduction")
    listed = shop.get("/v1/campaigns/nightly-brand-sale").json["document"]["seckill"]["skus"][0]
    line = {"sku": listed["sku"], "category": "home", "unit_fen": listed["list_fen"], "activity": "nightly-brand-sale"}
    evening, morning = (shop.now().replace(hour=hour).isoformat() for hour in (12, 1))
    quoted = ask(shop, line, now=evening)
    assert (quoted["total_fen"], quoted["lines"][0]["discounts"][0]["lane"]) == (listed["price_fen"], "activity")
    assert why(quoted)["autumn-full-reduction"] == "no_article"
    assert why(ask(shop, line, now=morning))["nightly-brand-sale"] == "outside_window"
    assert why(ask(shop, {**line, "sku": "other"}, now=evening))["nightly-brand-sale"] == "unknown_sku"


def test_a_held_coupon_is_priced_as_the_order_will_use_it(shop: Shop) -> None:
    shop.publish(
        "campaign: kind\nmechanic: coupon\ntitle: t\nstarts: 2026-11-01\nends: 2026-12-31\nlimits: {total: 9, per_user: 3}\n"
        'coupon: {valid_for: 30d, percent: 20, cap: "50.00", threshold: "60.00"}\n'
    )
    reward = shop.claim("kind", "ann").json["reward"]["id"]
    quoted = ask(shop, TEA, reward_ids=[reward])
    assert quoted["applied"] == [{"campaign": "kind", "version": 1, "rule": "coupon", "lane": "coupon", "amount_fen": 3_960, "reward": reward}]
    paid = {"user": "ann", "amount_fen": quoted["total_fen"], "list_fen": quoted["list_fen"], "reward_ids": [reward]}
    assert [one["type"] for one in shop.post("/v1/orders/o1/pay", paid).json["effects"]] == ["reward.used"]
    assert shop.get(f"/v1/rewards/{reward}").json["discount_fen"] == 3_960
    # Used by now, another's, or nobody's: told, and not applied.
    other = shop.claim("kind", "bob").json["reward"]["id"]
    assert why(ask(shop, TEA, reward_ids=[reward, other, "rwd_none"])) == {
        reward: "coupon_not_valid",
        other: "coupon_not_valid",
        "rwd_none": "coupon_not_valid",
    }


def test_a_quote_keeps_and_takes_nothing(shop: Shop) -> None:
    publish(shop, "autumn-full-reduction")

    def rows() -> dict[str, int]:
        with shop.services.database.read() as connection:
            return {table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in metadata.sorted_tables}

    before, keys = rows(), set(shop.services.hot.keys("*"))
    ask(shop, {**TEA, "quantity": 3})
    assert rows() == before
    assert {key for key in shop.services.hot.keys("*") if "limit" not in key.lower()} <= keys
    assert before[outbox.name] >= 1


@pytest.mark.parametrize(
    "body",
    [
        {"lines": []},
        {"lines": [{"sku": "a", "unit_fen": -1}]},
        {"lines": [{"sku": "a", "unit_fen": 1.5}]},
        {"lines": [{"sku": "a", "unit_fen": 1, "quantity": 0}]},
        {"lines": [{"sku": "a", "unit_fen": 10**13}]},
        {"lines": [{"sku": "a", "unit_fen": 1}] * 201},
        {"lines": [{"sku": "a", "unit_fen": 1}], "choose": "cheapest"},
    ],
)
def test_a_cart_that_means_nothing_is_told(shop: Shop, body: dict[str, Any]) -> None:
    assert shop.post("/v1/quotes", {"user": "ann", **body}).status_code == 422
