"""Instants are aware and exact to the microsecond, in every form they are kept in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SystemClock, TurnedClock, from_micros, require_aware, to_micros, to_millis

START = datetime(2026, 11, 20, 4, tzinfo=UTC)
NAIVE = START.replace(tzinfo=None)


@given(st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-9, minutes=-30))) | st.just(ZoneInfo("Asia/Shanghai"))))
def test_an_instant_survives_as_microseconds(at: datetime) -> None:
    back = from_micros(to_micros(at))
    assert back - at == timedelta(0)
    assert back.tzinfo is UTC


def test_microseconds_are_counted_from_1970_and_milliseconds_round_down() -> None:
    assert to_micros(datetime(1970, 1, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai"))) == 0
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
    assert to_millis(START + timedelta(microseconds=1999)) == to_millis(START) + 1


@pytest.mark.parametrize("use", [require_aware, to_micros, to_millis, TurnedClock])
def test_a_time_without_a_zone_is_refused(use: object) -> None:
    assert callable(use)
    with pytest.raises(ValueError, match="needs its zone"):
        use(NAIVE)


def test_a_turned_clock_stands_until_it_is_turned() -> None:
    clock = TurnedClock(START)
    assert (clock.now(), clock.now()) == (START, START)
    clock.turn(minutes=1)
    assert clock.now() == START + timedelta(minutes=1)
    clock.turn(hours=-2)
    assert clock.now() == START + timedelta(minutes=1, hours=-2)


def test_the_system_clock_is_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
