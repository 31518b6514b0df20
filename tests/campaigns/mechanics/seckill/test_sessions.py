"""Sessions as stretches between instants, compared with what somebody sees who watches the clocks of the zone minute by minute."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate, pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mechanics.seckill.sessions import CONFLICT_SPAN, DAY, WHOLE, Plan, Session, Slot, first_conflict, overlap
from tests.campaigns.mechanics.seckill.world import BELL, HOUR, SESSION, SHANGHAI, TICK, slot

NEW_YORK = ZoneInfo("America/New_York")
YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def plan(*slots: Slot, zone: ZoneInfo = SHANGHAI, starts: datetime = YEAR[0], ends: datetime = YEAR[1]) -> Plan:
    # In the campaign's own zone, as a campaign has them.
    return Plan(slots, zone, starts.astimezone(zone), ends.astimezone(zone))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def around_day(one: Plan, day: str) -> list[tuple[str, str, str]]:
    """Sessions within a day of noon, as (name, begin, end) in UTC."""
    noon = utc(f"{day}T12:00")
    return [(found.name, f"{found.begins:%d %H:%M}", f"{found.ends:%d %H:%M}") for found in one.between(noon - DAY, noon + DAY)]


@pytest.mark.parametrize(
    ("off", "open_"), [(-TICK, False), (timedelta(0), True), (TICK, True), (2 * HOUR - TICK, True), (2 * HOUR, False), (2 * HOUR + TICK, False)]
)
def test_the_first_instant_is_in_and_the_last_is_out(off: timedelta, open_: bool) -> None:
    found = plan(slot("20:00", "22:00")).at(BELL + off)
    assert found == (Session(SESSION, BELL, BELL + 2 * HOUR) if open_ else None)


@pytest.mark.parametrize(("off", "day"), [(-TICK, 25), (timedelta(0), 26), (TICK, 26), (2 * HOUR, 26)])
def test_the_next_session_begins_after_this_instant(off: timedelta, day: int) -> None:
    found = plan(slot("20:00", "22:00")).next(BELL + off)
    assert found is not None
    assert found.name == f"202611{day}T2000"


def test_slots_may_be_written_in_any_order() -> None:
    late_first = plan(slot("22:00", "23:00"), slot("08:00", "09:00"), slot("20:00", "21:00"))
    found = late_first.next(BELL - HOUR)
    assert found is not None
    assert found.name == SESSION
    names = [one.name for one in late_first.between(BELL - 16 * HOUR, BELL + 8 * HOUR)]
    assert names == sorted(names) == [f"20261125T{hour}00" for hour in ("08", "20", "22")]


def test_a_slot_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    over = plan(slot("23:00", "01:00", 3))
    wednesday = utc("2026-11-25T15:00")
    assert over.at(wednesday - TICK) is None
    assert over.at(wednesday + HOUR + TICK) == over.at(wednesday) == Session("20261125T2300", wednesday, wednesday + 2 * HOUR)
    assert over.at(wednesday + 2 * HOUR) is None
    assert over.next(wednesday) == Session("20261202T2300", wednesday + 7 * DAY, wednesday + 7 * DAY + 2 * HOUR)


def test_a_slot_from_a_time_until_the_same_lasts_a_whole_day() -> None:
    always = plan(slot("08:00", "08:00"))
    first, second = always.at(utc("2026-11-25T00:00") - TICK), always.at(utc("2026-11-25T00:00"))
    assert first is not None
    assert second is not None
    assert (first.ends, first.name, second.name) == (second.begins, "20261124T0800", "20261125T0800")


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        ("2026-11-25T12:00", "2026-11-25T14:00", ("25 12:00", "25 14:00")),
        ("2026-11-25T12:30", "2026-11-25T13:00", ("25 12:30", "25 13:00")),
        ("2026-11-25T13:59", "2026-11-30T00:00", ("25 13:59", "25 14:00")),
        ("2026-11-01T00:00", "2026-11-25T12:01", ("25 12:00", "25 12:01")),
    ],
)
def test_a_session_is_cut_off_where_the_campaign_is_and_keeps_its_name(starts: str, ends: str, expected: tuple[str, str]) -> None:
    one = plan(slot("20:00", "22:00"), starts=utc(starts), ends=utc(ends))
    assert (SESSION, *expected) in around_day(one, "2026-11-25")
    found = one.named(SESSION)
    assert found is not None
    assert one.at(found.begins) == one.at(found.ends - TICK) == found
    assert one.at(found.begins - TICK) is None
    assert one.at(found.ends) is None


@pytest.mark.parametrize(("starts", "ends"), [("2026-11-25T14:00", "2026-11-26T12:00"), ("2026-11-25T00:00", "2026-11-25T12:00")])
def test_a_campaign_that_meets_a_slot_only_at_its_edge_has_no_session_of_it(starts: str, ends: str) -> None:
    one = plan(slot("20:00", "22:00"), starts=utc(starts), ends=utc(ends))
    assert list(one.between(*YEAR)) == []
    assert one.next(YEAR[0]) is None
    assert one.named(SESSION) is None
    assert one.count_max() == 0


def test_without_slots_the_campaign_is_one_session_whose_name_outlives_an_edited_start() -> None:
    first = plan(starts=BELL, ends=BELL + DAY)
    later = plan(starts=BELL + HOUR, ends=BELL + DAY)
    assert first.at(BELL) == Session(WHOLE, BELL, BELL + DAY)
    assert first.at(BELL - TICK) is None
    assert first.at(BELL + DAY - TICK) == first.named(WHOLE)
    assert first.at(BELL + DAY) is None
    assert first.next(BELL - TICK) == first.at(BELL)
    assert first.next(BELL) is None
    assert (later.named(WHOLE), later.count_max()) == (Session(WHOLE, BELL + HOUR, BELL + DAY), 1)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "whole",
        "00010101T2000",
        "99991231T2000",
        "20261332T2000",
        "20261125T2001",
        "2026-11-25T2000",
        "2026W483T2000",
        "20261125T2000 ",
        "２０２６１１２５T2000",
    ],
)
def test_a_name_that_was_made_up_names_nothing(name: str) -> None:
    assert plan(slot("20:00", "22:00")).named(name) is None
    assert plan(starts=BELL, ends=BELL + DAY).named(SESSION) is None


# Clock changes. New York skips 02:00–03:00 on 8 March and shows 01:00–02:00 twice on 1 November 2026.


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        # Begins in the gap: at the first instant after it.
        ([("02:30", "03:30")], [("20260308T0230", "08 07:00", "08 07:30")]),
        # Ends in the gap: with it.
        ([("01:00", "02:30")], [("20260308T0100", "08 06:00", "08 07:00")]),
        # Lies in the gap: there is no such time that day.
        ([("02:00", "02:59")], []),
        ([("02:00", "03:00")], []),
        # What was disjoint stays so.
        ([("02:00", "02:30"), ("02:30", "03:00"), ("03:00", "04:00")], [("20260308T0300", "08 07:00", "08 08:00")]),
        ([("01:30", "02:15"), ("02:45", "04:00")], [("20260308T0130", "08 06:30", "08 07:00"), ("20260308T0245", "08 07:00", "08 08:00")]),
    ],
)
def test_a_time_that_clocks_skip_is_the_instant_at_which_they_skip_it(slots: list[tuple[str, str]], expected: list[tuple[str, str, str]]) -> None:
    one = plan(*(slot(*times) for times in slots), zone=NEW_YORK)
    assert [found for found in around_day(one, "2026-03-08") if found[0].startswith("20260308")] == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([("01:30", "03:00")], [("20261101T0130", "01 05:30", "01 08:00")]),
        ([("00:30", "01:30")], [("20261101T0030", "01 04:30", "01 06:30")]),
        ([("01:00", "01:30")], [("20261101T0100", "01 05:00", "01 06:30")]),
        # The clocks go back to its end, and not behind it.
        ([("00:00", "01:00")], [("20261101T0000", "01 04:00", "01 05:00")]),
        ([("00:00", "01:01")], [("20261101T0000", "01 04:00", "01 06:01")]),
        # Side by side: the second begins at its first showing, and the first is over then.
        ([("01:00", "01:30"), ("01:30", "02:00")], [("20261101T0100", "01 05:00", "01 05:30"), ("20261101T0130", "01 05:30", "01 07:00")]),
    ],
)
def test_a_time_shown_twice_begins_a_session_at_its_first_and_ends_it_at_its_last(slots: list[tuple[str, str]], expected: list[tuple[str, str, str]]) -> None:
    one = plan(*(slot(*times) for times in slots), zone=NEW_YORK)
    assert [found for found in around_day(one, "2026-11-01") if found[0].startswith("20261101")] == expected


def test_a_session_does_not_outlast_a_campaign_that_ends_in_the_hour_that_comes_twice() -> None:
    """01:45 at its first showing comes before 01:30 at its last, whatever the clocks seem to say."""
    end = utc("2026-11-01T05:45")
    one = plan(slot("01:00", "01:30"), zone=NEW_YORK, ends=end)
    found = one.at(end - TICK)
    assert found is not None
    assert found.ends == end
    assert one.at(end) is None


def test_a_day_that_a_zone_skips_has_only_what_reaches_out_of_it() -> None:
    """Samoa had no 30 December 2011: the 29th at midnight UTC−10 was the 31st at midnight UTC+14."""
    one = plan(slot("20:00", "02:00"), slot("10:00", "12:00"), zone=ZoneInfo("Pacific/Apia"), starts=utc("2011-12-01T00:00"), ends=utc("2012-01-31T00:00"))
    change = utc("2011-12-30T10:00")
    days = [found for found in one.between(change - 4 * HOUR, change + 4 * HOUR)]
    assert days == [Session("20111229T2000", change - 4 * HOUR, change), Session("20111230T2000", change, change + 2 * HOUR)]


def test_two_centuries_of_half_hours_are_counted_without_looking_at_each() -> None:
    halves = [Slot(time(hour, minute), time(hour, minute + 29)) for hour in range(24) for minute in (0, 30)]
    ends = datetime(2200, 1, 1, tzinfo=UTC)
    # Both ends are 08:00 in Shanghai: the last day has the sixteen that the first lacks.
    assert plan(*halves, starts=YEAR[0], ends=ends).count_max() == (ends - YEAR[0]).days * 48


# What somebody sees who watches the clocks.

CHANGES = [
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/Sao_Paulo", "2018-11-04"),  # midnight is skipped
    ("America/Sao_Paulo", "2018-02-18"),  # back over midnight
    ("America/Havana", "2026-11-01"),
    ("America/St_Johns", "2010-11-07"),  # a minute past midnight, back to the day before
    ("America/Scoresbysund", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("Antarctica/Troll", "2026-10-25"),  # two hours
    ("Africa/Casablanca", "2026-02-15"),
    ("Asia/Beirut", "2026-10-25"),
    ("Asia/Pyongyang", "2018-05-05"),
    ("Pacific/Apia", "2011-12-30"),  # a whole day
    ("Europe/Lisbon", "2026-10-25"),
    ("Asia/Kathmandu", "2026-06-01"),
    ("Asia/Shanghai", "2026-11-25"),
]
MINUTE = timedelta(minutes=1)


@st.composite
def disjoint_slots(draw: st.DrawFn) -> tuple[Slot, ...]:
    """Slots of the same days, none of which overlaps another, in any order, the last perhaps over midnight."""
    # Clocks change at round times, which chance alone would seldom name.
    minutes = st.one_of(st.integers(0, 24 * 60 - 1), st.integers(0, 47).map(lambda half: half * 30), st.integers(0, 8).map(lambda half: half * 30))
    edges = sorted(draw(st.lists(minutes, min_size=2, max_size=8, unique=True)))
    days = draw(st.sampled_from([frozenset(range(1, 8)), frozenset({6, 7}), frozenset({1, 3, 5, 7})]))
    begins = edges[:: draw(st.sampled_from([1, 2]))]
    found = []
    for begin in begins:
        later = [edge for edge in edges if edge > begin]
        if not later and not draw(st.booleans()):
            continue
        until = later[0] if later else edges[0]
        found.append(Slot(_clock(begin), _clock(until), days))
    return tuple(draw(st.permutations(found)))


def _clock(minute: int) -> time:
    return time(minute // 60, minute % 60)


def watched(one: Plan) -> list[Session]:
    """The plan's sessions, found by looking at the clocks at every minute from two days before the campaign until two days after it.

    A slot begins at the first minute at which clocks have come to it, and is over at the first from which on they never show less than its end.
    """
    starts, ends = one.starts.astimezone(UTC), one.ends.astimezone(UTC)
    minutes = [starts - 2 * DAY + number * MINUTE for number in range(int((ends - starts + 4 * DAY) / MINUTE))]
    shown = [at.astimezone(one.zone).replace(tzinfo=None) for at in minutes]
    # The latest time seen so far, and the earliest that is still to be seen: both only grow.
    so_far, to_come = list(accumulate(shown, max)), list(accumulate(reversed(shown), min))[::-1]
    days = {local.date() for local in shown}
    found = []
    for day, slot_ in product(sorted(days | {day + DAY for day in days}), one.slots):
        begin = datetime.combine(day, slot_.begin)
        until = datetime.combine(day if slot_.until > slot_.begin else day + DAY, slot_.until)
        if day.isoweekday() in slot_.days and shown[0] <= begin and until <= shown[-1]:
            came, gone = bisect_left(so_far, begin), bisect_left(to_come, until)
            found += [Session(f"{day:%Y%m%d}T{slot_.begin:%H%M}", minutes[came], minutes[gone])] if came < gone else []
    found.sort(key=lambda session: session.begins)
    cut = [Session(a.name, a.begins, min(a.ends, b.begins)) for a, b in pairwise(found)]
    clipped = [Session(session.name, max(session.begins, starts), min(session.ends, ends)) for session in [*cut, *found[-1:]]]
    return [session for session in clipped if session.begins < session.ends]


@settings(max_examples=120, deadline=None)
@given(where=st.sampled_from(CHANGES), slots=disjoint_slots(), before=st.integers(0, 2000), after=st.integers(1, 2000))
def test_sessions_are_what_somebody_sees_who_watches_the_clocks(where: tuple[str, str], slots: tuple[Slot, ...], before: int, after: int) -> None:
    zone, middle = ZoneInfo(where[0]), utc(f"{where[1]}T12:00")
    one = plan(*slots, zone=zone, starts=middle - before * MINUTE, ends=middle + after * MINUTE)
    found = list(one.between(middle - 3 * DAY, middle + 3 * DAY))
    if not slots:
        assert found == [Session(WHOLE, middle - before * MINUTE, middle + after * MINUTE)]
        return
    assert found == watched(one)
    for session in found:
        assert one.at(session.begins) == one.at(session.ends - TICK) == one.named(session.name) == session
        assert one.at(session.begins - TICK) != session
        assert one.at(session.ends) != session
        assert one.next(session.begins - TICK) == session
    assert all(earlier.ends <= later.begins for earlier, later in pairwise(found))
    assert len({session.name for session in found}) == len(found) <= one.count_max()


@settings(max_examples=60, deadline=None)
@given(slots=disjoint_slots(), begin=st.integers(0, 400), length=st.integers(1, 60 * 24 * 40))
def test_the_count_is_exact_where_no_clock_changes(slots: tuple[Slot, ...], begin: int, length: int) -> None:
    one = plan(*slots, starts=YEAR[0] + begin * HOUR, ends=YEAR[0] + begin * HOUR + length * MINUTE)
    assert one.count_max() == (len(list(one.between(one.starts, one.ends))) if slots else 1)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([("20:00", "22:00"), ("22:00", "23:00")], None),
        ([("20:00", "22:00"), ("21:59", "23:00")], 1),
        ([("23:00", "01:00"), ("00:59", "02:00")], 1),
        ([("23:00", "01:00"), ("01:00", "02:00")], None),
        ([("23:00", "01:00", 7), ("00:30", "02:00", 1)], 1),
        ([("23:00", "01:00", 7), ("00:30", "02:00", 2)], None),
        ([("00:30", "02:00", 1), ("23:00", "01:00", 7)], 1),
        ([("20:00", "21:00", 1), ("20:00", "21:00", 2), ("20:30", "21:00", 1, 2)], 2),
        ([("08:00", "08:00")], None),
        ([("08:00", "08:00", 1), ("07:59", "09:00", 2)], 1),
    ],
)
def test_slots_that_overlap_on_some_day_of_the_week_are_found(slots: list[tuple[str, str]], expected: int | None) -> None:
    assert overlap([slot(*one) for one in slots]) == expected


# Two campaigns.


@pytest.mark.parametrize(("begin", "meets"), [("22:00", False), ("21:59", True), ("18:00", False), ("18:01", True), ("20:30", True)])
def test_sessions_that_share_a_minute_conflict(begin: str, meets: bool) -> None:
    until = {"22:00": "23:00", "21:59": "23:00", "18:00": "20:00", "18:01": "20:01", "20:30": "20:31"}[begin]
    found = first_conflict(plan(slot("20:00", "22:00"), starts=BELL - HOUR), plan(slot(begin, until)))
    assert (found is not None and found.name == SESSION) == meets


def test_a_conflict_on_one_weekday_names_its_first_session() -> None:
    one, other = plan(slot("20:00", "22:00"), starts=BELL), plan(slot("21:00", "23:00", 7))
    found = first_conflict(one, other)
    assert found is not None
    assert found.name == "20261129T2000"
    back = first_conflict(other, one)
    assert back is not None
    assert back.name == "20261129T2100"


def test_campaigns_that_do_not_run_together_do_not_conflict() -> None:
    one, other = plan(slot("20:00", "22:00"), ends=BELL), plan(slot("20:00", "22:00"), starts=BELL)
    assert first_conflict(one, other) is None
    assert first_conflict(plan(ends=BELL), plan(starts=BELL)) is None
    assert first_conflict(plan(ends=BELL + TICK), plan(starts=BELL)) == Session(WHOLE, YEAR[0], BELL + TICK)


def test_sessions_of_two_zones_meet_only_while_their_clocks_differ_by_so_much() -> None:
    """Nine in the morning of New York is nine in the evening of Shanghai in summer alone."""
    asia, america = plan(slot("21:00", "21:30")), plan(slot("09:00", "09:30"), zone=NEW_YORK)
    found = first_conflict(asia, america)
    assert found is not None
    assert found.name == "20260308T2100"
    winter = plan(slot("21:00", "21:30"), starts=utc("2026-11-01T12:00"))
    assert first_conflict(winter, america) is None


def test_half_hours_of_a_whole_year_are_all_compared() -> None:
    """The only minute in common comes after thousands of sessions."""
    halves = [Slot(time(hour, minute), time(hour, minute + 29)) for hour in range(24) for minute in (0, 30)]
    late = plan(slot("20:29", "20:31"), starts=YEAR[1] - 2 * DAY, ends=YEAR[1] + 500 * DAY)
    busy = plan(*halves, starts=YEAR[0] - 300 * DAY)
    found = first_conflict(busy, late)
    assert found is not None
    assert found.name == "20261230T2030"
    gaps = plan(slot("20:29", "20:30"), starts=YEAR[0] - 300 * DAY)
    assert first_conflict(busy, gaps) is None


def test_campaigns_of_many_years_are_compared_over_a_year_and_a_month() -> None:
    """Beyond it the weeks and the clock changes only come again."""
    far = YEAR[0] + CONFLICT_SPAN
    assert first_conflict(plan(slot("20:00", "22:00"), ends=far + 900 * DAY), plan(slot("22:00", "23:00"), ends=far + 900 * DAY)) is None
    assert far - YEAR[0] > 366 * DAY
