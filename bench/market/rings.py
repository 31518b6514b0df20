"""Attacks by groups that know each other: made-up customers of a promoter, brushed orders under camouflage, orders that last until the commission is paid."""

from __future__ import annotations

from dataclasses import replace

from bench.market.addresses import some_flat
from bench.market.diary import Diary
from bench.market.flows import bind, check_in, claim, commission, group_buy, pay, thinking, withdraw
from bench.market.living import some
from bench.market.moments import DAY, HOUR, MINUTE, after
from bench.market.names import Persona
from bench.market.probes import CHEAP_PHONE


def invite_farm(diary: Diary) -> None:
    """A promoter binds accounts of their own making, some at a time, about six to a phone; each claims and places the smallest order that pays."""
    rng, names = diary.rng, diary.names
    for _ in range(diary.sizes.inviters):
        promoter, line, earned = names.person(names.home(), some_flat(rng).plain()), names.home(), []
        at = diary.calendar.at(diary.calendar.any_day(rng), 20)
        device, flags, left = names.device(), names.probed(CHEAP_PHONE), diary.about(6)
        for number in range(diary.sizes.invited_each):
            if left == 0:
                device, flags, left = names.device(), names.probed(CHEAP_PHONE), diary.about(6)
            left -= 1
            at += after(rng, 2 * HOUR) if number % 10 == 9 else after(rng, 3 * MINUTE)
            puppet = names.puppet(line if rng.random() < 0.7 else names.carrier(), device, flags)
            who = replace(puppet, address=promoter.address, payment_account=names.account())
            gain = diary.gain("commission", 800)
            bind(diary, who, promoter, at, [gain], float(rng.uniform(3, 20)), browses=False)
            claim(diary, who, at + after(rng, MINUTE), float(rng.uniform(3, 20)), browses=False)
            _, due = commission(diary, who, promoter, at + after(rng, 3 * MINUTE), gain, 990)
            earned.append((due, gain))
        _take_out(diary, promoter, earned)


def brush_ring(diary: Diary) -> None:
    """Hired people with phones, homes and habits of their own. On some evenings a task goes round, and eight groups of three fill within the hour."""
    rng, names, calendar = diary.rng, diary.names, diary.calendar
    for _ in range(diary.sizes.brush_rings):
        ring = [names.person(names.home() if rng.random() < 0.6 else None, some_flat(rng).plain()) for _ in range(diary.sizes.brushers_each)]
        for who in ring:
            _camouflage(diary, who)
        for day in range(0, calendar.days, 3):
            for _ in range(max(1, len(ring) // 3)):
                at = calendar.around(rng, day, 20.5, 0.3)
                group_buy(diary, some(rng, ring, 3), at, 3 * MINUTE, thinking(diary, 60))


def _camouflage(diary: Diary, who: Persona) -> None:
    """Orders of other goods, one to three for each day on which tasks come, and a look in now and then."""
    rng, calendar = diary.rng, diary.calendar
    for day in range(0, calendar.days, 3):
        check_in(diary, who, calendar.waking(rng, day), thinking(diary, 8))
        for _ in range(int(rng.integers(1, 4))):
            pay(diary, who, calendar.waking(rng, min(day + int(rng.integers(3)), calendar.days - 1)), diary.order(), int(rng.integers(1_500, 20_000)))


def refund_ring(diary: Diary) -> None:
    """Dear orders of a promoter's friends, sent back as soon as the commission is out: two accounts a phone, three a door, payers shared."""
    rng, names = diary.rng, diary.names
    for _ in range(diary.sizes.refund_rings):
        promoter, payers, back = names.person(names.home(), some_flat(rng).plain()), [names.account() for _ in range(6)], []
        device, door, earned = names.device(), some_flat(rng).plain(), []
        for number in range(diary.sizes.refunders_each):
            device = device if number % 2 else names.device()
            door = door if number % 3 else some_flat(rng).plain()
            who = replace(names.person(None, door), device=device, payment_account=str(rng.choice(payers)))
            at = diary.calendar.waking(rng, diary.calendar.any_day(rng) // 2)
            gains = [diary.gain("commission", 6_400) for _ in range(int(rng.integers(1, 4)))]
            bind(diary, who, promoter, at, gains, thinking(diary))
            for gain in gains:
                at += after(rng, 8 * HOUR)
                order, due = commission(diary, who, promoter, at, gain, 79_900)
                earned.append((due, gain))
                back.append((who, order))
        paid_out = _take_out(diary, promoter, earned)
        for who, order in back:
            diary.told(who, "order.refunded", paid_out + after(rng, DAY), order_id=order, amount=79_900)


def _take_out(diary: Diary, promoter: Persona, earned: list[tuple[int, str]]) -> int:
    """All in one withdrawal, soon after the last of it is due; returns when."""
    at = max(earned)[0] + after(diary.rng, 2 * HOUR)
    withdraw(diary, promoter, at, [gain for _, gain in earned], thinking(diary))
    return at
