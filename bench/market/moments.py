"""When things happen: µs since 1970 UTC, days and hours as people in Shanghai live them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from core.clock import to_micros

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_OPENS = to_micros(datetime(2026, 11, 1, tzinfo=ZoneInfo("Asia/Shanghai")))
# How a shop's visits spread over the hours: few at night, a hump at lunch, most in the evening.
_HOURS = np.array([4, 2, 1, 1, 1, 1, 3, 6, 8, 9, 10, 11, 14, 11, 9, 9, 9, 10, 12, 16, 20, 20, 16, 9], dtype=float)
_HOURS /= _HOURS.sum()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a market. One sale begins at eight in the evening of the middle day."""

    days: int

    @property
    def sale(self) -> int:
        return self.at(self.days // 2, 20)

    def at(self, day: int, hour: float) -> int:
        """A moment of a day; hours may pass midnight."""
        return _OPENS + day * DAY + round(hour * HOUR)

    def any_day(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.days))

    def waking(self, rng: np.random.Generator, day: int) -> int:
        """A moment at which somebody would be in a shop."""
        return self.at(day, int(rng.choice(24, p=_HOURS))) + int(rng.integers(HOUR))

    def around(self, rng: np.random.Generator, day: int, hour: float, spread_hours: float) -> int:
        """A moment near an hour, normally spread."""
        return self.at(day, hour) + round(rng.normal(0, spread_hours) * HOUR)


def after(rng: np.random.Generator, median: int, sigma: float = 0.8) -> int:
    """A wait in µs as people's waits are: log-normal around a median."""
    return max(1, round(median * float(rng.lognormal(0, sigma))))
