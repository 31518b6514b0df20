"""Values in tests: compared by kind and exactly, and shown as they may be written."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.cases.values import matches, shown
from rules.lang.kinds import Kind
from rules.lang.meaning import EXACT_MAX
from rules.model import AtLeast, FeatureValue

ZONE = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (Kind.NUMBER, 3, 3),
        (Kind.NUMBER, 3, 3.0),
        (Kind.NUMBER, "2.5", 2.5),
        (Kind.NUMBER, "-2.5", -2.5),
        (Kind.NUMBER, "100+", AtLeast(100)),
        (Kind.NUMBER, None, None),
        (Kind.NUMBER, "missing", None),
        (Kind.MONEY, "¥4.50", 450),
        (Kind.MONEY, "¥4.5", 450),
        (Kind.MONEY, "-¥4.50", -450),
        (Kind.DURATION, "10m", 600_000_000),
        (Kind.DURATION, "600s", 600_000_000),
        (Kind.BOOLEAN, True, True),
        (Kind.TEXT, "app", "app"),
        (Kind.TEXT, "162", "162"),
        (Kind.TEXT, "missing", None),
        (Kind.TEXT, "'missing'", "missing"),
        (Kind.CLOCK, "20:00", 20 * HOUR),
        (Kind.INSTANT, "2026-11-11", 1_794_326_400_000_000),
        (Kind.INSTANT, "2026-11-11T00:00:00+08:00", 1_794_326_400_000_000),
    ],
)
def test_a_value_is_the_one_that_is_written(kind: Kind, written: Any, value: FeatureValue) -> None:
    assert matches(kind, written, value, ZONE)


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (Kind.NUMBER, 3, 4),
        (Kind.NUMBER, 3, None),
        (Kind.NUMBER, None, 0),
        (Kind.NUMBER, 0, None),
        (Kind.NUMBER, 100, AtLeast(100)),
        (Kind.NUMBER, "100+", 100),
        (Kind.NUMBER, "100+", AtLeast(50)),
        (Kind.NUMBER, "100+", None),
        (Kind.NUMBER, "0.33", 1 / 3),
        (Kind.NUMBER, True, 1),
        (Kind.NUMBER, "¥3", 3),
        (Kind.MONEY, 450, 450),
        (Kind.MONEY, "4.50", 450),
        (Kind.MONEY, "¥4.51", 450),
        (Kind.DURATION, 600, 600_000_000),
        (Kind.BOOLEAN, "true", True),
        (Kind.BOOLEAN, False, None),
        (Kind.TEXT, 162, "162"),
        (Kind.TEXT, "missing", "missing"),
        (Kind.TEXT, "App", "app"),
    ],
)
def test_no_other_value_is(kind: Kind, written: Any, value: FeatureValue) -> None:
    assert not matches(kind, written, value, ZONE)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.NUMBER, None, "missing"),
        (Kind.NUMBER, AtLeast(100), "100+"),
        (Kind.NUMBER, 3.0, "3.0"),
        (Kind.NUMBER, 1e-7, "0.0000001"),
        (Kind.NUMBER, 1e15, "1000000000000000.0"),
        (Kind.MONEY, 450, "¥4.50"),
        (Kind.MONEY, -5, "-¥0.05"),
        (Kind.DURATION, 0, "0s"),
        (Kind.DURATION, 600_000_000, "10m"),
        (Kind.DURATION, 86_400_000_000, "1d"),
        (Kind.DURATION, 90_000_000, "90s"),
        (Kind.DURATION, 1_500_000, "1500ms"),
        (Kind.DURATION, 1, "1us"),
        (Kind.BOOLEAN, True, "true"),
        (Kind.TEXT, "app", "app"),
        (Kind.TEXT, "missing", "'missing'"),
        (Kind.CLOCK, 20 * HOUR, "20:00"),
        (Kind.CLOCK, 20 * HOUR + 1_500_000, "20:00:1.5"),
        (Kind.INSTANT, HOUR, "1970-01-01T09:00:00+08:00"),
        (Kind.INSTANT, 10**18, "1000000000000000000us"),
    ],
)
def test_a_value_is_shown_in_the_words_of_the_language(kind: Kind, value: FeatureValue, text: str) -> None:
    assert shown(kind, value, ZONE) == text


WHOLE = st.integers(-EXACT_MAX // 100, EXACT_MAX // 100)
SHOWN = st.one_of(
    st.tuples(st.just(Kind.NUMBER), WHOLE | st.floats(-1e15, 1e15)),
    st.tuples(st.just(Kind.NUMBER), st.builds(AtLeast, st.integers(1, 10_000))),
    st.tuples(st.just(Kind.MONEY), WHOLE),
    st.tuples(st.just(Kind.DURATION), st.integers(-(10**11), 10**11).map(lambda ms: ms * 1000)),
    st.tuples(st.just(Kind.BOOLEAN), st.booleans()),
    st.tuples(st.just(Kind.TEXT), st.text(max_size=8)),
    st.tuples(st.just(Kind.INSTANT), st.integers(946_800_000_000_000, 7_200_000_000_000_000)),
    st.tuples(st.sampled_from(list(Kind)), st.none()),
)


@given(SHOWN)
def test_what_is_shown_can_be_written_into_the_test(found: tuple[Kind, FeatureValue]) -> None:
    kind, value = found
    text = shown(kind, value, ZONE)
    assert matches(kind, {"true": True, "false": False}.get(text, text) if kind is Kind.BOOLEAN else text, value, ZONE)
