"""Sessions (场次): the daily slots of a seckill as stretches between two instants, in the campaign's zone, over midnight and through clock changes.

A slot belongs to the local day on which it begins. A session begins when clocks first come to its time, and is over once they never show an earlier
one again, or where the next one begins. So a time that they skip is the instant at which they skip it, of a time that they show twice the first
showing begins and the last ends, no two sessions overlap, and none outlasts the campaign.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

DAY, _SECOND, _MICROSECOND = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)
# The one session of a campaign without slots. No time is in its name, so it keeps its stock when the campaign's start is edited.
WHOLE = "whole"
# How far a search for the next session looks: a slot of one weekday comes within eight days, one that a clock change swallows within fifteen.
_AHEAD = 15
# How far two campaigns are compared, which is a year with all its clock changes and every weekday in between.
CONFLICT_SPAN = timedelta(days=400)
# Days at either end of a campaign whose sessions it may cut off.
_EDGE = 4
_NAME = re.compile(r"([0-9]{8})T[0-9]{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Slot:
    """A daily slot: local times, `until` at or before `begin` means the next day. `days` are ISO weekdays (1 is Monday)."""

    begin: time
    until: time
    days: frozenset[int] = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True)
class Session:
    """One occurrence, in UTC; `ends` is exclusive. `name` is its local beginning as written and says which one it is, for good."""

    name: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """When a seckill sells: its slots (none: the whole campaign is one session) between `starts` and `ends` (exclusive)."""

    slots: tuple[Slot, ...]
    zone: ZoneInfo
    starts: datetime
    ends: datetime

    def at(self, now: datetime) -> Session | None:
        """The session that is open at this instant: its first instant is in, its last is out."""
        now = now.astimezone(UTC)
        near = around(self.slots, self.zone, self._day(now)) if self.slots else (Session(WHOLE, self.starts, self.ends),)
        # They are in order and none overlaps: only the last that has begun can be open.
        place = bisect_right(near, now, key=lambda one: one.begins) - 1
        found = None if place < 0 else self._clipped(near[place])
        return found if found is not None and found.begins <= now < found.ends else None

    def next(self, now: datetime) -> Session | None:
        """The first session that begins after this instant, at most fifteen days past it or past the campaign's start."""
        now, first = now.astimezone(UTC), self._day(max(now, self.starts, key=_utc))
        return next((one for one in self._of_days(first - 2 * DAY, first + _AHEAD * DAY) if one.begins > now), None)

    def named(self, name: str) -> Session | None:
        """The session of this name, or None where the plan has none."""
        day = self._day_of(name)
        return None if day is None else next((one for one in self._of_days(day, day) if one.name == name), None)

    def between(self, first: datetime, last: datetime) -> Iterator[Session]:
        """Sessions that touch [first, last), in order. The caller bounds how many it takes."""
        first, last = first.astimezone(UTC), last.astimezone(UTC)
        days = (self._day(first) - 2 * DAY, self._day(last) + DAY)
        return (one for one in self._of_days(*days) if one.begins < last and one.ends > first)

    def count_max(self) -> int:
        """How many sessions there are at most, without looking at each day: one that a clock change swallows is counted too."""
        if not self.slots:
            return 1
        first, last = self._days()
        head, tail = first + _EDGE * DAY, last - _EDGE * DAY
        if head > tail:
            return sum(1 for _ in self._of_days(first, last))
        edges = sum(1 for _ in chain(self._of_days(first, head - DAY), self._of_days(tail + DAY, last)))
        weeks, rest = divmod((tail - head).days + 1, 7)
        daily = [sum(weekday in slot.days for slot in self.slots) for weekday in range(1, 8)]
        return edges + weeks * sum(daily) + sum(daily[(head.weekday() + day) % 7] for day in range(rest))

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _days(self) -> tuple[date, date]:
        """The local days on which a session of this plan may begin."""
        return self._day(self.starts) - 2 * DAY, self._day(self.ends)

    def _day_of(self, name: str) -> date | None:
        """The local day in a session's name, which anybody may have made up."""
        if not self.slots:
            return self._day(self.starts) if name == WHOLE else None
        match = _NAME.fullmatch(name)
        try:
            day = date.fromisoformat(match[1]) if match else None
        except ValueError:
            return None
        first, last = self._days()
        return day if day is not None and first <= day <= last else None

    def _of_days(self, first: date, last: date) -> Iterator[Session]:
        """Sessions that begin on these local days, in order; without slots the campaign itself."""
        if not self.slots:
            yield Session(WHOLE, self.starts.astimezone(UTC), self.ends.astimezone(UTC))
            return
        earliest, latest = self._days()
        day, last = max(first, earliest), min(last, latest)
        while day <= last:
            yield from filter(None, map(self._clipped, of_day(self.slots, self.zone, day)))
            day += DAY

    def _clipped(self, session: Session) -> Session | None:
        """What of it lies within the campaign."""
        begins, ends = max(session.begins, self.starts.astimezone(UTC)), min(session.ends, self.ends.astimezone(UTC))
        return Session(session.name, begins, ends) if begins < ends else None


@lru_cache(maxsize=256)
def around(slots: tuple[Slot, ...], zone: ZoneInfo, today: date) -> tuple[Session, ...]:
    """All sessions that may be open on this local day. Kept, because every purchase asks."""
    # Where clocks go back over midnight, one of the day before yesterday may still be open, and one of tomorrow already.
    return tuple(one for days in range(-2, 2) for one in of_day(slots, zone, today + days * DAY))


@lru_cache(maxsize=4096)
def of_day(slots: tuple[Slot, ...], zone: ZoneInfo, day: date) -> tuple[Session, ...]:
    """The sessions that begin on this local day, in order, whatever campaign they belong to."""
    own, later = _written(slots, zone, day), chain.from_iterable(_written(slots, zone, day + ahead * DAY) for ahead in (1, 2))
    following = [*own[1:], next(later, None)]
    return tuple(one if after is None else Session(one.name, one.begins, min(one.ends, after.begins)) for one, after in zip(own, following, strict=False))


@lru_cache(maxsize=4096)
def _written(slots: tuple[Slot, ...], zone: ZoneInfo, day: date) -> tuple[Session, ...]:
    """The same as the slots are written: where clocks go back, one may reach into the next."""
    found = []
    for slot in sorted((slot for slot in slots if day.isoweekday() in slot.days), key=lambda slot: slot.begin):
        until = day if slot.until > slot.begin else day + DAY
        begins, ends = instants(day, slot.begin, zone)[0], instants(until, slot.until, zone)[1]
        if begins < ends:
            found.append(Session(f"{day:%Y%m%d}T{slot.begin:%H%M}", begins, ends))
    return tuple(found)


def instants(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant at which clocks have come to this time, and the first from which on they show no earlier one; in UTC."""
    first, last = (datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == last:
        return first, last
    if first < last:
        # Clocks that go back exactly to this time show no earlier one after its first showing.
        back = (last - _MICROSECOND).astimezone(zone).replace(tzinfo=None) > datetime.combine(day, at)
        return first, first if back else last
    # Skipped: read with the offset before the change it lies after it, and the other way round.
    return (_change(zone, last, first),) * 2


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant between these two at which the zone's offset changes; changes fall on whole seconds."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, (after - before) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        same = (before + middle * _SECOND).astimezone(zone).utcoffset() == offset
        low, high = (middle, high) if same else (low, middle)
    return before + high * _SECOND


def _utc(at: datetime) -> datetime:
    # Two times of one zone compare as clocks show them, which is wrong in the hour that comes twice.
    return at.astimezone(UTC)


def overlap(slots: Sequence[Slot]) -> int | None:
    """The index of the first slot that overlaps an earlier one on some day of the week, or None. Minutes of the week, so that midnight is none."""
    for index, slot in enumerate(slots):
        if any(_meet(one, other) for earlier in slots[:index] for one in _weekly(slot) for other in _weekly(earlier)):
            return index
    return None


_WEEK = 7 * 24 * 60


def _weekly(slot: Slot) -> list[tuple[int, int]]:
    """[begin, end) in minutes of the week; the end may lie past it."""
    begin, until = slot.begin.hour * 60 + slot.begin.minute, slot.until.hour * 60 + slot.until.minute
    length = until - begin if until > begin else until - begin + 24 * 60
    return [((day - 1) * 24 * 60 + begin, (day - 1) * 24 * 60 + begin + length) for day in sorted(slot.days)]


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return any(one[0] + shift < other[1] and other[0] < one[1] + shift for shift in (-_WEEK, 0, _WEEK))


def first_conflict(one: Plan, other: Plan) -> Session | None:
    """The first session of `one` that overlaps one of `other`, looked for over at most `CONFLICT_SPAN` from the later start."""
    first, last = max(map(_utc, (one.starts, other.starts))), min(map(_utc, (one.ends, other.ends)))
    last = min(last, first + CONFLICT_SPAN)
    if first >= last:
        return None
    theirs = other.between(first, last)
    their = next(theirs, None)
    for session in one.between(first, last):
        while their is not None and their.ends <= session.begins:
            their = next(theirs, None)
        if their is not None and their.begins < session.ends:
            return session
    return None
