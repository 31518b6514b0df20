"""The file of withdrawals: every mistake at once at its place, the channel's bounds, and what the version keeps."""

from __future__ import annotations

import pytest

from campaigns.files.load import campaign_from_document, load_campaign
from core.errors import Malformed

FILE = """\
campaign: payouts
mechanic: withdrawal
title: t
starts: 2026-11-01
ends: 2027-12-31
withdrawal:
  regime: labour_income
  approve_above: "2000.00"
"""
OWN = """\
  regime:
    title: own
    source: an operator's table
    per: month
    brackets: [{up_to: "100.00", percent: "3"}, {percent: "10", quick: "7.00"}]
"""


def codes(source: str) -> list[tuple[str, int]]:
    with pytest.raises(Malformed) as caught:
        load_campaign(source.encode(), "p.yaml")
    return [(problem.fault.code, problem.place.line) for problem in caught.value.extra["errors"]]


def test_what_is_left_out_is_the_channels() -> None:
    terms = load_campaign(FILE.encode(), "p.yaml").campaign.terms
    assert (terms.minimum_fen, terms.maximum_fen, terms.real_name_from_fen, terms.confirm_within.days) == (100, None, 200_000, 1)
    assert (terms.fee_fen(1), terms.regime.name) == (0, "labour_income")


@pytest.mark.parametrize("source", [FILE, FILE.replace("  regime: labour_income\n", OWN)])
def test_the_version_keeps_every_number(source: str) -> None:
    loaded = load_campaign(source.encode(), "p.yaml")
    assert campaign_from_document(loaded.document) == loaded.campaign


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ('  minimum: "5.00"\n  maximum: "4.99"\n', ("maximum_below_minimum", 10)),
        ('  fee: {least: "1.00"}\n', ("fee_takes_all", 9)),
        ('  real_name_from: "2000.01"\n', ("real_name_too_late", 9)),
        ("  confirm_within: 25h\n", ("confirm_too_long", 9)),
        ("  confirm_within: forever\n", ("not_a_duration", 9)),
        ("  per_day: 0\n", ("out_of_range", 9)),
        ('budget: {total: "1.00"}\n', ("not_used_here", 9)),
        ("limits: {total: 5}\n", ("not_used_here", 9)),
        ("eligible_when: first_order\n", ("not_used_here", 9)),
    ],
)
def test_a_mistake_is_told_at_its_place(more: str, code: tuple[str, int]) -> None:
    assert codes(FILE + more) == [code]


def test_a_regime_that_is_not_there_has_a_hint_and_one_of_its_own_is_checked() -> None:
    assert codes(FILE.replace("labour_income", "labor_income")) == [("unknown_regime", 7)]
    assert codes(FILE.replace("labour_income", "[]")) == [("not_mapping", 7)]
    assert codes(FILE.replace("  regime: labour_income\n", OWN.replace("7.00", "7.01"))) == [("bracket_jumps", 11)]


def test_a_fee_is_rounded_up_to_a_fen() -> None:
    terms = load_campaign((FILE + '  fee: {percent: "0.6", least: "0.10"}\n').encode(), "p.yaml").campaign.terms
    assert [terms.fee_fen(fen) for fen in (100, 1_666, 1_667, 10_000, 10_001)] == [10, 10, 11, 60, 61]
