"""Attacks by machine: phones in a rack, virtual phones on rented servers, and scripts that come through a pool of addresses."""

from __future__ import annotations

from dataclasses import replace

from bench.market.addresses import some_flat
from bench.market.diary import Diary
from bench.market.flows import bargain, check_in, claim, seckill
from bench.market.living import some
from bench.market.moments import DAY, MINUTE, SECOND, after
from bench.market.names import Persona
from bench.market.probes import RACKED_PHONE, VIRTUAL_PHONE


def device_farm(diary: Diary) -> None:
    """Real phones driven together, account after account on each of them overnight; half the accounts come by the room's one line, half by mobile data.

    The accounts then check in, cut prices for those who order cuts, and stand in the sale.
    """
    rng, names = diary.rng, diary.names
    line, night = names.home(), max(0, diary.calendar.days // 4)
    accounts: list[Persona] = []
    for _ in range(diary.sizes.farm_phones):
        device, flags, at = names.device(), names.probed(RACKED_PHONE), diary.calendar.at(night, 23) + after(rng, 10 * MINUTE)
        for _ in range(diary.about(diary.sizes.farm_accounts_each)):
            at += after(rng, 4 * MINUTE, 0.3)
            who = names.puppet(line if rng.random() < 0.5 else names.carrier(), device, flags)
            accounts.append(who)
            claim(diary, who, at, float(rng.uniform(4, 15)), browses=rng.random() < 0.7)
            check_in(diary, who, at + DAY + after(rng, MINUTE), float(rng.uniform(2, 6)), browses=False)
    _cuts_for_money(diary, accounts)
    for who in some(rng, accounts, len(accounts) // 6):
        buyer = replace(who, address=some_flat(rng).plain(), payment_account=names.account())
        at = diary.calendar.sale + int(rng.integers(SECOND // 3))
        seckill(diary, buyer, at, float(rng.uniform(5, 60)), int(rng.integers(3, 12)), 0.15, browses=False)


def _cuts_for_money(diary: Diary, accounts: list[Persona]) -> None:
    """Owners who are real people buy the help of twenty accounts each."""
    rng, calendar = diary.rng, diary.calendar
    for _ in range(len(accounts) // 20):
        owner = diary.names.person(None, some_flat(rng).plain())
        at = calendar.waking(rng, calendar.any_day(rng))
        bargain(diary, owner, some(rng, accounts, 20), at, MINUTE // 2, 3.0, 25_000, browses=False)


def emulators(diary: Diary) -> None:
    """Each account in a virtual phone that is wiped before the next, in steps as regular as a loop; a fifth of the images forget to change their id."""
    rng, names = diary.rng, diary.names
    for server in range(diary.sizes.emulator_servers):
        rack, image = [names.rack() for _ in range(int(rng.integers(1, 4)))], names.device()
        at = diary.calendar.at(server % diary.calendar.days, 1.5)
        for _ in range(diary.sizes.emulator_accounts_each):
            at += round(float(rng.normal(40, 2)) * SECOND)
            who = names.puppet(str(rng.choice(rack)), image if rng.random() < 0.2 else names.device(), names.probed(VIRTUAL_PHONE))
            claim(diary, who, at, float(rng.uniform(1, 4)), browses=False)


def ip_pool(diary: Diary) -> None:
    """A script against the interface: three bursts, an address of somebody's home for every call or two, made-up device ids or none at all."""
    rng, names = diary.rng, diary.names
    pool = [names.home() for _ in range(diary.sizes.pool_addresses)]
    starts = [diary.calendar.waking(rng, diary.calendar.any_day(rng)) for _ in range(3)]
    for number in range(diary.sizes.pool_accounts):
        at = starts[number % 3] + after(rng, 5 * MINUTE)
        who = names.scripted(str(rng.choice(pool)), None if rng.random() < 0.3 else names.device())
        claim(diary, who, at, float(rng.uniform(0.1, 1.5)), browses=False)
