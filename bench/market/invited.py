"""Honest people who look like a farm: a promoter's real followers, and elders who are helped on one phone."""

from __future__ import annotations

from dataclasses import replace

from bench.market.addresses import some_flat
from bench.market.diary import Diary
from bench.market.flows import bind, check_in, claim, commission, thinking, withdraw
from bench.market.moments import DAY, HOUR, MINUTE, after


def followers(diary: Diary) -> None:
    """One post of somebody with an audience: a hundred binds and more in one evening, a third of them buy within days."""
    rng, names = diary.rng, diary.names
    promoter, earned = names.person(names.home(), some_flat(rng).plain()), []
    posted = diary.calendar.at(1, 19.5)
    for _ in range(diary.sizes.followers):
        who, at = names.person(None, some_flat(rng).plain()), posted + after(rng, HOUR // 2, 1.0)
        gains = [diary.gain("commission", 1_600)] if rng.random() < 0.33 else []
        bind(diary, who, promoter, at, gains, thinking(diary))
        claim(diary, who, at + after(rng, 2 * MINUTE), thinking(diary))
        for gain in gains:
            _, due = commission(diary, who, promoter, at + after(rng, 8 * HOUR), gain, 19_900)
            earned.append((due, gain))
    if earned:
        withdraw(diary, promoter, max(earned)[0] + after(rng, 6 * HOUR), [gain for _, gain in earned], thinking(diary, 40))


def helped_elders(diary: Diary) -> None:
    """A volunteer sets up account after account on the one phone at hand, explaining each step; the elders come back at home."""
    rng, names = diary.rng, diary.names
    for _ in range(diary.sizes.volunteers):
        phone, line = names.device(), names.home()
        at = diary.calendar.at(diary.calendar.any_day(rng), 9.5)
        for _ in range(diary.about(diary.sizes.elders_each)):
            elder = names.person(line, some_flat(rng).plain())
            at += after(rng, 9 * MINUTE, 0.4)
            claim(diary, replace(elder, device=phone), at, thinking(diary, 60))
            if rng.random() < 0.3:
                check_in(diary, elder, at + after(rng, DAY), thinking(diary, 15))
