"""Accounts that do the same things in the same hours on several days, and have no place in common that would explain it.

People of one flat, dormitory or office act together because they talk: within an hour they count as one. What many people do is popular and
counts as nothing. What is left is peeled: things that few members did, and members who came on too few days, fall off until nothing changes.
Whoever was there with such a core on half of its days belongs to it.

Regulars of a sale look like that, too: so a group counts only if it came for several things at several hours of the day, or if its members also share
devices or purses, or sent their orders back. Whoever always comes first is followed, and is no member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from core.text import Text
from fraud.gangs.graph import Flags, Ints, components, different, joined, pairs
from fraud.gangs.kinds import FLAT, Held, Money, Ties, core, holders, refunds, shared
from fraud.gangs.model import Evidence, Gang, Limits
from fraud.gangs.record import NONE, Record

_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000
# Two moments of the day that lie this far apart are two hours of it, for the half hours that each is told in.
_APART, _HALF_HOURS = 4, 48


@dataclass(frozen=True, slots=True)
class _Acts:
    """One row for each account and bucket: an hour of one target. `all` is how many accounts the bucket had; `day` one day of one target."""

    account: Ints
    bucket: Ints
    day: Ints
    ip: Ints
    address: Ints
    at: Ints
    what: Ints
    all: Ints

    def where(self, kept: Flags) -> _Acts:
        return _Acts(*(getattr(self, one.name)[kept] for one in fields(self)))


def found_together(record: Record, ties: Ties, money: Money, limits: Limits) -> Iterator[Gang]:
    """Groups of `together_accounts` and more."""
    everybody = _acts(record, limits)
    acts = _core(everybody, limits)
    if not len(acts.account):
        return
    nodes = len(record.accounts)
    labels = components(acts.account, acts.bucket + nodes, nodes + int(acts.bucket.max()) + 1)[acts.account]
    for label in np.unique(labels):
        group = _without_the_followed(_with_fringe(acts.where(labels == label), everybody, limits), limits)
        gang = _gang(group, ties, money, limits)
        if gang is not None:
            yield gang


def _acts(record: Record, limits: Limits) -> _Acts:
    """Every act twice, in hours that begin on the hour and at half past, so that no clock strikes between two who act together."""
    target = record.column("target")
    known = target != NONE
    account, at, target, ip, address, what = (record.column(name)[known] for name in ("account", "at", "target", "ip", "address", "what"))
    # What is not known is nobody else's.
    ip, address = (np.where(column == NONE, -2 - account, column) for column in (ip, address))
    hours = [2 * ((at + shift) // _HOUR_US) + half for half, shift in enumerate((0, _HOUR_US // 2))]
    bucket = np.unique(joined(np.tile(target, 2), np.concatenate(hours)), return_inverse=True)[1]
    day = np.unique(joined(target, at // _DAY_US), return_inverse=True)[1]
    first = np.unique(joined(np.tile(account, 2), bucket), return_index=True)[1]
    account, day, ip, address, at, what = (np.tile(column, 2)[first] for column in (account, day, ip, address, at, what))
    bucket = bucket[first]
    acts = _Acts(account, bucket, day, ip, address, at, what, np.bincount(bucket)[bucket])
    return acts.where((acts.all >= limits.bucket_accounts) & (acts.all <= limits.bucket_hub))


def _core(acts: _Acts, limits: Limits) -> _Acts:
    while len(acts.account):
        kept = _common(acts, limits)
        days = different(acts.account[kept], acts.day[kept], int(acts.account.max()) + 1)
        kept &= days[acts.account] >= limits.together_days
        if kept.all():
            break
        acts = acts.where(kept)
    return acts


def _common(acts: _Acts, limits: Limits) -> Flags:
    """Rows of the buckets that enough members from enough places share, and few others."""
    count = int(acts.bucket.max()) + 1
    members = np.bincount(acts.bucket, minlength=count)
    places = np.minimum(different(acts.bucket, acts.ip, count), different(acts.bucket, acts.address, count))
    enough = (places >= limits.bucket_accounts)[acts.bucket]
    return enough & (members[acts.bucket] >= limits.bucket_share * acts.all)


def _with_fringe(core: _Acts, everybody: _Acts, limits: Limits) -> _Acts:
    there = everybody.where(np.isin(everybody.bucket, core.bucket))
    days = different(there.account, there.day, int(there.account.max()) + 1)
    least = max(limits.fringe_days, limits.fringe_share * len(np.unique(core.day)))
    return there.where((days >= least)[there.account] | np.isin(there.account, core.account))


def _without_the_followed(acts: _Acts, limits: Limits) -> _Acts:
    """Without whoever came alone before all others on nearly all days on which they came."""
    place = np.unique(acts.day, return_inverse=True)[1]
    earliest = np.full(int(place.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(earliest, place, acts.at)
    first = acts.at == earliest[place]
    account, day = pairs(acts.account[first], place[first])
    alone = np.bincount(day)[day] == 1
    count = int(acts.account.max()) + 1
    led = np.bincount(account[alone], minlength=count)
    followed = (led >= limits.fringe_days) & (led >= limits.led_share * different(acts.account, acts.day, count))
    return acts.where(~followed[acts.account])


def _gang(acts: _Acts, ties: Ties, money: Money, limits: Limits) -> Gang | None:
    accounts, days = np.unique(acts.account), np.unique(acts.day)
    if not limits.together_accounts <= len(accounts) <= limits.accounts_most:
        return None
    fill = len(pairs(acts.account, acts.day)[0]) / (len(accounts) * len(days))
    if fill < limits.fill:
        return None
    if len(np.unique(acts.what)) >= limits.together_things and _hours(acts.at) >= limits.together_hours:
        return Gang(tuple(accounts.tolist()), (_evidence(acts, fill),))
    return _with_a_second_kind(acts, _seconds(accounts, ties, money, limits), limits)


def _hours(at: Ints) -> int:
    """How many hours of the day these moments are in, those that lie close together counted as one."""
    marks = np.unique(at % _DAY_US // (_HOUR_US // 2)).tolist()
    kept = marks[:1]
    for mark in marks[1:]:
        if mark - kept[-1] >= _APART:
            kept.append(mark)
    return len(kept) - (len(kept) > 1 and kept[0] + _HALF_HOURS - kept[-1] < _APART)


def _seconds(accounts: Ints, ties: Ties, money: Money, limits: Limits) -> list[Held]:
    """What the members share beside a door, three and more of them, and what they sent back. Not who brought them: friends follow a friend's call."""
    mine = core(ties.where(np.isin(ties.account, accounts) & (ties.kind != FLAT)))
    return [*shared(mine, len(accounts), limits), *refunds(accounts, money, limits)]


def _with_a_second_kind(acts: _Acts, seconds: list[Held], limits: Limits) -> Gang | None:
    """Those of the group who have such evidence themselves."""
    acts = acts.where(np.isin(acts.account, holders(seconds)))
    accounts = np.unique(acts.account)
    if len(accounts) < limits.together_accounts:
        return None
    fill = len(pairs(acts.account, acts.day)[0]) / (len(accounts) * len(np.unique(acts.day)))
    return Gang(tuple(accounts.tolist()), (_evidence(acts, fill), *(one.evidence for one in seconds)))


def _evidence(acts: _Acts, fill: float) -> Evidence:
    accounts, days, networks = (len(np.unique(column)) for column in (acts.account, acts.day, acts.ip))
    return Evidence("together", fill, _said(accounts, days, networks, fill))


def _said(accounts: int, days: int, networks: int, fill: float) -> Text:
    return Text(
        zh=f"{accounts} 个账号从 {networks} 个网络地址,{days} 次在同一小时内做同样的事,每人平均参与 {fill:.0%}",
        en=f"{accounts} accounts from {networks} addresses did the same things within the hour {days} times, each of them {fill:.0%} of the times",
    )
