"""Times in campaign files: an end given as a date includes that day, in the campaign's own zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.files.load import campaign_from_document, load_campaign
from campaigns.model import Campaign
from core.errors import Malformed

FILE = """\
campaign: times
mechanic: coupon
title: times
zone: {zone}
starts: {starts}
ends: {ends}
limits: {{total: 10}}
coupon: {{amount: "1.00", {valid}}}
"""
TICK = timedelta(microseconds=1)


def campaign(starts: str, ends: str, zone: str = "Asia/Shanghai", valid: str = "valid_for: 7d") -> Campaign:
    return load_campaign(FILE.format(zone=zone, starts=starts, ends=ends, valid=valid).encode(), "t.yaml").campaign


def codes(starts: str, ends: str, zone: str = "Asia/Shanghai") -> list[str]:
    with pytest.raises(Malformed) as caught:
        campaign(starts, ends, zone)
    return [problem.fault.code for problem in caught.value.extra["errors"]]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(found: Campaign) -> float:
    return (found.ends.astimezone(UTC) - found.starts.astimezone(UTC)) / timedelta(hours=1)


def test_an_end_given_as_a_date_includes_that_day() -> None:
    double_eleven = campaign("2026-11-11", "2026-11-11")
    assert double_eleven.starts == utc("2026-11-10T16:00")
    assert double_eleven.ends == utc("2026-11-11T16:00")
    assert hours(double_eleven) == 24


def test_the_first_instant_is_in_and_the_end_is_out() -> None:
    found = campaign("2026-11-11", "2026-11-11")
    starts, ends = utc("2026-11-10T16:00"), utc("2026-11-11T16:00")
    phases = [found.phase_at(at) for at in (starts - TICK, starts, starts + TICK, ends - TICK, ends, ends + TICK)]
    assert phases == ["upcoming", "open", "open", "open", "over", "over"]


def test_an_end_given_as_a_time_is_that_instant() -> None:
    found = campaign("2026-11-11T20:00", "2026-11-11T20:30:15")
    assert (found.starts, found.ends) == (utc("2026-11-11T12:00"), utc("2026-11-11T12:30:15"))
    assert [found.phase_at(found.ends.astimezone(UTC) - TICK), found.phase_at(found.ends.astimezone(UTC))] == ["open", "over"]


def test_a_space_may_stand_for_the_t() -> None:
    assert campaign("2026-11-11 20:00", "2026-11-12").starts == utc("2026-11-11T12:00")


def test_an_offset_in_the_file_wins_over_the_zone() -> None:
    found = campaign("2026-11-11T20:00+00:00", "2026-11-11T20:00-10:00")
    assert (found.starts, found.ends) == (utc("2026-11-11T20:00"), utc("2026-11-12T06:00"))
    assert found.starts.isoformat() == "2026-11-12T04:00:00+08:00"
    assert campaign("2026-11-11T20:00Z", "2026-11-12").starts == utc("2026-11-11T20:00")


def test_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    assert hours(campaign("2026-03-08", "2026-03-08", "America/New_York")) == 23


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    assert hours(campaign("2026-11-01", "2026-11-01", "America/New_York")) == 25


def test_a_time_that_clocks_skip_is_as_long_after_the_change_as_it_was_written() -> None:
    found = campaign("2026-03-08T02:30", "2026-03-09", "America/New_York")
    assert found.starts == utc("2026-03-08T07:30")
    assert found.starts.isoformat() == "2026-03-08T03:30:00-04:00"


def test_a_time_that_clocks_show_twice_is_the_first_unless_an_offset_says_the_second() -> None:
    first = campaign("2026-11-01T01:30", "2026-11-02", "America/New_York")
    second = campaign("2026-11-01T01:30-05:00", "2026-11-02", "America/New_York")
    assert first.starts.astimezone(UTC) == utc("2026-11-01T05:30")
    assert second.starts.astimezone(UTC) == utc("2026-11-01T06:30")


def test_the_hour_that_comes_twice_is_ordered_by_instants_and_not_by_the_face_of_the_clock() -> None:
    found = campaign("2026-11-01T01:50-04:00", "2026-11-01T01:10-05:00", "America/New_York")
    assert found.ends.astimezone(UTC) - found.starts.astimezone(UTC) == timedelta(minutes=20)
    assert [found.phase_at(utc(at)) for at in ("2026-11-01T05:49", "2026-11-01T05:50", "2026-11-01T06:09:59", "2026-11-01T06:10")] == [
        "upcoming",
        "open",
        "open",
        "over",
    ]
    assert codes("2026-11-01T01:10-05:00", "2026-11-01T01:50-04:00", "America/New_York") == ["ends_before_start"]


def test_a_coupons_dates_are_ordered_by_instants_too() -> None:
    dates = "valid_from: 2026-11-01T01:50-04:00, valid_until: 2026-11-01T01:10-05:00"
    found = campaign("2026-11-01", "2026-11-01", "America/New_York", dates)
    assert found.terms.valid_until.astimezone(UTC) - found.terms.valid_from.astimezone(UTC) == timedelta(minutes=20)
    with pytest.raises(Malformed):
        campaign("2026-11-01", "2026-11-01", "America/New_York", "valid_from: 2026-11-01T01:10-05:00, valid_until: 2026-11-01T01:50-04:00")


def test_a_day_whose_midnight_is_skipped_begins_with_its_first_instant() -> None:
    # In Cairo clocks go from 23:59:59 to 01:00 on the last Friday of April.
    found = campaign("2026-04-24", "2026-04-24", "Africa/Cairo")
    assert found.starts.isoformat() == "2026-04-24T01:00:00+03:00"
    assert hours(found) == 23
    assert hours(campaign("2026-04-23", "2026-04-23", "Africa/Cairo")) == 24


@pytest.mark.parametrize("clock", ["2026-03-08T02:30", "2026-11-01T01:30", "2026-11-01T01:30-05:00"])
def test_what_is_stored_means_the_same_instant_when_it_is_read_back(clock: str) -> None:
    loaded = load_campaign(FILE.format(zone="America/New_York", starts=clock, ends="2026-11-02", valid="valid_for: 7d").encode(), "t.yaml")
    back = campaign_from_document(loaded.document)
    assert back == loaded.campaign
    assert back.starts.astimezone(UTC) == loaded.campaign.starts.astimezone(UTC)


@pytest.mark.parametrize("day", ["2028-02-29", "2000-02-29", "2200-12-31", "2026-12-31"])
def test_the_last_day_of_a_month_ends_with_the_next_one(day: str) -> None:
    assert hours(campaign(day, day)) == 24


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-02-29",
        "2100-02-29",
        "2026-13-01",
        "2026-11-31",
        "2026-11-11T24:00",
        "2026-11-11T20",
        "2026-11-11T20:00+99:00",
        "2026-11-11T20:60",
        "2026-W46-3",
        "2026-315",
        "26-11-11",
        "２０２６-11-11",
        "11/11/2026",
        "2026年11月11日",
        "1999-12-31",
        "2201-01-01",
        "9999-12-31",
        "tomorrow",
        "1794585600",
        "true",
        "[2026-11-11]",
        '""',
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert codes(text, "2200-12-31") == ["not_a_time"]


def test_an_end_at_the_start_is_refused_and_one_microsecond_later_is_a_campaign() -> None:
    assert codes("2026-11-11T20:00", "2026-11-11T20:00") == ["ends_before_start"]
    assert codes("2026-11-11T20:00", "2026-11-11T12:00Z") == ["ends_before_start"]
    assert campaign("2026-11-11T20:00", "2026-11-11T20:00:00.000001").phase_at(utc("2026-11-11T12:00")) == "open"


def test_the_zone_decides_when_a_date_begins() -> None:
    starts = {zone: campaign("2026-11-11", "2026-11-11", zone).starts for zone in ("Pacific/Kiritimati", "Asia/Shanghai", "UTC", "Pacific/Pago_Pago")}
    assert sorted(starts.values()) == list(starts.values())
    assert starts["Pacific/Pago_Pago"] - starts["Pacific/Kiritimati"] == timedelta(hours=25)
