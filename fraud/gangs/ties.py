"""Accounts that hang together by devices, purses and flats, beyond what a household or an office explains: two kinds of evidence, or none.

The group needs two kinds, and so does each member: whose flat the ring's parcels go to, and who sells it phones, shares one thing with it and is not listed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fraud.gangs.graph import Ints, components
from fraud.gangs.kinds import FLAT, Held, Money, Ties, core, holders, refunds, shared, who_brought
from fraud.gangs.model import Gang, Limits


def found_by_ties(ties: Ties, money: Money, limits: Limits) -> Iterator[Gang]:
    """Groups of `tied_accounts` and more. Whoever has too little falls off, and what is left is looked at again, until nothing changes."""
    waiting = [ties]
    while waiting:
        for group in _groups(core(waiting.pop())):
            members = np.unique(group.account)
            if not limits.tied_accounts <= len(members) <= limits.accounts_most:
                continue
            inviter, kinds, staying = _weighed(group, members, money, limits)
            if len(staying) < len(members):
                waiting.append(group.where(np.isin(group.account, staying)))
            else:
                accounts = members if inviter is None else np.union1d(members, [inviter])
                yield Gang(tuple(accounts.tolist()), tuple(one.evidence for one in kinds), inviter)


def _groups(ties: Ties) -> Iterator[Ties]:
    if not len(ties.account):
        return
    nodes = int(ties.account.max()) + 1
    labels = components(ties.account, ties.thing + nodes, nodes + int(ties.thing.max()) + 1)[ties.account]
    for label in np.unique(labels):
        yield ties.where(labels == label)


def _weighed(ties: Ties, members: Ints, money: Money, limits: Limits) -> tuple[int | None, list[Held], Ints]:
    """Who brought the group, its kinds of evidence, and the members who share a thing and have a second kind themselves."""
    things = [*shared(ties, len(members), limits)]
    kinds, inviter = [*things], None
    if len(np.unique(ties.thing[ties.kind != FLAT])) >= limits.inviter_things and (found := who_brought(members, money, limits)):
        inviter = found[0]
        kinds.append(found[1])
    kinds += refunds(members, money, limits)
    return inviter, kinds, np.intersect1d(holders(things), holders(kinds, 2))
