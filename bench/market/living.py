"""How honest people use a shop, whichever group they are of: most do little, few do everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.market.diary import Diary
from bench.market.flows import bargain, check_in, claim, group_buy, pay, seckill, thinking
from bench.market.moments import HOUR, MINUTE, SECOND, after
from bench.market.names import Persona

# Where somebody is at a moment: the same person, another network address perhaps.
Moved = Callable[[Persona, int], Persona]


def staying(who: Persona, _: int) -> Persona:
    return who


def live(diary: Diary, people: Sequence[Persona], moved: Moved = staying) -> None:
    """Coupons and check-ins of each, the sale for some, and what friends do together."""
    for who in people:
        visits(diary, who, moved)
        if diary.rng.random() < 0.15:
            at_the_sale(diary, who, moved)
    together(diary, people, moved)


def visits(diary: Diary, who: Persona, moved: Moved = staying) -> None:
    """One claim of the new user's coupon, an order or two by most; a quarter check in for some days in a row."""
    rng, calendar = diary.rng, diary.calendar
    first = calendar.any_day(rng)
    at = calendar.waking(rng, first)
    claim(diary, moved(who, at), at, thinking(diary))
    for _ in range(int(rng.integers(3))):
        bought = at + after(rng, 2 * HOUR)
        pay(diary, moved(who, bought), bought, diary.order(), int(rng.integers(1_500, 20_000)))
    if rng.random() < 0.25:
        for day in range(first, min(calendar.days, first + int(rng.integers(2, 6)))):
            at = calendar.waking(rng, day)
            check_in(diary, moved(who, at), at, thinking(diary, 8))


def at_the_sale(diary: Diary, who: Persona, moved: Moved = staying) -> None:
    """They wait on the page, and tap when the clock strikes; some again while nothing seems to happen."""
    rng = diary.rng
    late = float(rng.exponential(6.0)) + 0.3
    at = diary.calendar.sale + round(late * SECOND)
    seckill(diary, moved(who, at), at, late + float(rng.uniform(20, 600)), int(rng.geometric(0.6)), float(rng.uniform(0.6, 3.0)))


def together(diary: Diary, people: Sequence[Persona], moved: Moved = staying) -> None:
    """Group purchases of three, one for every twelve people, and bargains with up to eight helpers, one for every forty."""
    rng, calendar = diary.rng, diary.calendar
    for _ in range(len(people) // 12):
        at = calendar.waking(rng, calendar.any_day(rng))
        group_buy(diary, [moved(one, at) for one in some(rng, people, 3)], at, 20 * MINUTE, thinking(diary))
    for _ in range(len(people) // 40):
        at = calendar.waking(rng, calendar.any_day(rng))
        owner, *helpers = (moved(one, at) for one in some(rng, people, 1 + int(rng.integers(3, 9))))
        bargain(diary, owner, helpers, at, after(rng, HOUR // 2), thinking(diary, 10), 8_000)


def some(rng: np.random.Generator, people: Sequence[Persona], count: int) -> list[Persona]:
    """Different ones of them, in the order of chance."""
    return [people[index] for index in rng.permutation(len(people))[:count]]
