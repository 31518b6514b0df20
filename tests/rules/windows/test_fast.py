"""The quick computation of windows gives what the oracle gives, for every aggregate, mode and number."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.lang.kinds import Kind
from rules.windows.fast import Log, value_in
from rules.windows.oracle import GAPS, value_of
from rules.windows.spec import Aggregate, Window

VALUES = st.sampled_from([None, 0, 1, 2, 7, -3, 2.5, 0.1, 1e300, -1e300, 10**12, 2**53])
EVENTS = st.lists(st.tuples(st.sampled_from([0, 1, 2, 5, 10, 20]), VALUES, st.sampled_from([None, "a", "b", 1])), min_size=0, max_size=20)


@st.composite
def features(draw: st.DrawFn) -> Window:
    aggregate = draw(st.sampled_from([one for one in Aggregate if one not in (Aggregate.LAST, Aggregate.SINCE, Aggregate.SEEN)]))
    if aggregate in GAPS:
        return Window(aggregate, None, ("e",), 10, ("x",), draw(st.sampled_from([Kind.NUMBER, Kind.DURATION])))
    of = None if aggregate is Aggregate.COUNT else "v"
    per = draw(st.sampled_from([None, "p"])) if aggregate in (Aggregate.COUNT, Aggregate.SUM) else None
    bucket = draw(st.sampled_from([None, 5]))
    any_us = None if bucket else draw(st.sampled_from([None, 10, 35]))
    cap = draw(st.sampled_from([None, 2])) if aggregate in (Aggregate.COUNT, Aggregate.DISTINCT) and not (per or bucket or any_us) else None
    kind = draw(st.sampled_from([Kind.NUMBER, Kind.MONEY]))
    rank = draw(st.sampled_from([1.0, 50.5, 90.0, 99.9, 100.0])) if aggregate is Aggregate.PERCENTILE else None
    return Window(aggregate, of, ("e",), 10, ("x",), kind, per=per, percentile=rank, bucket_us=bucket, cap=cap, any_us=any_us)


@given(features(), EVENTS, st.sampled_from([0, 1, 9, 10, 11, 40]))
@settings(max_examples=400)
def test_both_are_one(feature: Window, happened: list[tuple[int, Any, Any]], later: int) -> None:
    at, records = 10_000, []
    for number, (gap, value, part) in enumerate(happened):
        at += gap
        records.append({"id": f"{number:03}", "type": "x", "e": "one", "at": at, "v": value, "p": part})
    # An event of another type asks, so that nothing of its own is counted.
    now = {"id": "now", "type": "y", "e": "one", "at": at + later}
    reach = feature.window_us + (feature.bucket_us or 0) + (feature.any_us or 0)
    kept = [one for one in records if one["at"] > now["at"] - reach]
    log = Log([one["at"] for one in kept], [one["v"] for one in kept], [one["p"] for one in kept])
    defined, quick = value_of(feature, records, now), value_in(feature, log, now["at"])
    assert (type(defined), defined) == (type(quick), quick)
