"""Accounts that do the same things in the same hours on several days, and have no place in common that would explain it.

People of one flat, dormitory or office act together because they talk: within an hour they count as one. What many people do is popular and
counts as nothing. What is left is peeled: things that few members did, and members who came on too few days, fall off until nothing changes.
Whoever was there with such a core on half of its days belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.text import Text
from fraud.gangs.graph import Flags, Ints, components, different, joined, pairs
from fraud.gangs.model import Evidence, Gang, Limits
from fraud.gangs.record import NONE, Record

_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000


@dataclass(frozen=True, slots=True)
class _Acts:
    """One row for each account and bucket: an hour of one target. `all` is how many accounts the bucket had; `day` one day of one target."""

    account: Ints
    bucket: Ints
    day: Ints
    ip: Ints
    address: Ints
    all: Ints

    def where(self, kept: Flags) -> _Acts:
        return _Acts(*(getattr(self, name)[kept] for name in ("account", "bucket", "day", "ip", "address", "all")))


def found_together(record: Record, limits: Limits) -> Iterator[Gang]:
    """Groups of `together_accounts` and more."""
    everybody = _acts(record, limits)
    acts = _core(everybody, limits)
    if not len(acts.account):
        return
    nodes = len(record.accounts)
    labels = components(acts.account, acts.bucket + nodes, nodes + int(acts.bucket.max()) + 1)[acts.account]
    for label in np.unique(labels):
        gang = _gang(_with_fringe(acts.where(labels == label), everybody, limits), limits)
        if gang is not None:
            yield gang


def _acts(record: Record, limits: Limits) -> _Acts:
    """Every act twice, in hours that begin on the hour and at half past, so that no clock strikes between two who act together."""
    account, at, target, ip, address = (record.column(name) for name in ("account", "at", "target", "ip", "address"))
    known = target != NONE
    account, at, target, ip, address = (column[known] for column in (account, at, target, ip, address))
    # What is not known is nobody else's.
    ip, address = (np.where(column == NONE, -2 - account, column) for column in (ip, address))
    hours = [2 * ((at + shift) // _HOUR_US) + half for half, shift in enumerate((0, _HOUR_US // 2))]
    bucket = np.unique(joined(np.tile(target, 2), np.concatenate(hours)), return_inverse=True)[1]
    day = np.unique(joined(target, at // _DAY_US), return_inverse=True)[1]
    twice = [np.tile(column, 2) for column in (account, day, ip, address)]
    first = np.unique(joined(twice[0], bucket), return_index=True)[1]
    account, day, ip, address = (column[first] for column in twice)
    bucket = bucket[first]
    sizes = np.bincount(bucket)
    acts = _Acts(account, bucket, day, ip, address, sizes[bucket])
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


def _gang(acts: _Acts, limits: Limits) -> Gang | None:
    accounts, days = np.unique(acts.account), np.unique(acts.day)
    fill = len(pairs(acts.account, acts.day)[0]) / (len(accounts) * len(days))
    if not limits.together_accounts <= len(accounts) <= limits.accounts_most or fill < limits.fill:
        return None
    return Gang(tuple(accounts.tolist()), (Evidence("together", fill, _said(len(accounts), len(days), len(np.unique(acts.ip)), fill)),))


def _said(accounts: int, days: int, networks: int, fill: float) -> Text:
    return Text(
        zh=f"{accounts} 个账号从 {networks} 个网络地址,{days} 次在同一小时内做同样的事,每人平均参与 {fill:.0%}",
        en=f"{accounts} accounts from {networks} addresses did the same things within the hour {days} times, each of them {fill:.0%} of the times",
    )
