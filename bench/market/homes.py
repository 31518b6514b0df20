"""Honest people by themselves and in families."""

from __future__ import annotations

from dataclasses import replace

from bench.market.addresses import some_flat
from bench.market.diary import Diary
from bench.market.living import live
from bench.market.names import Persona


def neighbours(diary: Diary) -> None:
    """Anybody: a phone behind a carrier's address or a line at home, an address of their own."""
    names, rng = diary.names, diary.rng
    people = [names.person(names.home() if rng.random() < 0.5 else None, some_flat(rng).plain()) for _ in range(diary.sizes.neighbours)]
    live(diary, people)


def families(diary: Diary) -> None:
    """Two to five accounts with one line and one door; some pay from one account, and some take turns on one tablet."""
    people = [one for _ in range(diary.sizes.families) for one in _family(diary)]
    live(diary, people)


def _family(diary: Diary) -> list[Persona]:
    names, rng = diary.names, diary.rng
    line, door = names.home(), some_flat(rng).plain()
    people = [names.person(line, door) for _ in range(int(rng.integers(2, 6)))]
    if rng.random() < 0.4:
        people = [replace(one, payment_account=people[0].payment_account) for one in people]
    if rng.random() < 0.3:
        tablet, sharers = names.device(), int(rng.integers(2, 4))
        people[:sharers] = [replace(one, device=tablet) for one in people[:sharers]]
    return people
