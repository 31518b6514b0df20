"""What a coupon takes off an order, at every boundary; and for any order never too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.discounts import Line, NoDiscount, Offer, discount_of

TEA, CUP, PEN = Line("tea", "drink", 6000), Line("cup", "home", 3000), Line("pen", None, 1000)


@pytest.mark.parametrize(
    ("offer", "total", "lines", "found"),
    [
        (Offer(2000), None, (), 2000),
        (Offer(2000, threshold_fen=9900), 9900, (), 2000),
        (Offer(2000, threshold_fen=9900), 9899, (), "under_threshold"),
        (Offer(2000, threshold_fen=9900), None, (), "amount_required"),
        (Offer(2000), 2000, (), 1999),
        (Offer(2000), 2001, (), 2000),
        (Offer(2000), 1, (), "order_too_small"),
        (Offer(5000, percent=20), 10_001, (), 2000),
        (Offer(1500, percent=20), 10_000, (), 1500),
        (Offer(5000, percent=20), None, (), "amount_required"),
        (Offer(2000, skus=frozenset({"tea"})), 10_000, (), "lines_required"),
        (Offer(2000, skus=frozenset({"tea"})), None, (TEA, CUP), 2000),
        (Offer(9000, skus=frozenset({"tea"})), None, (TEA, CUP), 6000),
        (Offer(9000, skus=frozenset({"tea"})), None, (TEA,), 5999),
        (Offer(2000, skus=frozenset({"fan"})), None, (TEA, PEN), "not_in_scope"),
        (Offer(2000, categories=frozenset({"home"})), None, (TEA, CUP, PEN), 2000),
        (Offer(9000, percent=10, skus=frozenset({"tea"}), categories=frozenset({"home"})), None, (TEA, CUP, PEN), 900),
        (Offer(2000, threshold_fen=6001, skus=frozenset({"tea"})), None, (TEA, CUP), "under_threshold"),
        (Offer(2000, threshold_fen=6000, skus=frozenset({"tea"})), None, (TEA, CUP), 2000),
    ],
)
def test_a_discount_is_what_its_offer_says(offer: Offer, total: int | None, lines: tuple[Line, ...], found: int | str) -> None:
    got = discount_of(offer, total, lines)
    assert (got.code if isinstance(got, NoDiscount) else got) == found


LINES = st.lists(st.builds(Line, st.sampled_from("abc"), st.sampled_from(["x", "y", None]), st.integers(0, 10**9)), max_size=6).map(tuple)
OFFERS = st.builds(
    Offer,
    st.integers(1, 10**9),
    st.sampled_from([0, 1, 5000]),
    st.one_of(st.none(), st.integers(1, 99)),
    st.frozensets(st.sampled_from("abc"), max_size=2),
    st.frozensets(st.sampled_from("xy"), max_size=1),
)


@given(OFFERS, LINES)
def test_no_discount_is_above_its_face_its_scope_or_takes_the_order_to_nothing(offer: Offer, lines: tuple[Line, ...]) -> None:
    got = discount_of(offer, None, lines)
    if isinstance(got, NoDiscount):
        return
    total = sum(line.amount_fen for line in lines)
    assert 0 < got <= offer.face_fen
    if lines:
        eligible = sum(line.amount_fen for line in lines if not offer.scoped or line.sku in offer.skus or line.category in offer.categories)
        assert got <= min(eligible, total - 1)
        assert offer.percent is None or got * 100 <= eligible * offer.percent
