"""A quote of campaigns as they are written: activities, coupons that could be claimed, and a reason for each that is not in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.files.load import load_campaign
from campaigns.pricing.model import REASONS, Cart, CartLine
from campaigns.pricing.quote import Asked, Live, quote
from core.event import Event

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
EVENT = Event("quote", "quote", "shop", NOW, NOW, "ann")
HEAD = "campaign: {}\nmechanic: {}\ntitle: t\nstarts: 2026-11-01\nends: 2026-11-30\n"
SECKILL = HEAD.format("sale", "seckill") + (
    'seckill: {daily: [{from: "12:00", until: "14:00"}], skus: [{sku: tea, list: "99.00", price: "59.00", stock: 5}]}\nlimits: {per_user: 2}\n'
)
FREE = HEAD.format("far", "free_shipping") + 'free_shipping: {over: "1.00", except_regions: [far]}\n'


def coupon(block: str = 'amount: "20.00", valid_for: 7d', more: str = "", name: str = "kind") -> str:
    return HEAD.format(name, "coupon") + f"limits: {{total: 9, per_user: 1}}\n{more}coupon: {{{block}}}\n"


def line(sku: str = "tea", unit_fen: int = 9_900, quantity: int = 1, floor_fen: int = 0, activity: str | None = None) -> CartLine:
    return CartLine(sku, None, unit_fen, quantity, floor_fen, activity)


def quoted(*sources: str, lines: tuple[CartLine, ...] = (line(),), **asked: Any) -> dict[str, Any]:
    live = [Live(load_campaign(source.encode(), "file.yaml").campaign, 1, "live") for source in sources]
    cart = Cart(lines, asked.pop("freight_fen", 0), asked.pop("region", None))
    found = quote(replace(Asked(cart, EVENT, NOW), **asked), live)
    assert sum(one["amount_fen"] for one in found["applied"]) == found["discount_fen"] == found["list_fen"] - found["total_fen"]
    assert sum(one["final_fen"] for one in found["lines"]) + found["freight"]["final_fen"] == found["total_fen"]
    return found


def why(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["code"] for one in found["not_applied"]}


def test_an_activity_is_among_what_applied_with_all_that_it_takes_off() -> None:
    found = quoted(SECKILL, lines=(line(activity="sale"), line(activity="sale"), line("cup", 1_000)))
    assert found["applied"] == [{"campaign": "sale", "version": 1, "rule": "seckill", "lane": "activity", "amount_fen": 8_000}]
    assert found["total_fen"] == 5_900 + 5_900 + 1_000


@pytest.mark.parametrize(("floor", "final"), [(5_899, 5_900), (5_900, 5_900), (5_901, 5_901)])
def test_an_activity_sets_no_price_under_the_lines_floor(floor: int, final: int) -> None:
    assert quoted(SECKILL, lines=(line(floor_fen=floor, activity="sale"),))["lines"][0]["final_fen"] == final


@pytest.mark.parametrize(("unit", "final"), [(5_899, 5_899), (5_900, 5_900), (5_901, 5_900)])
def test_an_activity_never_makes_a_line_dearer(unit: int, final: int) -> None:
    found = quoted(SECKILL, lines=(line(unit_fen=unit, activity="sale"),))
    assert found["lines"][0]["final_fen"] == final
    assert why(found) == ({"sale": "not_lower"} if unit <= 5_900 else {})


def test_an_activity_that_nobody_knows_is_told() -> None:
    assert why(quoted(SECKILL, lines=(line(activity="sael"),))) == {"sael": "no_such_activity", "sale": "not_chosen"}


def test_a_coupon_that_could_be_claimed_is_priced_when_it_is_asked_for() -> None:
    assert quoted(coupon())["total_fen"] == 9_900
    found = quoted(coupon(), claimable=("kind",))
    assert (found["total_fen"], found["applied"][0]["campaign"], why(found)) == (7_900, "kind", {})


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (coupon('amount: "20.00", valid_for: 7d, users: [bob]'), "not_targeted"),
        (coupon('amount: "20.00", valid_for: 7d, take: code'), "code_required"),
        (coupon('amount: "20.00", valid_for: 7d, take: event, on_event: user.registered'), "given_by_event"),
        (coupon('amount: "20.00", valid_from: 2026-11-21, valid_until: 2026-11-30'), "coupon_not_valid"),
        (coupon('amount: "20.00", valid_for: 7d, threshold: "99.01"'), "under_threshold"),
        (coupon(more="eligible_when: first_order\n"), "facts_missing"),
        (coupon(name="other"), "no_such_campaign"),
    ],
)
def test_a_coupon_that_could_not_be_claimed_says_why(source: str, code: str) -> None:
    found = quoted(source, claimable=("kind",))
    assert (why(found), found["total_fen"]) == ({"kind": code}, 9_900)


@pytest.mark.parametrize(("region", "code"), [(None, "region_required"), ("far", "region_excluded"), ("near", None)])
def test_who_does_not_tell_the_region_is_not_thereby_outside_the_excluded_ones(region: str | None, code: str | None) -> None:
    assert why(quoted(FREE, freight_fen=800, region=region)).get("far") == code


def test_every_reason_speaks_both_languages() -> None:
    assert all(text.zh.strip() and text.en.strip() for text in REASONS.values())
