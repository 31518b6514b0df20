"""How long each stage of one check takes, in whole µs, by a clock that is given."""

from __future__ import annotations

from collections.abc import Callable

STAGES = ("features", "evaluate", "settle")


class Laps:
    """Starts when it is made; `done` ends a stage and begins the next."""

    __slots__ = ("_at", "_timer", "us")

    def __init__(self, timer: Callable[[], int]) -> None:
        """`timer` gives nanoseconds."""
        self._timer = timer
        self._at = timer()
        self.us: dict[str, int] = {}

    def done(self, stage: str) -> None:
        now = self._timer()
        self.us[stage] = (now - self._at) // 1000
        self._at = now
