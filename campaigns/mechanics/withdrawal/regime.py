"""Withholding: how much tax is held back from what is paid out to a person, by a regime whose numbers are data. Pure.

One formula serves all regimes: incomes of a payment, a month or a year add up, something is deducted, a bracket gives the tax of it all, and what
was withheld before is taken off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from campaigns.mechanics.rates import WHOLE
from core.text import Text


@dataclass(frozen=True, slots=True)
class Deduction:
    """Taken off an income of at most `up_to_fen` (None: of any): an amount, or a rate of the income in hundredths of a percent."""

    up_to_fen: int | None
    fen: int
    rate: int


@dataclass(frozen=True, slots=True)
class Bracket:
    """For what is taxable up to `up_to_fen` (None: without end): the rate in hundredths of a percent, less the quick deduction (速算扣除数)."""

    up_to_fen: int | None
    rate: int
    quick_fen: int


@dataclass(frozen=True, slots=True)
class Regime:
    """`per` is what adds up to one income: "payment", "month" or "year". `each_month_fen` is taken off for every month since the first income."""

    name: str
    title: Text
    source: str
    per: str
    free_up_to_fen: int
    deduct: tuple[Deduction, ...]
    each_month_fen: int
    brackets: tuple[Bracket, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was paid out before in the same month or year, before tax, and withheld from it; `months` counts from its first month to this one."""

    income_fen: int = 0
    withheld_fen: int = 0
    months: int = 1


@dataclass(frozen=True, slots=True)
class Withheld:
    """The tax of one payment in fen, and every number that it follows from."""

    tax_fen: int
    income_fen: int
    taxable_fen: int
    rate: int
    quick_fen: int
    due_fen: int
    withheld_before_fen: int
    months: int

    def basis(self, regime: Regime) -> dict[str, Any]:
        """For the record: enough to check the tax with a pencil."""
        return {"regime": regime.name, "source": regime.source, "per": regime.per, **asdict(self)}


def withhold(regime: Regime, fen: int, earlier: Earlier) -> Withheld:
    """The tax of a payment of `fen` before tax, rounded half up to a fen. Never below zero, and never more than the payment."""
    income = earlier.income_fen + fen
    taxable = Fraction(0)
    if income > regime.free_up_to_fen:
        taxable = max(Fraction(0), income - _deduction(regime, income) - regime.each_month_fen * earlier.months)
    bracket = next(row for row in regime.brackets if row.up_to_fen is None or taxable <= row.up_to_fen)
    due = max(0, _rounded(taxable * bracket.rate / WHOLE - bracket.quick_fen))
    tax = min(fen, max(0, due - earlier.withheld_fen))
    return Withheld(tax, income, int(taxable), bracket.rate, bracket.quick_fen, due, earlier.withheld_fen, earlier.months)


def _deduction(regime: Regime, income: int) -> Fraction:
    for row in regime.deduct:
        if row.up_to_fen is None or income <= row.up_to_fen:
            return Fraction(row.fen) + Fraction(income * row.rate, WHOLE)
    return Fraction(0)


def _rounded(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2)) if amount >= 0 else 0


def regime_document(regime: Regime) -> dict[str, Any]:
    """The regime as JSON; `regime_from` reads it back."""
    return asdict(regime)


def regime_from(document: Mapping[str, Any]) -> Regime:
    rows = {"deduct": tuple(Deduction(**row) for row in document["deduct"]), "brackets": tuple(Bracket(**row) for row in document["brackets"])}
    return Regime(**{**document, **rows, "title": Text(**document["title"])})
