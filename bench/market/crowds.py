"""Honest crowds behind one network address: a dormitory's hundreds, an office's dozens. They do things at the same time because they talk."""

from __future__ import annotations

from collections.abc import Sequence

from bench.market.addresses import rooms
from bench.market.diary import Diary
from bench.market.flows import claim, thinking
from bench.market.living import at_the_sale, live
from bench.market.moments import MINUTE, after
from bench.market.names import Persona


def dormitories(diary: Diary) -> None:
    """Each student with a phone of their own, four to a room; word of a coupon goes round in one evening, and many wait for the sale."""
    for _ in range(diary.sizes.dormitories):
        line, flats = diary.names.home(), rooms(diary.rng, -(-diary.sizes.students_each // 4))
        students = [diary.names.person(line, flats[index // 4].plain()) for index in range(diary.sizes.students_each)]
        half = len(students) // 2
        _word_goes_round(diary, students[:half], hour=21.5, wait=MINUTE // 4)
        for who in students[:half]:
            if diary.rng.random() < 0.3:
                at_the_sale(diary, who)
        live(diary, students[half:])


def offices(diary: Diary) -> None:
    """One reception takes all parcels; somebody posts the coupon before lunch."""
    for _ in range(diary.sizes.offices):
        line, desk = diary.names.home(), f"{rooms(diary.rng, 1)[0].plain()}前台"
        colleagues = [diary.names.person(line, desk) for _ in range(diary.sizes.colleagues_each)]
        half = len(colleagues) // 2
        _word_goes_round(diary, colleagues[:half], hour=12.1, wait=MINUTE // 2)
        live(diary, colleagues[half:])


def _word_goes_round(diary: Diary, people: Sequence[Persona], hour: float, wait: int) -> None:
    """All of them claim within an hour or so, one after the other."""
    at = diary.calendar.at(diary.calendar.any_day(diary.rng), hour)
    for who in people:
        at += after(diary.rng, wait)
        claim(diary, who, at, thinking(diary))
