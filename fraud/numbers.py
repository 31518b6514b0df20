"""Which numbers of each process have come out of the stream. One that stays away is a lost decision: it is counted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

GRACE_MS = 60_000
PROCESSES_MAX = 64


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers `first` to `last` of a process never came."""

    process: str
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(slots=True)
class _Seen:
    """The highest number, when it came, and the holes below it: (first, last, noticed at, ms)."""

    highest: int = 0
    at_ms: int = 0
    holes: list[tuple[int, int, int]] = field(default_factory=list)


class SeenNumbers:
    """A value that is kept with every drained batch; plain data in and out, so that it survives the drainer and Redis."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self._by_process = {
            process: _Seen(one["highest"], one["at_ms"], [(hole[0], hole[1], hole[2]) for hole in one["holes"]]) for process, one in (state or {}).items()
        }

    def state(self) -> dict[str, Any]:
        """The processes heard of last, JSON-able. Those with an open hole are never forgotten."""
        latest = sorted(self._by_process.items(), key=lambda item: (bool(item[1].holes), item[1].at_ms), reverse=True)[:PROCESSES_MAX]
        return {process: {"highest": seen.highest, "at_ms": seen.at_ms, "holes": [list(hole) for hole in seen.holes]} for process, seen in sorted(latest)}

    def add(self, numbers: Iterable[tuple[str, int]], now_ms: int) -> None:
        # In order: shards come one after another, and each number out of order would open a hole that the next ones close.
        for process, number in sorted(numbers):
            self._add(self._by_process.setdefault(process, _Seen()), number, now_ms)

    def overdue(self, now_ms: int, grace_ms: int = GRACE_MS) -> list[Gap]:
        """Holes older than the grace time; each is reported once."""
        gaps: list[Gap] = []
        for process, seen in self._by_process.items():
            gaps += [Gap(process, first, last) for first, last, noticed in seen.holes if noticed <= now_ms - grace_ms]
            seen.holes = [hole for hole in seen.holes if hole[2] > now_ms - grace_ms]
        return gaps

    def _add(self, seen: _Seen, number: int, now_ms: int) -> None:
        if number > seen.highest:
            seen.at_ms = max(seen.at_ms, now_ms)
            if number > seen.highest + 1:
                seen.holes.append((seen.highest + 1, number - 1, now_ms))
            seen.highest = number
            return
        # Holes stand in the order of their numbers, so the only one that can hold the number is found without walking all of them.
        at = bisect_right(seen.holes, number, key=lambda hole: hole[0]) - 1
        if at >= 0:
            seen.holes[at : at + 1] = _without(seen.holes[at], number)


def _without(hole: tuple[int, int, int], number: int) -> list[tuple[int, int, int]]:
    first, last, noticed = hole
    if not first <= number <= last:
        return [hole]
    return [part for part in ((first, number - 1, noticed), (number + 1, last, noticed)) if part[0] <= part[1]]
