"""The meaning of every feature: a golden table, and properties that hold for any events."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rules.files.fields import field_catalogue
from rules.model import AtLeast
from rules.windows.build import build_feature
from rules.windows.declare import FeatureField
from rules.windows.oracle import features_at, value_of
from rules.windows.spec import Aggregate, Feature, Window

GOLDEN = YAML(typ="safe").load((Path(__file__).parent / "golden.yaml").read_text(encoding="utf-8"))
FIELDS = field_catalogue({"shop": "text", "items": "number"})
SECOND = 1_000_000
LISTS = {"segments": frozenset({"170"})}
ZONE = ZoneInfo("Asia/Shanghai")


def declared(**plain: Any) -> Feature:
    feature, faults = build_feature(FeatureField().deserialize(plain), "coupon.claim", FIELDS)
    assert feature is not None, faults
    return feature


def record(number: int, seconds: float, **fields: Any) -> dict[str, Any]:
    given_start = {"session_started_at": round(fields.pop("session_started_at") * SECOND)} if "session_started_at" in fields else {}
    return {"id": f"e{number}", "type": "coupon.claim", "at": round(seconds * SECOND), **fields, **given_start}


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_golden(case: dict[str, Any]) -> None:
    events = [record(number, seconds, **fields) for number, (seconds, fields) in enumerate(case["events"])]
    shuffled = random.Random(1).sample(events, len(events))
    found = features_at({"f": declared(**case["feature"])}, LISTS, shuffled, events[-1], ZONE)["f"]
    wanted = case["gives"]
    assert found == (AtLeast(int(wanted[:-1])) if isinstance(wanted, str) and wanted.endswith("+") else wanted)
    assert type(found) is not bool or isinstance(wanted, bool)


EVENTS = st.lists(
    st.builds(
        lambda at, user, items: (at, user, items),
        st.integers(0, 40),
        st.sampled_from("ab"),
        st.one_of(st.none(), st.integers(-5, 5), st.floats(-4, 4, width=16)),
    ),
    min_size=1,
    max_size=8,
)
FORMS = [
    {"count": "events"},
    {"distinct": "items"},
    {"sum": "items"},
    {"mean": "items"},
    {"stddev": "items"},
    {"cv": "items"},
    {"min": "items"},
    {"max": "items"},
    {"percentile": "items", "rank": 90},
    {"count": "events", "per": "items"},
]


def records(drawn: list[tuple[int, str, Any]]) -> list[dict[str, Any]]:
    return [{"id": f"e{n}", "type": "coupon.claim", "at": at * SECOND, "user": user, "items": items} for n, (at, user, items) in enumerate(drawn)]


@given(EVENTS, st.sampled_from([*FORMS, {"last": "items"}, {"time_since": "events"}]), st.randoms(use_true_random=False))
def test_order_of_arrival_and_retries_mean_nothing(drawn: list[Any], form: dict[str, Any], shuffler: random.Random) -> None:
    events = records(drawn)
    feature = declared(**form, by="user", window="10s")
    assert isinstance(feature, Window)
    again = [*events, *events]
    shuffler.shuffle(again)
    assert value_of(feature, again, events[-1]) == value_of(feature, events, events[-1])


@given(EVENTS, st.sampled_from(FORMS))
def test_what_is_outside_the_window_means_nothing(drawn: list[Any], form: dict[str, Any]) -> None:
    events = records(drawn)
    feature, now = declared(**form, by="user", window="10s"), events[-1]
    assert isinstance(feature, Window)
    inside = [event for event in events if now["at"] - 10 * SECOND < event["at"] <= now["at"]]
    assert value_of(feature, inside, now) == value_of(feature, events, now)


@settings(max_examples=60)
@given(EVENTS, st.sampled_from(FORMS))
def test_any_window_is_the_largest_of_all_windows_wherever_they_end(drawn: list[Any], form: dict[str, Any]) -> None:
    # Microseconds as the grid: every instant at which a window can end is tried.
    events = [{**event, "at": event["at"] // SECOND} for event in records(drawn)]
    now = max(events, key=lambda event: (event["at"], event["id"]))
    single = declared(**form, by="user", window="10s")
    assert isinstance(single, Window)
    window, span = 7, 30
    narrow = _resized(single, window, None)
    mine = [event for event in events if event["user"] == now["user"]]
    brute = [value_of(narrow, mine, {**now, "id": "probe", "at": end, "type": "other"}) for end in range(now["at"] - span + 1, now["at"] + 1)]
    wanted = max((value for value in brute if value is not None and not isinstance(value, AtLeast)), default=None)  # type: ignore[type-var]
    assert value_of(_resized(single, window, span), events, now) == wanted


def _resized(feature: Window, window: int, span: int | None) -> Window:
    return Window(
        feature.aggregate, feature.of, feature.by, window, feature.on, feature.kind, per=feature.per, percentile=feature.percentile, cap=None, any_us=span
    )


@given(EVENTS)
def test_a_bucketed_count_is_never_below_the_exact_one_and_off_by_one_bucket_at_most(drawn: list[Any]) -> None:
    events = records(drawn)
    exact, coarse = declared(count="events", by="user", window="10s", cap=1000), declared(count="events", by="user", window="10s", mode="bucketed", bucket="2s")
    wider = declared(count="events", by="user", window="12s", cap=1000)
    assert isinstance(exact, Window)
    assert isinstance(coarse, Window)
    assert isinstance(wider, Window)
    low, found, high = (value_of(feature, events, events[-1]) for feature in (exact, coarse, wider))
    assert low <= found <= high  # type: ignore[operator]


@pytest.mark.parametrize(("events", "value"), [(49, 49), (50, AtLeast(50)), (51, AtLeast(50))])
@pytest.mark.parametrize("form", [{"count": "events"}, {"distinct": "items"}])
def test_a_cap_of_fifty_is_reached_by_the_fiftieth(form: dict[str, Any], events: int, value: Any) -> None:
    found = [record(number, number / 1000, user="a", items=number) for number in range(events)]
    feature = declared(**form, by="user", window="10s", cap=50)
    assert isinstance(feature, Window)
    assert value_of(feature, found, found[-1]) == value


@pytest.mark.parametrize(("rank", "value"), [(0.1, 1), (0.11, 2), (99.9, 999), (99.91, 1000), (100, 1000)])
def test_a_decimal_rank_is_the_one_that_is_written(rank: float, value: int) -> None:
    events = [record(number, number / 1000, user="a", items=number + 1) for number in range(1000)]
    feature = declared(percentile="items", rank=rank, by="user", window="10s")
    assert isinstance(feature, Window)
    assert value_of(feature, events, events[-1]) == value


@pytest.mark.parametrize(("zone", "value"), [("Asia/Shanghai", 1), ("UTC", 0)])
def test_a_filter_reads_the_clock_of_the_zone(zone: str, value: int) -> None:
    night = record(0, 19 * 3600, user="a")
    feature = declared(count="events", by="user", window="10s", where="time_of_day(at) < 06:00")
    assert features_at({"f": feature}, {}, [night], night, ZoneInfo(zone)) == {"f": value}


@settings(max_examples=60)
@given(EVENTS, EVENTS)
def test_counts_of_separate_events_add_up(some: list[Any], others: list[Any]) -> None:
    left = records(some)
    right = [{**event, "id": f"other-{event['id']}"} for event in records(others)]
    feature = declared(count="events", by="user", window="10s", cap=1000)
    assert isinstance(feature, Window)
    now = {"id": "now", "type": "page.viewed", "at": 40 * SECOND, "user": "a"}
    found = [value_of(feature, events, now) for events in ([*left, *right], left, right)]
    assert found[0] == found[1] + found[2]  # type: ignore[operator]


def test_every_aggregate_stands_in_the_golden_table() -> None:
    written = {word for case in GOLDEN for word in case["feature"]}
    assert {str(aggregate) for aggregate in Aggregate} <= written
