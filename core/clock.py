"""Time is passed in, never fetched by the domain. The composition root owns the one clock; tests own a clock that they turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Gives the present instant, aware, in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TurnedClock:
    """A clock that stands still until it is turned: for tests, dry runs and replays."""

    def __init__(self, at: datetime) -> None:
        self._at = require_aware(at)

    def now(self) -> datetime:
        return self._at

    def turn(self, **delta: float) -> None:
        """Move by `timedelta(**delta)`; negative values turn it back."""
        self._at += timedelta(**delta)


def require_aware(at: datetime) -> datetime:
    """Return `at`; raises `ValueError` when it has no zone."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError("a time needs its zone")
    return at


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 UTC: exact, and the same on every database."""
    # UTC itself needs no look, and sums are quicker than a division of time spans: events have several times, and series ask each.
    since = (at if at.tzinfo is UTC else require_aware(at)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def to_millis(at: datetime) -> int:
    return to_micros(at) // 1000
