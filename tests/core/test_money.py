"""Money is whole fen: what is read is exact, what is written reads back, and nothing else is an amount."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import FEN_MAX, Money, shares_within


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0", 0), ("49", 4900), ("49.5", 4950), ("49.50", 4950), ("0.01", 1), ("-0.01", -1), ("-0", 0), ("007.10", 710), ("9999999999.99", FEN_MAX - 1)],
)
def test_a_decimal_of_yuan_is_read_exactly(text: str, fen: int) -> None:
    assert Money.parse_yuan(text) == Money(fen)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1 ",
        " 1",
        "+1",
        "--1",
        "1.",
        ".5",
        "1.005",
        "1e3",
        "1,000",
        "¥1",
        "１",
        "٣",
        "0x1",
        "nan",
        "inf",
        "1\n",
        "1.5\n",
        "1_000",
        "10000000000",
        "9" * 5000,
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="not a decimal amount"):
        Money.parse_yuan(text)


@given(st.integers(-FEN_MAX, FEN_MAX))
def test_an_amount_as_text_is_its_decimal(fen: int) -> None:
    assert Decimal(Money(fen).yuan()) * 100 == fen


@given(st.integers(-FEN_MAX + 1, FEN_MAX - 1))
def test_an_amount_reads_back(fen: int) -> None:
    assert Money.parse_yuan(Money(fen).yuan()) == Money(fen)


@pytest.mark.parametrize("fen", [1.0, True, "1", None, Decimal(1)])
def test_fen_are_integers_alone(fen: object) -> None:
    with pytest.raises(TypeError):
        Money(fen)  # type: ignore[arg-type]


def test_the_largest_amount_has_an_edge() -> None:
    assert Money(FEN_MAX).fen == FEN_MAX
    assert Money(-FEN_MAX).fen == -FEN_MAX
    for beyond in (FEN_MAX + 1, -FEN_MAX - 1):
        with pytest.raises(ValueError, match="at most"):
            Money(beyond)


def test_amounts_have_an_order_and_currencies_are_apart() -> None:
    assert sorted([Money(3), Money(1), Money(2)]) == [Money(1), Money(2), Money(3)]
    assert Money(1) != Money(1, "USD")


@given(st.integers(0, 10**6), st.lists(st.integers(0, 500), max_size=8))
def test_no_share_is_beyond_its_room(total: int, room: list[int]) -> None:
    found = shares_within(total, room)
    assert sum(found) == min(total, sum(room))
    assert all(0 <= share <= most for share, most in zip(found, room, strict=True))


def test_what_rounding_leaves_goes_to_places_that_have_room() -> None:
    assert shares_within(2, [1, 1, 1]) == [0, 1, 1]
    assert shares_within(3, [1, 1, 1]) == [1, 1, 1]
    assert shares_within(2, [1, 1, 0]) == [1, 1, 0]
