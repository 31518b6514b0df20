"""Groups are those that a walk along the edges finds, in any order of edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.gangs.graph import components, different, joined, pairs


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_components_are_the_least_node_that_can_be_reached(edges: list[tuple[int, int]]) -> None:
    ones, others = (np.array([edge[place] for edge in edges], dtype=np.int64) for place in (0, 1))
    near: dict[int, set[int]] = {node: {node} for node in range(31)}
    for one, other in edges:
        near[one].add(other)
        near[other].add(one)
    expected = []
    for node in range(31):
        seen, waiting = {node}, [node]
        while waiting:
            more = near[waiting.pop()] - seen
            seen |= more
            waiting += more
        expected.append(min(seen))
    assert components(ones, others, 31).tolist() == expected


def test_a_long_chain_is_one_group() -> None:
    chain = np.arange(100_000)
    assert not components(chain[:-1], chain[1:], 100_000).any()


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-(2**40), 2**40)), max_size=40))
def test_a_joined_pair_stands_for_that_pair_alone_and_in_its_order(given_pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array([one[place] for one in given_pairs], dtype=np.int64) for place in (0, 1))
    numbers = joined(left, right)
    assert len(np.unique(numbers)) == len(set(given_pairs))
    assert [tuple(map(int, one)) for one in zip(*pairs(left, right), strict=True)] == sorted(set(given_pairs))


def test_pairs_that_63_bits_cannot_hold_are_refused() -> None:
    with pytest.raises(OverflowError):
        joined(np.array([0, 2**40]), np.array([0, 2**40]))


def test_different_ones_are_counted_once() -> None:
    assert different(np.array([0, 0, 0, 2]), np.array([5, 5, 6, 5]), 3).tolist() == [2, 0, 1]
