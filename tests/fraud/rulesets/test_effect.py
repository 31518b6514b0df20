"""Which version serves at a moment, at the edges of its time, for every order in which versions may lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fraud.rulesets.effect import chosen, in_effect, next_change, states

T0 = datetime(2026, 11, 11, tzinfo=UTC)


@dataclass(frozen=True)
class One:
    version: int
    effective_from: datetime | None = None
    effective_to: datetime | None = None


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def test_a_time_includes_its_start_and_not_its_end() -> None:
    one = One(1, at(1), at(2))
    assert [in_effect(one, at(hours)) for hours in (0.99, 1, 1.99, 2)] == [False, True, True, False]


def test_the_newest_in_effect_serves() -> None:
    versions = [One(1), One(2, at(1), at(2)), One(3, at(5))]
    assert [chosen(versions, at(hours)).version for hours in (0, 1, 2, 5)] == [1, 2, 1, 3]  # type: ignore[union-attr]
    assert [next_change(versions, at(hours)) for hours in (0, 1, 2, 5)] == [at(1), at(2), at(5), None]


edges = st.none() | st.integers(0, 6).map(at)
some = st.lists(st.tuples(edges, edges), max_size=5).map(lambda times: [One(number, *both) for number, both in enumerate(times, 1)])


@given(some, st.integers(0, 6))
def test_at_most_one_is_live_and_it_is_the_chosen_one(versions: list[One], hour: int) -> None:
    said = states(versions, at(hour))
    live = [version for version, state in said.items() if state == "live"]
    found = chosen(versions, at(hour))
    assert live == ([] if found is None else [found.version])


@given(some, st.integers(0, 6), st.integers(0, 6))
def test_a_retired_version_never_serves_again(versions: list[One], hour: int, more: int) -> None:
    retired = {version for version, state in states(versions, at(hour)).items() if state == "retired"}
    later = chosen(versions, at(hour + more))
    assert later is None or later.version not in retired


@given(some, st.integers(0, 6))
def test_between_two_changes_the_same_one_serves(versions: list[One], hour: int) -> None:
    until = next_change(versions, at(hour)) or at(hour + 1)
    assert chosen(versions, until - timedelta(microseconds=1)) == chosen(versions, at(hour))
