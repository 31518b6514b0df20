"""Attacks by people who take care: one flat under many spellings, and one claim a day from each device."""

from __future__ import annotations

from dataclasses import replace

from bench.market.addresses import some_flat, spelled
from bench.market.diary import Diary
from bench.market.flows import claim, group_buy, seckill, thinking
from bench.market.living import some
from bench.market.moments import DAY, HOUR, SECOND
from bench.market.names import Persona
from bench.market.probes import CHEAP_PHONE


def address_spellings(diary: Diary) -> None:
    """Everything goes to one flat, which no two accounts write alike; cheap old phones, the flat's line or mobile data, and three accounts that pay."""
    rng, calendar, names = diary.rng, diary.calendar, diary.names
    for _ in range(diary.sizes.flats):
        flat, line, payers = some_flat(rng), names.home(), [names.account() for _ in range(3)]
        accounts: list[Persona] = []
        for _ in range(diary.sizes.flat_accounts_each):
            who = names.cheap(line if rng.random() < 0.5 else names.carrier())
            accounts.append(replace(who, address=spelled(rng, flat), payment_account=str(rng.choice(payers))))
        for who in accounts:
            claim(diary, who, calendar.waking(rng, calendar.any_day(rng)), thinking(diary))
        for who in some(rng, accounts, len(accounts) // 2):
            seckill(diary, who, calendar.sale + round(float(rng.exponential(3)) * SECOND), thinking(diary, 120), int(rng.geometric(0.5)), 0.8)
        for first in range(0, len(accounts) - 2, 3):
            group_buy(diary, accounts[first : first + 3], calendar.waking(rng, calendar.any_day(rng)), HOUR // 4, thinking(diary))


def slow_drip(diary: Diary) -> None:
    """One account a day on each device, at an hour when people are awake, with a person's patience, from two or three devices a line."""
    rng, names = diary.rng, diary.names
    line = names.home()
    for number in range(diary.sizes.drip_devices):
        line = line if number % 3 else names.home()
        device, flags, hour = names.device(), names.probed(CHEAP_PHONE), float(rng.uniform(9, 22))
        for day in range(diary.calendar.days):
            who = names.puppet(line if rng.random() < 0.6 else names.carrier(), device, flags, virtual=0.3)
            at = min(diary.calendar.around(rng, day, hour, 1.0), diary.calendar.at(day, 0) + DAY - SECOND)
            claim(diary, who, at, thinking(diary, 30), browses=rng.random() < 0.9)
