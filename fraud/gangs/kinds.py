"""Kinds of evidence that accounts carry themselves: things they share, who brought them, what they sent back. Each tells which members have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from core.text import Text
from fraud.gangs.graph import Flags, Ints, pairs
from fraud.gangs.invited import brought_by, brought_in_all
from fraud.gangs.model import Evidence, Limits
from fraud.gangs.record import NONE, Record

# Column → kind of evidence, and how it is called.
_KINDS = {
    "device": Text(zh="台设备", en="devices"),
    "payment_account": Text(zh="个支付账户", en="purses"),
    "flat": Text(zh="个房号", en="flats"),
}
FLAT = list(_KINDS).index("flat")


@dataclass(frozen=True, slots=True)
class Ties:
    """One row for each account and thing; a thing's number is its own among all kinds."""

    account: Ints
    thing: Ints
    kind: Ints

    def where(self, kept: Flags) -> Ties:
        return Ties(self.account[kept], self.thing[kept], self.kind[kept])


@dataclass(frozen=True, slots=True)
class Money:
    """By account, in fen, who brought each (NONE for nobody), and how many each brought."""

    paid: Ints
    refunded: Ints
    inviter: Ints
    brought: Ints


@dataclass(frozen=True, slots=True)
class Held:
    """Evidence, and the members who have it themselves."""

    evidence: Evidence
    accounts: Ints


def ties_of(record: Record, limits: Limits) -> Ties:
    """What two accounts and more hold, but no hub."""
    accounts = record.column("account")
    found: list[tuple[Ints, Ints, Ints]] = []
    begin = 0
    for kind, name in enumerate(_KINDS):
        things = record.column(name)
        known = things != NONE
        account, thing = pairs(accounts[known], things[known])
        many = np.bincount(thing) if len(thing) else thing
        kept = (many[thing] >= 2) & (many[thing] <= (limits.flat_hub if name == "flat" else limits.tie_hub))
        found.append((account[kept], thing[kept] + begin, np.full(int(kept.sum()), kind)))
        begin += len(many)
    return Ties(*(np.concatenate([one[place] for one in found]) for place in range(3)))


def money_of(record: Record) -> Money:
    account, count = record.column("account"), len(record.accounts)
    paid, refunded = (np.bincount(account, weights=record.column(name), minlength=count).astype(np.int64) for name in ("paid", "refunded"))
    return Money(paid, refunded, brought_by(record), brought_in_all(record))


def core(ties: Ties) -> Ties:
    """Without those whom only one other account holds: a phone bought second-hand makes nobody a member."""
    while len(ties.account):
        on = np.bincount(ties.thing)[ties.thing]
        held = np.bincount(ties.account, weights=on - 1)[ties.account]
        kept = (held >= 2) & (on >= 2)
        if kept.all():
            break
        ties = ties.where(kept)
    return ties


def shared(ties: Ties, members: int, limits: Limits) -> Iterator[Held]:
    """The kinds of things that half of the group shares. A couple's flat, and a phone in every pocket, hold nobody together."""
    for kind, (name, words) in enumerate(_KINDS.items()):
        mine = ties.kind == kind
        accounts, things = np.unique(ties.account[mine]), len(np.unique(ties.thing[mine]))
        if not things or len(accounts) < limits.tie_share * members or (name == "flat" and len(accounts) < 3 * things):
            continue
        text = Text(zh=f"{len(accounts)} 个账号共用 {things} {words.zh}", en=f"{len(accounts)} accounts share {things} {words.en}")
        yield Held(Evidence(name, len(accounts) / members, text), accounts)


def who_brought(members: Ints, money: Money, limits: Limits) -> tuple[int, Held] | None:
    """The one who brought four fifths of the group. A public link that others use, too, tells nothing: the members must be half of all whom it brought."""
    told = money.inviter[members]
    who, many = np.unique(told[told != NONE], return_counts=True)
    if not len(who):
        return None
    inviter, mine = int(who[many.argmax()]), int(many.max())
    share = mine / len(members)
    if share < limits.inviter_share or mine < limits.tie_share * int(money.brought[inviter]):
        return None
    text = Text(zh=f"其中 {share:.0%} 由同一账号邀请", en=f"{share:.0%} of them were brought by one account")
    return inviter, Held(Evidence("inviter", share, text), members[told == inviter])


def refunds(members: Ints, money: Money, limits: Limits) -> Iterator[Held]:
    """Whether most of the group's money went back, and to whom."""
    paid, refunded = int(money.paid[members].sum()), int(money.refunded[members].sum())
    people = members[money.refunded[members] > 0]
    if len(people) >= limits.refunders and paid > 0 and refunded >= limits.refund_share * paid:
        share = min(1.0, refunded / paid)
        text = Text(zh=f"{len(people)} 个账号退掉了 {share:.0%} 的货款", en=f"{len(people)} accounts had {share:.0%} of the money refunded")
        yield Held(Evidence("refunds", share, text), people)


def holders(kinds: Iterable[Held], least: int = 1) -> Ints:
    """Accounts that have so many of these kinds themselves, in rising order."""
    every = [one.accounts for one in kinds]
    if not every:
        return np.empty(0, dtype=np.int64)
    who, many = np.unique(np.concatenate(every), return_counts=True)
    found: Ints = who[many >= least]
    return found
