"""Which version of a policy is in effect: the newest approved one whose time has come and is not over. Pure, and the same for SQL and for memory.

A version that ends lets the one before it stand by, and that one serves again afterwards; an open-ended version retires what came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeVar


class Dated(Protocol):
    """An approved version: its number, and the time that it is meant for."""

    @property
    def version(self) -> int: ...
    @property
    def effective_from(self) -> datetime | None: ...
    @property
    def effective_to(self) -> datetime | None: ...


D = TypeVar("D", bound=Dated)


def in_effect(one: Dated, now: datetime) -> bool:
    """From `effective_from` on and before `effective_to`."""
    return (one.effective_from is None or one.effective_from <= now) and not is_over(one, now)


def is_over(one: Dated, now: datetime) -> bool:
    return one.effective_to is not None and one.effective_to <= now


def chosen(approved: Iterable[D], now: datetime) -> D | None:
    """The one that serves, of the approved versions of one policy."""
    return max((one for one in approved if in_effect(one, now)), key=lambda one: one.version, default=None)


def states(approved: Sequence[D], now: datetime) -> dict[int, str]:
    """The state of each approved version: live, approved (waits or stands by) or retired."""
    live = chosen(approved, now)
    return {one.version: _state(one, live, now) for one in approved}


def _state(one: Dated, live: Dated | None, now: datetime) -> str:
    if live is not None and one.version == live.version:
        return "live"
    if is_over(one, now):
        return "retired"
    replaced = live is not None and one.version < live.version and live.effective_to is None
    return "retired" if replaced else "approved"


def next_change(approved: Iterable[Dated], now: datetime) -> datetime | None:
    """The next instant at which another version may serve."""
    edges = (edge for one in approved for edge in (one.effective_from, one.effective_to) if edge is not None and edge > now)
    return min(edges, default=None)


def last_change(approved: Iterable[Dated], now: datetime) -> datetime | None:
    """The last instant at which another version may have begun to serve."""
    return max((edge for one in approved for edge in (one.effective_from, one.effective_to) if edge is not None and edge <= now), default=None)


def next_turn(approved: Sequence[D], version: int, now: datetime) -> datetime | None:
    """When a version that waits or stands by begins to serve; None when it never will."""
    turns = (at for at in _changes(approved, now) if (serving := chosen(approved, at)) is not None and serving.version == version)
    return next(turns, None)


def next_gap(approved: Sequence[D], now: datetime) -> datetime | None:
    """When none of them will serve any more, as far as is known; None when one always will."""
    return next((at for at in _changes(approved, now) if chosen(approved, at) is None), None)


def _changes(approved: Sequence[Dated], now: datetime) -> Iterator[datetime]:
    at = next_change(approved, now)
    while at is not None:
        yield at
        at = next_change(approved, at)
