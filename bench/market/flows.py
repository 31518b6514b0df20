"""What can be done in the shop, step by step, by honest people and others alike, with the money that each step leads to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.market.diary import Diary
from bench.market.moments import DAY, HOUR, MINUTE, SECOND, after
from bench.market.names import Persona

COUPON_FEN, CHECK_IN_FEN, SECKILL_FEN, GROUP_FEN, LEADER_FEN = 2_000, 20, 10_000, 1_500, 1_000
_SECKILL_PRICE_FEN, _GROUP_PRICE_FEN, _BARGAIN_PRICE_FEN = 9_900, 4_990, 29_900


def thinking(diary: Diary, median_seconds: float = 20.0) -> float:
    """How long a person looks at a page before acting, in seconds."""
    return float(median_seconds * diary.rng.lognormal(0, 0.9))


def claim(diary: Diary, who: Persona, at: int, think: float, browses: bool = True) -> None:
    diary.asked(who, "coupon.claim", at, (diary.gain("coupon", COUPON_FEN),), think=think, browses=browses, campaign="new-user")


def check_in(diary: Diary, who: Persona, at: int, think: float, browses: bool = True) -> None:
    diary.asked(who, "check_in.check_in", at, (diary.gain("check_in", CHECK_IN_FEN),), think=think, browses=browses, campaign="daily")


def seckill(diary: Diary, who: Persona, at: int, think: float, taps: int, gap_seconds: float, browses: bool = True) -> None:
    """The first tap is the one that counts; impatient ones follow it. Whoever has a piece pays it some minutes later."""
    gain, order = diary.gain("seckill", SECKILL_FEN), diary.order()
    for tap in range(taps):
        # The same open page: later taps are that much further from its opening.
        moment = at + round(tap * gap_seconds * SECOND)
        guards = (gain,) if tap == 0 else ()
        waited = think + tap * gap_seconds
        diary.asked(who, "seckill.buy", moment, guards, think=waited, browses=browses and tap == 0, campaign="flash", product="watch")
    paid = at + after(diary.rng, 3 * MINUTE)
    pay(diary, who, paid, order, _SECKILL_PRICE_FEN, (gain,))
    diary.asked(who, "seckill.pay", paid + SECOND, (gain,), order_id=order, amount=_SECKILL_PRICE_FEN, campaign="flash")


def pay(diary: Diary, who: Persona, at: int, order: str, fen: int, guards: tuple[str, ...] = ()) -> None:
    diary.told(who, "order.paid", at, guards, order_id=order, amount=fen)


def group_buy(diary: Diary, members: Sequence[Persona], at: int, wait: int, think: float) -> None:
    """The first one opens, the others join within about `wait` of each other; all have their discount when it is full, the leader a reward on top.

    Whoever is refused is taken to be replaced by somebody else: the others still have theirs.
    """
    gains: list[tuple[str, ...]] = [(diary.gain("group_buy", GROUP_FEN),) for _ in members]
    gains[0] = (*gains[0], diary.gain("group_buy", LEADER_FEN))
    orders, instance = [diary.order() for _ in members], diary.instance()
    for index, (who, gain, order) in enumerate(zip(members, gains, orders, strict=True)):
        at += after(diary.rng, wait) if index else 0
        scene, thought = "group_buy.join" if index else "group_buy.open", think * float(diary.rng.lognormal(0, 0.5))
        # A group has its number, and an inviter, only once it is open.
        told: dict[str, Any] = {"instance": instance, "inviter": members[0].user} if index else {}
        diary.asked(who, scene, at, gain, think=thought, order_id=order, amount=_GROUP_PRICE_FEN, campaign="trio", product="tea", **told)
        pay(diary, who, at + MINUTE, order, _GROUP_PRICE_FEN, gain)
    for who, gain, order in zip(members, gains, orders, strict=True):
        diary.asked(who, "group_buy.success", at + 2 * MINUTE, gain, order_id=order, amount=_GROUP_PRICE_FEN, campaign="trio")


def bargain(diary: Diary, owner: Persona, helpers: Sequence[Persona], at: int, wait: int, think: float, total_fen: int, browses: bool = True) -> None:
    """Each helper cuts a part of the price; the owner orders and pays what is left. A cut that is refused leaves the others as they are."""
    cuts = [diary.gain("bargain", max(1, total_fen // len(helpers))) for _ in helpers]
    instance = diary.instance()
    diary.asked(owner, "bargain.start", at, tuple(cuts), think=thinking(diary), campaign="cut-down", product="chair")
    for who, cut in zip(helpers, cuts, strict=True):
        at += after(diary.rng, wait)
        thought = think * float(diary.rng.lognormal(0, 0.3))
        diary.asked(who, "bargain.cut", at, (cut,), think=thought, browses=browses, campaign="cut-down", instance=instance, inviter=owner.user)
    order, left = diary.order(), max(100, _BARGAIN_PRICE_FEN - total_fen)
    at += after(diary.rng, HOUR)
    diary.asked(owner, "bargain.order", at, tuple(cuts), think=thinking(diary), order_id=order, amount=left, campaign="cut-down", instance=instance)
    pay(diary, owner, at + MINUTE, order, left, tuple(cuts))
    diary.asked(owner, "bargain.pay", at + MINUTE + SECOND, tuple(cuts), order_id=order, amount=left, campaign="cut-down")


def bind(diary: Diary, who: Persona, promoter: Persona, at: int, gains: Sequence[str], think: float, browses: bool = True) -> None:
    """The customer lets a promoter have the commissions that follow."""
    diary.asked(
        who, "promoter.bind", at, tuple(gains), think=think, browses=browses, campaign="rebate", inviter=promoter.user, invite_code=f"c{promoter.user[-8:]}"
    )


def commission(diary: Diary, buyer: Persona, promoter: Persona, at: int, gain: str, fen: int) -> tuple[str, int]:
    """An order that pays a promoter: accrued at once, settled seven days after its receipt. Returns the order and when it settles."""
    order = diary.order()
    pay(diary, buyer, at, order, fen)
    diary.asked(buyer, "promoter.accrue", at + SECOND, (gain,), order_id=order, amount=fen, campaign="rebate")
    received = at + after(diary.rng, 2 * DAY, 0.3)
    diary.told(buyer, "receipt.confirmed", received, order_id=order)
    due = received + 7 * DAY
    diary.asked(promoter, "promoter.settle", due, (gain,), order_id=order, campaign="rebate")
    return order, due


def withdraw(diary: Diary, promoter: Persona, at: int, gains: Sequence[str], think: float) -> None:
    amount = sum(diary.gains[one].fen for one in gains)
    diary.asked(promoter, "promoter.withdraw", at, tuple(gains), think=think, amount=amount, campaign="rebate")
