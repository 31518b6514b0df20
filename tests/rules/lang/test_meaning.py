"""Clocks and days in the policy's zone, on the days when the clock is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core.clock import to_micros
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind

CATALOGUE = Catalogue({"at": Known(Kind.INSTANT)})
NEW_YORK, SHANGHAI, SAO_PAULO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(
    ("utc", "zone", "when"),
    [
        # Put forward at 02:00: one second later it is 03:00, and no instant is 02:30.
        ("2026-03-08T06:59:59", NEW_YORK, "time_of_day(at) < 02:00 and time_of_day(at) >= 01:59"),
        ("2026-03-08T07:00:00", NEW_YORK, "time_of_day(at) == 03:00"),
        # Put back at 02:00: 01:30 comes twice, an hour apart.
        ("2026-11-01T05:30:00", NEW_YORK, "time_of_day(at) == 01:30"),
        ("2026-11-01T06:30:00", NEW_YORK, "time_of_day(at) == 01:30"),
        ("2026-11-01T07:00:00", NEW_YORK, "time_of_day(at) == 02:00"),
        # A day that begins at 01:00, since its midnight was skipped.
        ("2018-11-04T02:59:59", SAO_PAULO, "day_of_week(at) == 'sat' and time_of_day(at) >= 23:59"),
        ("2018-11-04T03:00:00", SAO_PAULO, "day_of_week(at) == 'sun' and time_of_day(at) == 01:00"),
        # The day is the zone's own, not that of Greenwich.
        ("2026-11-24T15:59:59", SHANGHAI, "day_of_week(at) == 'tue' and time_of_day(at) < 24:00"),
        ("2026-11-24T16:00:00", SHANGHAI, "day_of_week(at) == 'wed' and time_of_day(at) == 00:00"),
        # An hour is an hour, whatever the clock shows.
        ("2026-03-08T07:00:00", NEW_YORK, "time_of_day(at - 1s) < 02:00 and at - (at - 1h) == 1h and time_of_day(at - 1h) == 01:00"),
    ],
)
def test_the_clock_on_the_wall(utc: str, zone: ZoneInfo, when: str) -> None:
    node = typed(when, CATALOGUE)
    values = {"at": to_micros(datetime.fromisoformat(utc).replace(tzinfo=UTC))}
    assert interpret(node, values, {}, zone) is True
    assert compile_rules([node], {}, zone).judge(values) == ([0], [])


@pytest.mark.parametrize("at", [-(2**53), 2**53 * 1_000, -(2**62)])
def test_an_instant_beyond_the_calendar_has_no_clock(at: int) -> None:
    for when in ("time_of_day(at) >= 00:00", "day_of_week(at) != 'mon'"):
        node = typed(when, CATALOGUE)
        expected = None if abs(at) > 2**53 else True
        assert interpret(node, {"at": at}, {}, SHANGHAI) is expected
