"""What people ask of lists: which there are, what stands in one, and which of them hold a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from core.access.principals import PLATFORM
from core.privacy.vault import Vault
from fraud.lists.entries import Head, key_of
from fraud.lists.tables import list_entries, lists
from rules.enrich.derived import one_spelling
from rules.enrich.networks import address_of
from rules.windows.listed import hashed

_BATCH = 5_000
_HASH = re.compile(r"[0-9a-f]{40}")


def all_lists(connection: Connection, merchant: str, now: datetime) -> list[dict[str, Any]]:
    """The merchant's lists and the platform's, each with how many entries are in effect."""
    standing = and_(list_entries.c.merchant == lists.c.merchant, list_entries.c.list == lists.c.name, *_in_effect(now))
    count = select(func.count()).select_from(list_entries).where(standing).scalar_subquery()
    query = select(lists, count.label("entries")).where(lists.c.merchant.in_({merchant, PLATFORM})).order_by(lists.c.name, lists.c.merchant)
    return [list_view(row) | {"entries": row.entries} for row in connection.execute(query)]


def list_view(row: Any) -> dict[str, Any]:
    origin = "platform" if row.merchant == PLATFORM else "merchant"
    return {"name": row.name, "kind": row.kind, "match": row.match, "field": row.field, "note": row.note, "origin": origin, "revision": row.revision}


def entries_of(connection: Connection, head: Head, now: datetime, after: str, limit: int) -> list[dict[str, Any]]:
    """Entries in effect, by their keys."""
    mine = (list_entries.c.merchant == head.merchant, list_entries.c.list == head.name, list_entries.c.entry > after)
    query = select(list_entries).where(*mine, *_in_effect(now)).order_by(list_entries.c.entry).limit(limit)
    return [_entry_view(row) for row in connection.execute(query)]


def every_entry(connection: Connection, head: Head, now: datetime) -> Iterator[dict[str, Any]]:
    """All entries in effect, read page by page."""
    after = ""
    while rows := entries_of(connection, head, now, after, _BATCH):
        yield from rows
        after = rows[-1]["key"].removeprefix("key:")


def holders_of(connection: Connection, vault: Vault, merchant: str, field: str, value: str, now: datetime) -> list[dict[str, Any]]:
    """Entries in effect that hold the value, in lists of that field, each with its list, reason and owner."""
    found = []
    heads = connection.execute(select(lists).where(lists.c.merchant.in_({merchant, PLATFORM}), lists.c.field == field).order_by(lists.c.name)).all()
    for row in heads:
        head = Head(row.merchant, row.name, row.kind, row.match, row.field, row.note)
        found += [list_view(row) | {"entry": one} for one in _holding(connection, vault, head, value, now)]
    return found


def _holding(connection: Connection, vault: Vault, head: Head, value: str, now: datetime) -> list[dict[str, Any]]:
    mine = (list_entries.c.merchant == head.merchant, list_entries.c.list == head.name)
    wanted = sorted(_keys(vault, head, value))
    return [_entry_view(row) for row in connection.execute(select(list_entries).where(*mine, list_entries.c.entry.in_(wanted), *_in_effect(now)))]


def _keys(vault: Vault, head: Head, value: str) -> set[str]:
    """Every entry that would hold the value."""
    spelled = one_spelling(head.field, value)
    if spelled is None:
        return set()
    if head.match == "cidr":
        address = address_of(value)
        return set() if address is None else {str(ip_network((address, length), strict=False)) for length in range(address.max_prefixlen + 1)}
    if head.match == "prefix":
        return {spelled.casefold()[:length] for length in range(1, 65)}
    return {hashed(spelled) if head.match == "hash" else key_of(vault, head, spelled)}


def _in_effect(now: datetime) -> tuple[Any, ...]:
    return list_entries.c.removed_at.is_(None), or_(list_entries.c.expires_at.is_(None), list_entries.c.expires_at > now)


def _entry_view(row: Any) -> dict[str, Any]:
    return {
        "entry": row.shown,
        # Of a text only its keyed hash stands here, which is named as such.
        "key": f"key:{row.entry}" if _HASH.fullmatch(row.entry) else row.entry,
        "reason": row.reason,
        "owner": row.owner,
        "added_at": row.added_at.isoformat(),
        "expires_at": None if row.expires_at is None else row.expires_at.isoformat(),
    }
