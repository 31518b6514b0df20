"""Withholding by hand and by hypothesis: the numbers of the declared regimes, and what must hold for any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.mechanics.withdrawal.regime import Earlier, Withheld, regime_document, regime_from, withhold
from campaigns.mechanics.withdrawal.table import read_table, table
from core.errors import Malformed

REGIMES = table().regimes
YUAN = 100


def tax(regime: str, yuan: float, earlier: Earlier | None = None) -> float:
    return withhold(REGIMES[regime], round(yuan * YUAN), earlier or Earlier()).tax_fen / YUAN


# Worked out by hand from the announcement: at most 800 nothing; at most 4,000 less 800; above that less a fifth; then 20, 30 and 40 percent.
@pytest.mark.parametrize(
    ("income", "due"),
    [(0.01, 0), (800, 0), (800.01, 0), (800.03, 0.01), (1_000, 40), (4_000, 640), (4_000.01, 640), (5_000, 800), (25_000, 4_000), (100_000, 25_000)],
)
def test_labour_income_by_the_announcement(income: float, due: float) -> None:
    assert tax("labour_income", income) == due


def test_platform_workers_are_taxed_on_the_year_so_far() -> None:
    assert tax("platform_worker", 10_000) == 90
    assert tax("platform_worker", 10_000, Earlier(1_000_000, 9_000, 2)) == 90
    # 120,000 in six months: 96,000 − 30,000 = 66,000 → 6,600 − 2,520.
    assert tax("platform_worker", 20_000, Earlier(10_000_000, 0, 6)) == 4_080
    # In a month without much, nothing is given back.
    assert tax("platform_worker", 1, Earlier(1_000_000, 9_000, 2)) == 0
    assert tax("prize", 10_000) == 2_000


def test_the_months_payments_are_one_where_the_regime_says_so() -> None:
    """Five times 800 would pay nothing one by one."""
    assert sum(tax("labour_income", 800) for _ in range(5)) == 0
    paid, held = 0, 0
    for _ in range(5):
        step = withhold(REGIMES["labour_income_monthly"], 80_000, Earlier(paid, held))
        paid, held = paid + 80_000, held + step.tax_fen
    assert held == withhold(REGIMES["labour_income"], 400_000, Earlier()).tax_fen == 64_000


@given(name=st.sampled_from(sorted(REGIMES)), fen=st.integers(1, 10**10), more=st.integers(0, 10**8))
def test_more_income_never_leaves_less_and_tax_never_takes_all(name: str, fen: int, more: int) -> None:
    one, other = (withhold(REGIMES[name], amount, Earlier()).tax_fen for amount in (fen, fen + more))
    assert 0 <= one <= other
    # Rounding to a fen may take one.
    assert fen - one <= fen + more - other + 1
    assert one < fen


@given(name=st.sampled_from(["labour_income_monthly", "platform_worker"]), parts=st.lists(st.integers(1, 3_000_000), min_size=1, max_size=8))
def test_parts_of_one_period_pay_what_the_whole_pays(name: str, parts: list[int]) -> None:
    paid = held = 0
    last: Withheld | None = None
    for fen in parts:
        last = withhold(REGIMES[name], fen, Earlier(paid, held))
        assert 0 <= last.tax_fen <= fen
        paid, held = paid + fen, held + last.tax_fen
    whole = withhold(REGIMES[name], paid, Earlier())
    assert last is not None
    # The last payment may be too small to bear what the others did not; it is borne by later ones.
    assert held == whole.tax_fen or last.tax_fen == parts[-1]


@pytest.mark.parametrize("name", sorted(REGIMES))
def test_a_regime_is_kept_with_its_version_and_read_back(name: str) -> None:
    assert regime_from(regime_document(REGIMES[name])) == REGIMES[name]


def test_a_table_is_told_all_its_mistakes_at_once() -> None:
    source = b"""\
channel: {title: c, real_name_from: "2000.00", confirm_within: 24h}
regimes:
  one:
    title: t
    source: s
    per: week
    brackets: [{percent: "20"}]
  two:
    title: t
    source: s
    per: month
    each_month: "5000.00"
    deduct: [{up_to: "10.00", amount: "1.00", percent: "2"}, {percent: "20"}]
    brackets:
      - {up_to: "100.00", percent: "3"}
      - {up_to: "90.00", percent: "10", quick: "7.00"}
      - {percent: "20", quick: "17.00"}
  three:
    title: t
    source: s
    per: year
    brackets:
      - {up_to: "100.00", percent: "3"}
      - {percent: "10", quick: "7.01"}
"""
    with pytest.raises(Malformed) as caught:
        read_table(source, "own.yaml")
    told = {(problem.fault.code, problem.place.line) for problem in caught.value.extra["errors"]}
    assert told >= {("one_of_two", 13), ("rows_order", 16), ("bracket_jumps", 24), ("each_month_of_a_year", 12)}
    assert any(line == 6 for _, line in told)
