"""A cancelled event counts no more where that is exact, however often and whenever it is told again; what cannot be taken back stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.event import Event
from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.vault import Vault
from fraud.features.read import CANCEL, PEEK, FeatureReader
from rules.lang.kinds import MICROS
from rules.model import AtLeast
from rules.windows.spec import Aggregate, Window
from tests.fraud.conftest import SCENE, event, ruleset_of

HOUR = 3_600 * MICROS
COUNTED = Window(Aggregate.COUNT, None, ("device",), HOUR, (SCENE,), cap=3)
LOGGED = Window(Aggregate.SUM, "amount", ("device",), HOUR, (SCENE,))
NEWEST = Window(Aggregate.LAST, "page", ("device",), HOUR, (SCENE,))
SEEN = Window(Aggregate.DISTINCT, "user", ("device",), HOUR, (SCENE,), cap=3)
POLICY = ruleset_of(features={"counted": COUNTED, "logged": LOGGED, "newest": NEWEST, "seen": SEEN})


@pytest.fixture
def reader(vault: Vault) -> FeatureReader:
    return FeatureReader(vault, [POLICY], 86_400)


def claim(number: int) -> Event:
    return event(f"e{number}", f"u{number}", after=number, device="d", amount_fen=100, page=f"p{number}")


def record(hot: HotState, reader: FeatureReader, one: Event) -> None:
    run_together(hot, reader.prepare(one, SCENE, POLICY).calls)


def cancel(hot: HotState, reader: FeatureReader, one: Event) -> list[Any]:
    return run_together(hot, reader.prepare(one, SCENE, None, CANCEL).calls)


def now(hot: HotState, reader: FeatureReader) -> dict[str, Any]:
    """What an event of another device's type would read, recording nothing."""
    one = event("look", "looker", after=60, kind="page.viewed", device="d")
    prepared = reader.prepare(one, one.type, POLICY, PEEK)
    return reader.values(one, one.type, POLICY, prepared, run_together(hot, prepared.calls))


def test_counts_sums_and_the_newest_forget_it_and_what_was_last_seen_stays(hot: HotState, reader: FeatureReader) -> None:
    for number in (1, 2):
        record(hot, reader, claim(number))
    assert now(hot, reader) == {"counted": 2, "logged": 200, "newest": "p2", "seen": 2}
    assert cancel(hot, reader, claim(2)) == [3]
    assert now(hot, reader) == {"counted": 1, "logged": 100, "newest": "p1", "seen": 2}
    assert cancel(hot, reader, claim(2)) == [0]


def test_a_retry_of_a_cancelled_event_is_recorded_nowhere(hot: HotState, reader: FeatureReader) -> None:
    record(hot, reader, claim(1))
    cancel(hot, reader, claim(1))
    record(hot, reader, claim(1))
    assert now(hot, reader) == {"counted": 0, "logged": 0, "newest": None, "seen": 1}
    record(hot, reader, claim(2))
    assert now(hot, reader)["counted"] == 1


def test_retries_and_a_cancellation_that_meet_leave_it_uncounted(hot: HotState, reader: FeatureReader) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda turn: (cancel if turn == 8 else record)(hot, reader, claim(1)), range(24)))
    assert (now(hot, reader)["counted"], now(hot, reader)["logged"]) == (0, 0)


def test_a_count_that_may_have_forgotten_older_ones_stays(hot: HotState, reader: FeatureReader) -> None:
    for number in range(3):
        record(hot, reader, claim(number))
    for number in (2, 1):
        cancel(hot, reader, claim(number))
        assert now(hot, reader)["counted"] == AtLeast(3)


def test_a_count_beyond_its_cap_goes_down_to_it(hot: HotState, reader: FeatureReader) -> None:
    for number in range(4):
        record(hot, reader, claim(number))
    found = []
    for number in (3, 2):
        cancel(hot, reader, claim(number))
        found.append(now(hot, reader)["counted"])
    assert found == [AtLeast(3), AtLeast(3)]


def test_what_is_remembered_of_cancellations_has_an_end(hot: HotState, reader: FeatureReader) -> None:
    for number in range(1_010):
        cancel(hot, reader, claim(number))
    [key] = hot.scan_iter("*:cancelled")
    assert hot.zcard(key) == 1_000
    assert 0 < hot.pttl(key) <= 86_460_000
