"""Honest people whose devices, network addresses or purchases do not stay."""

from __future__ import annotations

from dataclasses import replace

from bench.market.addresses import some_flat
from bench.market.diary import Diary
from bench.market.flows import bind, check_in, claim, commission, pay, thinking, withdraw
from bench.market.living import live, visits
from bench.market.moments import DAY, HOUR, MINUTE, after
from bench.market.names import Persona


def returners(diary: Diary) -> None:
    """They order clothes in three sizes and send two back within the seven days of the law. Somebody honest recommended the shop to them."""
    rng, names = diary.rng, diary.names
    promoter, earned = names.person(names.home(), some_flat(rng).plain()), []
    for _ in range(diary.sizes.returners):
        who = names.person(names.home(), some_flat(rng).plain())
        visits(diary, who)
        at = diary.calendar.waking(rng, diary.calendar.any_day(rng))
        kept = diary.gain("commission", 1_600)
        bind(diary, who, promoter, at, [kept], thinking(diary))
        _, due = commission(diary, who, promoter, at + after(rng, HOUR), kept, 19_900)
        earned.append((due, kept))
        for _ in range(int(rng.integers(1, 4))):
            order, bought = diary.order(), at + after(rng, 2 * HOUR)
            pay(diary, who, bought, order, 19_900)
            diary.told(who, "order.refunded", bought + after(rng, 4 * DAY, 0.3), order_id=order, amount=19_900)
    _withdraws_now_and_then(diary, promoter, earned)


def phone_changers(diary: Diary) -> None:
    """A new phone: both are in use while things move over, and the old one goes to somebody of the family."""
    rng, names = diary.rng, diary.names
    for _ in range(diary.sizes.phone_changers):
        who = replace(names.person(names.home(), some_flat(rng).plain()), device=names.device())
        visits(diary, who)
        at = diary.calendar.waking(rng, diary.calendar.any_day(rng))
        check_in(diary, who, at, thinking(diary, 8))
        new = replace(who, device=names.device())
        for minutes, device in ((4, new), (9, who), (15, new)):
            check_in(diary, device, at + round(minutes * MINUTE * float(rng.lognormal(0, 0.4))), thinking(diary, 8))
        heir = replace(names.person(who.ip, who.address), device=who.device)
        claim(diary, heir, at + after(rng, DAY), thinking(diary))


def travellers(diary: Diary) -> None:
    """Trains, stations and hotels: another network address at every stop, several on a day, some shared with many."""
    names, rng = diary.names, diary.rng
    hotels = [names.home() for _ in range(5)]

    def moved(who: Persona, at: int) -> Persona:
        return replace(who, ip=str(rng.choice(hotels)) if rng.random() < 0.3 else names.carrier())

    people = [names.person(None, some_flat(rng).plain()) for _ in range(diary.sizes.travellers)]
    live(diary, people, moved)
    for who in people:
        at = diary.calendar.waking(rng, diary.calendar.any_day(rng))
        for _ in range(int(rng.integers(3, 7))):
            at += after(rng, HOUR // 2)
            check_in(diary, moved(who, at), at, thinking(diary, 8))


def _withdraws_now_and_then(diary: Diary, promoter: Persona, earned: list[tuple[int, str]]) -> None:
    """What has come due by then, ten times in all."""
    earned.sort()
    portion = max(1, len(earned) // 10)
    for first in range(0, len(earned), portion):
        some = earned[first : first + portion]
        withdraw(diary, promoter, some[-1][0] + after(diary.rng, 6 * HOUR), [gain for _, gain in some], thinking(diary, 40))
