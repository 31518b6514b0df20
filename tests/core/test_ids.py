"""Ids sort by the time they were made, name what they are, and are never the same."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id

MILLIS = st.integers(0, 2**48 - 1)


@given(MILLIS)
def test_an_id_is_its_prefix_and_26_characters_of_crockfords_alphabet(millis: int) -> None:
    assert re.fullmatch(r"rwd_[0-7][0-9A-HJKMNP-TV-Z]{25}", new_id("rwd", millis))


@given(MILLIS, MILLIS)
def test_ids_sort_by_their_time(one: int, other: int) -> None:
    if one != other:
        assert (new_id("x", one) < new_id("x", other)) == (one < other)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id("x", 1_795_000_000_000) for _ in range(10_000)}) == 10_000


def test_an_id_fits_its_column() -> None:
    assert max(len(new_id(prefix)) for prefix in ("rwd", "apr", "prn", "key", "sub", "aud", "msg", "tmr")) <= 32


def test_the_time_in_an_id_is_the_present_unless_it_is_given() -> None:
    earliest, latest = new_id("x", 1_700_000_000_000), new_id("x", 2**48 - 1)
    assert earliest < new_id("x") < latest
