"""Defects of prices that other systems had in public, each under its name: none of them is here."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.files.load import load_campaign
from campaigns.mechanics import mechanic_named
from campaigns.pricing.choose import best_for_customer
from campaigns.pricing.model import Candidate, Cart
from campaigns.pricing.quote import Asked, Live, quote
from core.event import Event
from tests.campaigns.pricing.test_choose import coupon, line, reduction

SHANGHAI = ZoneInfo("Asia/Shanghai")
FLASH = """
campaign: evening
mechanic: flash_discount
title: t
zone: Asia/Shanghai
starts: 2026-11-01
ends: 2026-11-30
flash_discount: {skus: [{sku: tea, price: "79.00"}]}
"""


def test_a_refund_does_not_move_the_discount_onto_the_lines_that_stay() -> None:
    """vendure#4811: a discount was known of the order only, and shared anew over what was left. Here each line has its own share from the
    beginning, so what a returned line cost is what goes back, and what stays costs what it cost."""
    cart = Cart((line("a", 10_000), line("b", 5_000), line("c", 4_999)))
    priced = best_for_customer(cart, [reduction("off", 19_000, 2_000), coupon("r", 777)], {}).priced
    shares = [sum(one.lines[number] for one in priced.taken) for number in range(3)]
    assert shares == [1_388, 694, 695]
    assert priced.amounts == (8_612, 4_306, 4_304)


@pytest.mark.parametrize("face", [99, 100, 101, 10**6])
def test_a_coupon_never_takes_the_total_to_or_under_zero(face: int) -> None:
    """ruoyi-vue-pro refuses such an order; others sold for nothing, or for less."""
    assert best_for_customer(Cart((line("a", 40), line("b", 60))), [coupon("r", face)], {}).priced.total_fen == 1


def test_the_last_line_takes_the_rounding_remainder() -> None:
    """Shares that were rounded each for itself summed to a fen more or less than the discount."""
    priced = best_for_customer(Cart((line("a", 333), line("b", 333), line("c", 333))), [reduction("off", 100, 100)], {}).priced
    assert [one.lines for one in priced.taken] == [(33, 33, 34)]


@pytest.mark.parametrize(("at", "fen"), [("2026-11-01T00:00", 7_900), ("2026-10-31T23:59", 9_900), ("2026-11-30T23:59", 7_900), ("2026-12-01T00:00", 9_900)])
def test_a_date_is_one_of_the_campaigns_zone_and_the_last_day_belongs_to_it(at: str, fen: int) -> None:
    """EDD#7492: an end was midnight UTC, so a sale ended eight hours into its last day."""
    now = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    event = Event("quote", "quote", "shop", now, now, "ann")
    live = [Live(load_campaign(FLASH.encode(), "evening.yaml").campaign, 1, "live")]
    assert quote(Asked(Cart((line("tea", 9_900),)), event, now), live)["total_fen"] == fen


@pytest.mark.parametrize(("at", "is_open"), [("19:59:59", False), ("20:00:00", True), ("21:59:59", True), ("22:00:00", False)])
def test_daily_hours_are_those_of_the_campaigns_zone(at: str, is_open: bool) -> None:
    source = FLASH.replace('"79.00"}]}', '"79.00"}], daily: [{from: "20:00", until: "22:00"}]}')
    campaign = load_campaign(source.encode(), "evening.yaml").campaign
    rule = mechanic_named(campaign.mechanic).price_rule
    assert rule is not None
    now = datetime.fromisoformat(f"2026-11-20T{at}").replace(tzinfo=SHANGHAI).astimezone(ZoneInfo("UTC"))
    found = Candidate("evening", 1, rule(campaign, now))
    assert bool(best_for_customer(Cart((line("tea", 9_900),)), [found], {}).priced.taken) is is_open
