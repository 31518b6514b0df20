"""What each day of a check-in gives, and how days are counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.mechanics.check_in.terms import CheckInTerms, day_of, days_between

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


def terms(restart: bool = False) -> CheckInTerms:
    return CheckInTerms((10, 20, 30), restart, {3: 100}, {4: 1000}, timedelta(days=7), 0)


@pytest.mark.parametrize(("run", "total", "fen"), [(1, 1, 10), (2, 2, 20), (3, 3, 130), (4, 4, 1030), (5, 5, 30), (1, 4, 1010), (3, 9, 130)])
def test_a_ladder_that_ends_repeats_its_last_step(run: int, total: int, fen: int) -> None:
    assert terms().fen(run, total) == fen


@pytest.mark.parametrize(("run", "fen"), [(1, 10), (3, 130), (4, 10), (6, 30), (7, 10)])
def test_a_ladder_that_restarts_begins_again(run: int, fen: int) -> None:
    assert terms(restart=True).fen(run, 99) == fen


def test_a_day_changes_at_the_campaigns_midnight() -> None:
    midnight = datetime(2026, 11, 11, 0, 0, tzinfo=SHANGHAI)
    before = (midnight - timedelta(microseconds=1)).astimezone(UTC)
    assert (day_of(before, SHANGHAI).day, day_of(midnight.astimezone(UTC), SHANGHAI).day) == (10, 11)


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "days"),
    [
        (datetime(2026, 11, 1, tzinfo=SHANGHAI), datetime(2026, 11, 2, tzinfo=SHANGHAI), SHANGHAI, 1),
        (datetime(2026, 11, 1, tzinfo=SHANGHAI), datetime(2026, 11, 2, 0, 0, 1, tzinfo=SHANGHAI), SHANGHAI, 2),
        (datetime(2026, 11, 1, 23, 59, tzinfo=SHANGHAI), datetime(2026, 11, 2, 0, 1, tzinfo=SHANGHAI), SHANGHAI, 2),
        # The day of 25 hours, when clocks go back, is one day.
        (datetime(2026, 11, 1, tzinfo=NEW_YORK), datetime(2026, 11, 3, tzinfo=NEW_YORK), NEW_YORK, 2),
    ],
)
def test_a_campaign_touches_whole_local_days(starts: datetime, ends: datetime, zone: ZoneInfo, days: int) -> None:
    assert days_between(starts, ends, zone) == days
