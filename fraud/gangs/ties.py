"""Accounts that hang together by devices, purses and flats, beyond what a household or an office explains: two kinds of evidence, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.text import Text
from fraud.gangs.graph import Flags, Ints, components, pairs
from fraud.gangs.invited import brought_by
from fraud.gangs.model import Evidence, Gang, Limits
from fraud.gangs.record import NONE, Record

# Column → kind of evidence, and how it is called.
_KINDS = {
    "device": Text(zh="台设备", en="devices"),
    "payment_account": Text(zh="个支付账户", en="purses"),
    "flat": Text(zh="个房号", en="flats"),
}


@dataclass(frozen=True, slots=True)
class _Ties:
    """One row for each account and thing; a thing's number is its own among all kinds."""

    account: Ints
    thing: Ints
    kind: Ints

    def where(self, kept: Flags) -> _Ties:
        return _Ties(self.account[kept], self.thing[kept], self.kind[kept])


@dataclass(frozen=True, slots=True)
class _Money:
    """By account, in fen, and who brought each (NONE for nobody)."""

    paid: Ints
    refunded: Ints
    inviter: Ints


def found_by_ties(record: Record, limits: Limits) -> Iterator[Gang]:
    """Groups of `tied_accounts` and more."""
    ties, nodes = _core(_ties(record, limits)), len(record.accounts)
    if not len(ties.account):
        return
    money = _money(record)
    labels = components(ties.account, ties.thing + nodes, nodes + int(ties.thing.max()) + 1)[ties.account]
    for label in np.unique(labels):
        gang = _gang(ties.where(labels == label), money, limits)
        if gang is not None:
            yield gang


def _ties(record: Record, limits: Limits) -> _Ties:
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
    return _Ties(*(np.concatenate([one[place] for one in found]) for place in range(3)))


def _core(ties: _Ties) -> _Ties:
    """Without those whom only one other account holds: a phone bought second-hand makes nobody a member."""
    while len(ties.account):
        on = np.bincount(ties.thing)[ties.thing]
        held = np.bincount(ties.account, weights=on - 1)[ties.account]
        kept = (held >= 2) & (on >= 2)
        if kept.all():
            break
        ties = ties.where(kept)
    return ties


def _money(record: Record) -> _Money:
    account, count = record.column("account"), len(record.accounts)
    paid, refunded = (np.bincount(account, weights=record.column(name), minlength=count).astype(np.int64) for name in ("paid", "refunded"))
    return _Money(paid, refunded, brought_by(record))


def _gang(ties: _Ties, money: _Money, limits: Limits) -> Gang | None:
    members = np.unique(ties.account)
    if not limits.tied_accounts <= len(members) <= limits.accounts_most:
        return None
    evidence = [*_shared(ties, len(members), limits)]
    if not evidence:
        return None
    inviter, brought = _who_brought(members, money, limits)
    things = len(np.unique(ties.thing[ties.kind < 2]))
    if inviter is not None and things >= limits.inviter_things:
        evidence.append(brought)
    evidence += _refunds(members, money, limits)
    accounts = members if inviter is None else np.union1d(members, [inviter])
    return Gang(tuple(accounts.tolist()), tuple(evidence), inviter) if len(evidence) >= 2 else None


def _shared(ties: _Ties, members: int, limits: Limits) -> Iterator[Evidence]:
    """The kinds of things that half of the group shares. A couple's flat, and a phone in every pocket, hold nobody together."""
    for kind, (name, words) in enumerate(_KINDS.items()):
        mine = ties.kind == kind
        accounts, things = len(np.unique(ties.account[mine])), len(np.unique(ties.thing[mine]))
        if accounts < limits.tie_share * members or (name == "flat" and accounts < 3 * things):
            continue
        text = Text(zh=f"{accounts} 个账号共用 {things} {words.zh}", en=f"{accounts} accounts share {things} {words.en}")
        yield Evidence(name, accounts / members, text)


def _who_brought(members: Ints, money: _Money, limits: Limits) -> tuple[int | None, Evidence]:
    told = money.inviter[members]
    who, many = np.unique(told[told != NONE], return_counts=True)
    share = float(many.max()) / len(members) if len(who) else 0.0
    text = Text(zh=f"其中 {share:.0%} 由同一账号邀请", en=f"{share:.0%} of them were brought by one account")
    return (int(who[many.argmax()]) if share >= limits.inviter_share else None), Evidence("inviter", share, text)


def _refunds(members: Ints, money: _Money, limits: Limits) -> Iterator[Evidence]:
    paid, refunded = int(money.paid[members].sum()), int(money.refunded[members].sum())
    people = int((money.refunded[members] > 0).sum())
    if people >= limits.refunders and paid > 0 and refunded >= limits.refund_share * paid:
        share = min(1.0, refunded / paid)
        yield Evidence("refunds", share, Text(zh=f"{people} 个账号退掉了 {share:.0%} 的货款", en=f"{people} accounts had {share:.0%} of the money refunded"))
