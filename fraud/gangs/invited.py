"""Accounts that one person brought and that sit, several each, on a few devices. A helper has one phone; a popular person's followers have their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.text import Text
from fraud.gangs.graph import Ints, joined, pairs
from fraud.gangs.model import Evidence, Gang, Limits
from fraud.gangs.record import NONE, Record


def brought_by(record: Record) -> Ints:
    """By account: who brought it, as told last, in whatever order the record was read; NONE for nobody."""
    inviter, told = np.full(len(record.accounts), NONE), record.column("inviter")
    known = np.flatnonzero(told != NONE)
    # Of several writes to one place the last stands.
    known = known[np.argsort(record.column("at")[known], kind="stable")]
    inviter[record.column("account")[known]] = told[known]
    return inviter


def brought_in_all(record: Record) -> Ints:
    """By account: how many it brought, as told last, those who are no accounts of the record among them."""
    inviter = brought_by(record)
    count = np.bincount(inviter[inviter != NONE], minlength=len(record.accounts))
    for account, more in record.besides.items():
        if account != NONE:
            count[account] += more
    return count


def found_by_inviter(record: Record, limits: Limits) -> Iterator[Gang]:
    """Groups of `tied_accounts` and more, on `inviter_things` devices and more, that are at least `tie_share` of all whom the inviter brought."""
    inviter, in_all = brought_by(record), brought_in_all(record)
    account, device = record.column("account"), record.column("device")
    known = (device != NONE) & (inviter[account] != NONE)
    account, device = pairs(account[known], device[known])
    _, place, many = np.unique(joined(inviter[account], device), return_inverse=True, return_counts=True)
    crowded = many[place] >= limits.inviter_accounts
    account, device = account[crowded], device[crowded]
    for who in np.unique(inviter[account]):
        mine = inviter[account] == who
        gang = _gang(int(who), np.unique(account[mine]), len(np.unique(device[mine])), int(in_all[who]), limits)
        if gang is not None:
            yield gang


def _gang(inviter: int, accounts: Ints, devices: int, brought: int, limits: Limits) -> Gang | None:
    share = len(accounts) / brought
    few = len(accounts) < limits.tied_accounts or devices < limits.inviter_things or share < limits.tie_share
    if few or len(accounts) > limits.accounts_most:
        return None
    shared = Text(zh=f"{len(accounts)} 个账号共用 {devices} 台设备", en=f"{len(accounts)} accounts share {devices} devices")
    said = Text(zh=f"均由同一账号邀请,占其邀请的 {share:.0%}", en=f"one account brought them all, and they are {share:.0%} of those it brought")
    evidence = (Evidence("device", 1.0, shared), Evidence("inviter", share, said))
    return Gang(tuple(np.union1d(accounts, [inviter]).tolist()), evidence, inviter)
