"""The block `group_buy:` of a campaign file: what it means, what contradicts, and what the whole campaign can cost."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.files.load import campaign_from_document, load_campaign
from campaigns.mechanics.group_buy.mechanic import GROUP_BUY, VIRTUAL_FILL
from campaigns.mechanics.group_buy.terms import GroupBuyTerms, members_min
from campaigns.mechanics.skus import Sku
from core.errors import Malformed
from tests.campaigns.mechanics.group_buy.world import COMMISSION, LIST, PRICE, campaign

EXAMPLE = Path(__file__).parents[4] / "examples" / "three-person-group-buy.yaml"
GOOD = """\
campaign: trio
mechanic: group_buy
title: 三人拼团
starts: 2026-11-01
ends: 2026-11-30
budget: {total: "150.50"}
group_buy:
  size: 3
  life: 2h
  pay_within: 2h
  per_order: 2
  leader_commission: "2.00"
  deny: {users: [rat], channels: [scraper]}
  virtual_fill: {from_percent: 99}
  skus: [{sku: tea, list: "99.00", group_price: "49.50", stock: 3}]
"""


def faults(source: str) -> list[str]:
    with pytest.raises(Malformed) as caught:
        load_campaign(source.encode(), "x.yaml")
    return [problem.fault.code for problem in caught.value.extra["errors"]]


def test_three_people_share_half_the_price_in_the_example() -> None:
    terms: GroupBuyTerms = load_campaign(EXAMPLE.read_bytes(), EXAMPLE.name).campaign.terms
    assert terms.size == 3
    assert terms.skus
    assert all(sku.price_fen * 2 == sku.list_fen for sku in terms.skus)


def test_a_file_says_what_it_means_and_its_document_reads_back() -> None:
    loaded = load_campaign(GOOD.encode(), "x.yaml")
    hours = timedelta(hours=2)
    expected = GroupBuyTerms((Sku("tea", LIST, PRICE, 3),), 3, hours, hours, 2, COMMISSION, frozenset({"rat"}), frozenset({"scraper"}), 99)
    assert loaded.campaign.terms == expected
    assert campaign_from_document(json.loads(json.dumps(loaded.document))) == loaded.campaign


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("size: 3", "size: 1", "out_of_range"),
        ("size: 3", "size: 1001", "out_of_range"),
        ('group_price: "49.50"', 'group_price: "99.00"', "price_not_lower"),
        ('group_price: "49.50"', 'group_price: "0.00"', "money_too_small"),
        ("from_percent: 99", "from_percent: 100", "out_of_range"),
        ("from_percent: 99", "from_percent: 0", "out_of_range"),
        ("skus: [", 'skus: [{sku: tea, list: "9.00", group_price: "8.00", stock: 9}, ', "doubled_sku"),
        ('budget: {total: "150.50"}', "limits: {total: 9}", "total_not_used"),
        # One step beyond what still works.
        ("stock: 3", "stock: 2", "stock_too_small"),
        ("pay_within: 2h", "pay_within: 121m", "pay_within_too_long"),
        ('total: "150.50"', 'total: "150.49"', "budget_too_small"),
    ],
)
def test_a_contradiction_is_told_where_it_stands(old: str, new: str, code: str) -> None:
    assert old in GOOD
    load_campaign(GOOD.encode(), "x.yaml")
    assert faults(GOOD.replace(old, new, 1)) == [code]


def test_an_article_without_stock_needs_a_budget() -> None:
    open_ended = GOOD.replace(", stock: 3", "")
    load_campaign(open_ended.encode(), "x.yaml")
    assert faults(open_ended.replace('budget: {total: "150.50"}\n', "")) == ["no_ceiling"]
    load_campaign(GOOD.replace('budget: {total: "150.50"}\n', "").encode(), "x.yaml")


def test_two_people_are_enough_stock_where_virtual_seats_fill_the_rest() -> None:
    load_campaign(GOOD.replace("stock: 3", "stock: 2").replace("from_percent: 99", "from_percent: 66").encode(), "x.yaml")


def test_virtual_fill_is_told_to_the_law_and_is_off_by_default() -> None:
    assert VIRTUAL_FILL in GROUP_BUY.approval_kinds
    assert [GROUP_BUY.legal(campaign(percent=percent)).facts for percent in (50, None)] == [{"virtual_members": True}, {"virtual_members": False}]
    assert load_campaign(GOOD.replace("  virtual_fill: {from_percent: 99}\n", "").encode(), "x.yaml").campaign.terms.virtual_from_percent is None


@pytest.mark.parametrize(
    ("size", "percent", "people"), [(3, None, 3), (3, 1, 1), (3, 33, 1), (3, 34, 2), (3, 66, 2), (3, 67, 3), (4, 50, 2), (4, 51, 3), (2, 99, 2)]
)
def test_a_share_of_members_is_rounded_up_to_whole_people(size: int, percent: int | None, people: int) -> None:
    assert members_min(size, percent) == people


@pytest.mark.parametrize(
    ("size", "stock", "percent", "groups"),
    # Two articles: with stock 3 and size 3 one group each; with 5, the members of two groups may be refunded for a third.
    [(3, 3, None, 2), (3, 5, None, 6), (3, 2, None, 0), (4, 5, 50, 8), (2, 1, 50, 2)],
)
def test_the_most_it_can_cost_counts_every_commission_that_can_stand(size: int, stock: int, percent: int | None, groups: int) -> None:
    discounts = stock * (LIST - PRICE) + stock * 3000
    assert GROUP_BUY.cost_max_fen(campaign(size, stock, COMMISSION, percent)) == discounts + groups * COMMISSION
    assert GROUP_BUY.cost_max_fen(campaign(stock=None)) is None


def test_stock_is_a_pool_for_each_article_and_one_live_group_a_limit() -> None:
    few, many = campaign(stock=7), campaign(stock=None)
    assert GROUP_BUY.pools(few) == {"tea": 7, "cup": 7}
    assert (GROUP_BUY.pools(many), GROUP_BUY.pool_size(many, "tea")) == ({}, None)
    assert GROUP_BUY.limits(few) == {"user": 3, "live": 1}
    with pytest.raises(KeyError):
        GROUP_BUY.pool_size(few, "coffee")
    assert [(price.sku, price.list_fen, price.price_fen, price.stock) for price in GROUP_BUY.prices(few)] == [("tea", LIST, PRICE, 7), ("cup", 6000, 3000, 7)]
