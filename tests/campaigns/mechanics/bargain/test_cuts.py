"""The sequence of cuts: exact in sum, at least one fen each, and the same for ever."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.mechanics.bargain.cuts import Shape, cut_of, sequence

SEEDS = st.integers(0, 2**62 - 1)
SHAPES = st.sampled_from(["even", "front_loaded"])
SPREADS = st.integers(0, 90)


@pytest.mark.parametrize(
    ("seed", "total_fen", "count", "shape", "spread", "cuts"),
    [
        (0, 8910, 10, "front_loaded", 30, (1258, 1125, 914, 1104, 944, 817, 855, 751, 709, 433)),
        (2**62 - 1, 8910, 10, "even", 30, (607, 735, 1008, 1073, 1103, 989, 1036, 660, 924, 775)),
        (20261111, 8910, 10, "front_loaded", 0, (1336, 1237, 1138, 1039, 941, 841, 743, 644, 544, 447)),
        (5, 100000, 5, "even", 90, (3066, 17089, 21460, 35468, 22917)),
        (7, 12, 10, "front_loaded", 90, (1, 1, 2, 1, 1, 1, 1, 1, 1, 2)),
    ],
)
def test_golden_sequences_never_change(seed: int, total_fen: int, count: int, shape: Shape, spread: int, cuts: tuple[int, ...]) -> None:
    """Whoever changes these changes the price of every bargain that runs."""
    assert sequence.__wrapped__(seed, total_fen, count, shape, spread) == cuts


@given(seed=SEEDS, count=st.integers(1, 1000), more=st.one_of(st.integers(0, 50), st.integers(0, 10**12)), shape=SHAPES, spread=SPREADS)
@example(seed=0, count=1000, more=0, shape="front_loaded", spread=90)
@example(seed=0, count=1, more=0, shape="front_loaded", spread=90)
def test_cuts_sum_exactly_and_each_is_at_least_a_fen(seed: int, count: int, more: int, shape: Shape, spread: int) -> None:
    cuts = sequence(seed, count + more, count, shape, spread)
    assert (len(cuts), sum(cuts)) == (count, count + more)
    assert min(cuts) >= 1


@given(seed=SEEDS, count=st.integers(1, 60), more=st.integers(0, 10**7), shape=SHAPES, spread=SPREADS)
def test_each_cut_lies_within_what_the_spread_allows(seed: int, count: int, more: int, shape: Shape, spread: int) -> None:
    """The bounds come from the shape alone: in hundredths and count-ths, the weight that a place has without any spread."""
    bases = [1 if shape == "even" or count == 1 else 3 * (count - 1) - 2 * place for place in range(count)]
    for cut, base in zip(sequence(seed, count + more, count, shape, spread), bases, strict=True):
        least, most = base * (100 - spread), base * (100 + spread)
        # A weight at one end of the spread among others that are all at the other end.
        lowest = more * least / (least + (sum(bases) - base) * (100 + spread))
        highest = more * most / (most + (sum(bases) - base) * (100 - spread))
        assert lowest - 1.01 <= cut - 1 <= highest + 1.01


@given(seed=SEEDS, count=st.integers(2, 1000), more=st.integers(0, 10**9))
def test_without_spread_even_cuts_differ_by_a_fen_and_front_loaded_ones_fall(seed: int, count: int, more: int) -> None:
    even = sequence(seed, count + more, count, "even", 0)
    assert max(even) - min(even) <= 1
    falling = sequence(seed, count + more, count, "front_loaded", 0)
    assert all(later <= earlier + 1 for earlier, later in pairwise(falling))
    assert falling[-1] * 3 - 6 <= falling[0] <= falling[-1] * 3 + 6


@given(one=SEEDS, other=SEEDS, shape=SHAPES)
def test_another_seed_is_another_sequence(one: int, other: int, shape: Shape) -> None:
    same = sequence(one, 10**9, 20, shape, 30) == sequence(other, 10**9, 20, shape, 30)
    assert same == (one == other)


@pytest.mark.parametrize(("total_fen", "count"), [(9, 10), (0, 1), (5, 0), (-1, 1)])
def test_less_than_a_fen_for_each_cut_is_an_error(total_fen: int, count: int) -> None:
    with pytest.raises(ValueError, match="1 fen"):
        sequence(1, total_fen, count, "even", 0)


def test_a_cut_of_several_places_takes_off_all_of_them() -> None:
    assert [cut_of((5, 3, 2), places) for places in ([], [0], [1, 2])] == [0, 5, 5]
