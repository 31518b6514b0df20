"""Who may speak: by their own scope, or for somebody who gave them their word until a time. Whoever is near the editor may not.

Whoever has another's word speaks with their voice: neither a delegate of an editor nor a delegate of such a one decides on the editor's work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from core.access.principals import PLATFORM
from core.db.tables import api_keys, delegations, principals


@dataclass(frozen=True, slots=True)
class Delegation:
    """`delegate` may decide approvals of these kinds as `delegator` might, before `expires_at`, unless it is revoked."""

    id: str
    merchant: str
    delegator: str
    delegate: str
    kinds: tuple[str, ...]
    scopes: tuple[str, ...]
    reason: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None

    def covers(self, kind: str, now: datetime) -> bool:
        return kind in self.kinds and self.revoked_at is None and self.created_at <= now < self.expires_at


def delegations_where(connection: Connection, merchant: str, *conditions: Any) -> list[Delegation]:
    """By id; whatever became of them."""
    columns = [delegations.c[name] for name in Delegation.__slots__]
    rows = connection.execute(select(*columns).where(delegations.c.merchant == merchant, *conditions).order_by(delegations.c.id))
    return [Delegation(**{**row, "kinds": tuple(row["kinds"].split()), "scopes": tuple(row["scopes"].split())}) for row in rows.mappings()]


def words_for(connection: Connection, merchant: str, delegate: str, kind: str, wanted: Collection[str], now: datetime) -> list[Delegation]:
    """Whose word this person has for the kind, of those who could still give it by themselves."""
    given = delegations_where(connection, merchant, delegations.c.delegate == delegate, delegations.c.revoked_at.is_(None))
    able = [one for one in given if one.covers(kind, now) and {*wanted, "admin"} & set(one.scopes)]
    return [one for one in able if _could(connection, one, wanted, now)]


def near(connection: Connection, merchant: str, kind: str, people: Iterable[str], now: datetime) -> set[str]:
    """These people, whoever has their word for the kind, whoever has theirs, and so on."""
    found, next_ones = set(people), set(people)
    while next_ones:
        given = delegations_where(connection, merchant, delegations.c.delegator.in_(next_ones), delegations.c.revoked_at.is_(None))
        next_ones = {one.delegate for one in given if one.covers(kind, now)} - found
        found |= next_ones
    return found


def _could(connection: Connection, one: Delegation, wanted: Collection[str], now: datetime) -> bool:
    """Whether the delegator still has a key that works with such a scope: nobody gives a word that was taken from them."""
    query = select(api_keys.c.scopes).join(principals, principals.c.id == api_keys.c.principal_id)
    mine = (principals.c.id == one.delegator, principals.c.disabled_at.is_(None), api_keys.c.revoked_at.is_(None))
    working = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    rows = connection.execute(query.where(*mine, working, api_keys.c.merchant.in_((one.merchant, PLATFORM)))).scalars()
    return any({*wanted, "admin"} & set(scopes.split()) for scopes in rows)
