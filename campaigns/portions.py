"""Portions of a budget: what a day, a customer or a device may draw, in money and in rewards, beside the budget's total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

PERCENTS = (80, 95, 100)


@dataclass(frozen=True, slots=True)
class Portions:
    """Amounts in fen, None where there is no such bound. Days are local ones of the campaign's zone."""

    per_day: int | None = None
    rewards_per_day: int | None = None
    per_user: int | None = None
    per_user_day: int | None = None
    per_device: int | None = None
    per_device_day: int | None = None
    warn_at: tuple[int, ...] = PERCENTS

    @property
    def bounded(self) -> bool:
        """Whether there is any portion at all."""
        return (self.per_day, self.rewards_per_day, self.per_user, self.per_user_day, self.per_device, self.per_device_day) != (None,) * 6

    @property
    def needs_device(self) -> bool:
        return self.per_device is not None or self.per_device_day is not None


WHOLE = Portions()


@dataclass(frozen=True, slots=True)
class Draw:
    """What one request draws: from which scope, up to which amount and number, and the refusal's code when there is not so much left."""

    scope: str
    cap_fen: int | None
    cap_count: int | None
    code: str


def draws_of(portions: Portions, zone: ZoneInfo, now: datetime, tokens: Mapping[str, str]) -> tuple[Draw, ...]:
    """The scopes that a request of these holders (keyed hashes of "user" and "device") draws from, in a fixed order."""
    day = now.astimezone(zone).date().isoformat()
    wanted = [
        (f"day:{day}", portions.per_day, portions.rewards_per_day, "budget_day_exhausted"),
        (f"user:{tokens.get('user')}", portions.per_user, None, "budget_user_exhausted"),
        (f"user:{tokens.get('user')}:{day}", portions.per_user_day, None, "budget_user_exhausted"),
        (f"device:{tokens.get('device')}", portions.per_device, None, "budget_device_exhausted"),
        (f"device:{tokens.get('device')}:{day}", portions.per_device_day, None, "budget_device_exhausted"),
    ]
    return tuple(sorted((Draw(*one) for one in wanted if one[1] is not None or one[2] is not None), key=lambda draw: draw.scope))


def crossed(percents: tuple[int, ...], cap: int, before: int, after: int) -> list[int]:
    """The percentages of `cap` that were reached when `before` became `after`."""
    return [percent for percent in percents if before * 100 < percent * cap <= after * 100]
