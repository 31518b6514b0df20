"""The block `bargain:` of a campaign file: what it means, what contradicts, and where that is told."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.files.load import campaign_from_document, load_campaign
from campaigns.mechanics.bargain.terms import FORM, BargainTerms
from campaigns.mechanics.skus import Sku
from core.errors import Malformed
from core.yamlfile.problems import Problem

EXAMPLE = Path(__file__).parents[4] / "examples" / "friends-bargain.yaml"
GOOD = """\
campaign: chop
mechanic: bargain
title: 好友砍价
starts: 2026-11-01
ends: 2026-11-30
budget: {total: "50.00"}
bargain:
  skus:
    - {sku: fan, list: "1.00", floor: "0.96", stock: 3}
  cuts: 4
  life: 2h
  shape: even
  spread_percent: 90
  own_cut: false
  new_helper: {registered_within: 3d}
  helps_per_user: 5
  helps_per_device: 6
  order_any_time: true
  pay_within: 20m
"""


def problems(source: str) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        load_campaign(source.encode(), "x.yaml")
    return list(caught.value.extra["errors"])


def test_friends_cut_to_the_floor_in_the_example() -> None:
    loaded = load_campaign(EXAMPLE.read_bytes(), EXAMPLE.name).campaign
    terms: BargainTerms = loaded.terms
    assert (loaded.id, terms.cuts, terms.shape, terms.own_cut) == ("friends-bargain", 10, "front_loaded", True)
    assert [(sku.list_fen, sku.price_fen) for sku in terms.skus] == [(9900, 990)]


def test_a_file_says_what_it_means_and_its_document_reads_back() -> None:
    loaded = load_campaign(GOOD.encode(), "x.yaml")
    spans = {"life": timedelta(hours=2), "new_within": timedelta(days=3), "pay_within": timedelta(minutes=20)}
    helps = {"helps_per_user": 5, "helps_per_device": 6}
    expected = BargainTerms(skus=(Sku("fan", 100, 96, 3),), cuts=4, shape="even", spread=90, own_cut=False, order_any_time=True, **helps, **spans)
    assert loaded.campaign.terms == expected
    assert campaign_from_document(json.loads(json.dumps(loaded.document))) == loaded.campaign


def test_what_is_not_written_is_usual() -> None:
    lines = GOOD.splitlines(keepends=True)
    few = "".join(line for line in lines if not line.startswith("  ") or line.strip().startswith(("skus", "- ", "cuts")))
    loaded = load_campaign(few.encode(), "x.yaml")
    terms: BargainTerms = loaded.campaign.terms
    assert (terms.shape, terms.spread, terms.own_cut, terms.order_any_time) == ("front_loaded", 30, True, False)
    assert (terms.life, terms.pay_within, terms.new_within) == (timedelta(hours=24), timedelta(minutes=30), None)
    assert (terms.helps_per_user, terms.helps_per_device) == (3, None)
    assert campaign_from_document(json.loads(json.dumps(loaded.document))) == loaded.campaign


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        # Four fen are enough for four cuts and not for five.
        ("cuts: 4", "cuts: 5", "cuts_too_small", 9),
        ('floor: "0.96"', 'floor: "0.97"', "cuts_too_small", 9),
        ('floor: "0.96"', 'floor: "1.00"', "price_not_lower", 9),
        ('floor: "0.96"', 'floor: "1.01"', "price_not_lower", 9),
        ('floor: "0.96"', 'floor: "0.00"', "money_too_small", 9),
        ("cuts: 4", "cuts: 0", "out_of_range", 10),
        ("cuts: 4", "cuts: 1001", "out_of_range", 10),
        ("spread_percent: 90", "spread_percent: 91", "out_of_range", 13),
        ("spread_percent: 90", "spread_percent: -1", "out_of_range", 13),
        ("helps_per_user: 5", "helps_per_user: 0", "out_of_range", 16),
        ("helps_per_device: 6", "helps_per_device: 0", "out_of_range", 17),
        ("own_cut: false", "own_cut: maybe", "not_boolean", 14),
        ("registered_within: 3d", "registered_within: soon", "not_a_duration", 15),
        ("{registered_within: 3d}", "{}", "missing_key", 15),
        ("cuts: 4", "cuts: 4\n  helper: 9", "unknown_key", 11),
        ('budget: {total: "50.00"}', "limits: {total: 9}", "total_not_used", 6),
        ('total: "50.00"', 'total: "0.03"', "budget_too_small", 6),
    ],
)
def test_a_contradiction_is_told_where_it_stands(old: str, new: str, code: str, line: int) -> None:
    assert old in GOOD
    load_campaign(GOOD.encode(), "x.yaml")
    assert [(problem.fault.code, problem.place.line) for problem in problems(GOOD.replace(old, new, 1))] == [(code, line)]


@pytest.mark.parametrize(("old", "new"), [("cuts: 4", "cuts: 1"), ("spread_percent: 90", "spread_percent: 0"), ('total: "50.00"', 'total: "0.04"')])
def test_the_ends_of_what_is_allowed_are_allowed(old: str, new: str) -> None:
    assert old in GOOD
    load_campaign(GOOD.replace(old, new, 1).encode(), "x.yaml")


def test_a_thousand_cuts_of_a_fen_each_are_allowed() -> None:
    many = GOOD.replace("cuts: 4", "cuts: 1000").replace('list: "1.00"', 'list: "10.96"')
    assert load_campaign(many.encode(), "x.yaml").campaign.terms.cuts == 1000
    assert [problem.fault.code for problem in problems(many.replace("10.96", "10.95"))] == ["cuts_too_small"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    bad = GOOD.replace("stock: 3}", "stock: 3}\n    - {sku: fan, list: x, floor: 9}\n    - 7").replace("cuts: 4", "cuts: 5")
    assert {problem.fault.code for problem in problems(bad)} >= {"cuts_too_small", "not_money", "not_mapping"}


def test_an_article_without_stock_needs_a_budget() -> None:
    open_ended = GOOD.replace(", stock: 3", "")
    load_campaign(open_ended.encode(), "x.yaml")
    assert [problem.fault.code for problem in problems(open_ended.replace('budget: {total: "50.00"}\n', ""))] == ["no_ceiling"]


def test_an_editor_knows_every_key_of_the_block() -> None:
    assert set(FORM.json_schema()["properties"]) == set(FORM.schema().fields)
