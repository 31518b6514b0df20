"""Sessions (场次): the daily slots of a seckill as stretches between two instants, in the campaign's zone, over midnight and through clock changes.

A slot belongs to the local day on which it begins. Where clocks go forward, a time that they skip is as long after the change as it was written
past it; where they go back, a time that they show twice begins at its first and ends at its last showing. What lies outside of the campaign is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# How far a search for the next session looks: a slot of one weekday comes within eight days, one that a clock change swallows within fifteen.
_AHEAD = 15


@dataclass(frozen=True, slots=True)
class Slot:
    """A daily slot: local times, `until` at or before `begin` means the next day. `days` are ISO weekdays (1 is Monday)."""

    begin: time
    until: time
    days: frozenset[int] = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True)
class Session:
    """One occurrence. `ends` is exclusive; `name` is its local beginning and says which one it is, for good."""

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
        today = now.astimezone(self.zone).date()
        return next((one for one in self._of_days(today - DAY, today + DAY) if one.begins <= now < one.ends), None)

    def next(self, now: datetime) -> Session | None:
        """The first session that begins after this instant, at most fifteen days past it or past the campaign's start."""
        first = max(now, self.starts).astimezone(self.zone).date()
        return next((one for one in self._of_days(first - DAY, first + _AHEAD * DAY) if one.begins > now), None)

    def named(self, name: str) -> Session | None:
        """The session of this name, or None where the plan has none."""
        try:
            day = date.fromisoformat(name.partition("T")[0])
        except ValueError:
            return None
        return next((one for one in self._of_days(day - DAY, day + DAY) if one.name == name), None)

    def between(self, first: datetime, last: datetime, most: int = 10_000) -> list[Session]:
        """Sessions that touch [first, last), at most so many."""
        days = (first.astimezone(self.zone).date() - DAY, last.astimezone(self.zone).date() + DAY)
        found = (one for one in self._of_days(*days) if one.begins < last and one.ends > first)
        return [one for one, _ in zip(found, range(most), strict=False)]

    def count(self) -> int:
        """How many sessions there are in all."""
        return sum(1 for _ in self._of_days(self.starts.astimezone(self.zone).date() - DAY, self.ends.astimezone(self.zone).date()))

    def _of_days(self, first: date, last: date) -> Iterator[Session]:
        """Sessions of the slots that begin on these local days, in order; without slots the campaign itself."""
        if not self.slots:
            yield Session(self.starts.astimezone(self.zone).strftime("%Y%m%dT%H%M"), self.starts, self.ends)
            return
        day = max(first, self.starts.astimezone(self.zone).date() - DAY)
        last = min(last, self.ends.astimezone(self.zone).date())
        while day <= last:
            for slot in self.slots:
                if day.isoweekday() in slot.days:
                    yield from self._session(slot, day)
            day += DAY

    def _session(self, slot: Slot, day: date) -> Iterator[Session]:
        until = day if slot.until > slot.begin else day + DAY
        begins, ends = instant(day, slot.begin, self.zone, last=False), instant(until, slot.until, self.zone, last=True)
        begins, ends = max(begins, self.starts), min(ends, self.ends)
        if begins < ends:
            yield Session(f"{day:%Y%m%d}T{slot.begin:%H%M}", begins, ends)


def instant(day: date, at: time, zone: ZoneInfo, *, last: bool) -> datetime:
    """The instant at which clocks show this, the last of two where `last` asks for it."""
    local = datetime.combine(day, at, zone).replace(fold=1 if last else 0)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        # Skipped: by way of the offset before the change, which lands as long after it as was written.
        local = local.replace(fold=0)
    return local.astimezone(UTC).astimezone(zone)


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
    """The first session of `one` that overlaps one of `other`, looked for over at most 400 days from the later start."""
    first, last = max(one.starts, other.starts), min(one.ends, other.ends)
    last = min(last, first + 400 * DAY)
    if first >= last:
        return None
    theirs = other.between(first, last)
    place = 0
    for session in one.between(first, last):
        while place < len(theirs) and theirs[place].ends <= session.begins:
            place += 1
        if place < len(theirs) and theirs[place].begins < session.ends:
            return session
    return None
