"""When a version was in effect: from the instants at which versions went live and at which nothing was live any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Period:
    """From `begins` on and before `ends`; None while it lasts."""

    begins: datetime
    ends: datetime | None


def lifetimes(turns: Iterable[tuple[datetime, int | None]]) -> dict[int, list[Period]]:
    """Periods by version. `turns` in the order of time: which version was live from then on, None for none."""
    found: dict[int, list[Period]] = {}
    live: tuple[int, datetime] | None = None
    for at, version in turns:
        if live is not None and live[0] == version:
            continue
        if live is not None:
            found.setdefault(live[0], []).append(Period(live[1], at))
        live = None if version is None else (version, at)
    if live is not None:
        found.setdefault(live[0], []).append(Period(live[1], None))
    return found


def before(turns: Iterable[tuple[datetime, int | None]], version: int) -> int | None:
    """Which other version was live last before this one first was; None for the first."""
    last: int | None = None
    for _, live in turns:
        if live == version:
            return last
        last = live if live is not None else last
    return None
