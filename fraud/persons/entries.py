"""Lists and snoozes know people by keyed hashes of their identifiers: finding those of a person, and taking the person out of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from core.access.approvals import void
from core.db.tables import approvals
from core.privacy.vault import Vault
from fraud.lists.entries import Head, key_of
from fraud.lists.tables import list_changes, list_entries, lists
from fraud.snoozes.asking import snooze_token
from fraud.snoozes.changing import raise_generation
from fraud.snoozes.tables import snoozes
from rules.enrich.derived import one_spelling
from rules.windows.listed import hashed

Known = Mapping[str, list[str]]
ERASED = "erased"


def entries_about(connection: Connection, vault: Vault, merchant: str, known: Known) -> list[Any]:
    """Rows of the merchant's lists that name one of the values; `list` and `kind` of the list beside each. Networks and prefixes name nobody."""
    found: list[Any] = []
    for name, keys in _keys_of(connection, vault, merchant, known):
        mine = (list_entries.c.merchant == merchant, list_entries.c.list == name, list_entries.c.entry.in_(keys))
        found += connection.execute(select(list_entries, lists.c.kind).join(lists).where(*mine)).all()
    return found


def _keys_of(connection: Connection, vault: Vault, merchant: str, known: Known) -> list[tuple[str, list[str]]]:
    """The merchant's lists by which people are known, each with the keys that the values would have there."""
    heads = connection.execute(select(lists).where(lists.c.merchant == merchant, lists.c.field.in_(known), lists.c.match.in_(("text", "hash")))).all()
    found = []
    for row in heads:
        head = Head(row.merchant, row.name, row.kind, row.match, row.field)
        spelled = filter(None, (one_spelling(row.field, value) for value in known[row.field]))
        found.append((row.name, [hashed(one) if row.match == "hash" else key_of(vault, head, one) for one in spelled]))
    return found


def loosen_entries(connection: Connection, vault: Vault, merchant: str, known: Known, actor: str, now: datetime, until: datetime) -> dict[str, int]:
    """Entries that let the person through are removed; those that stop them end at `until` at the latest, and show nothing any more."""
    counts = {"removed": 0, "kept": 0}
    for row in entries_about(connection, vault, merchant, known):
        if row.removed_at is not None and row.shown == ERASED:
            continue
        mine = (lists.c.merchant == merchant, lists.c.name == row.list)
        revision = connection.execute(select(lists.c.revision).where(*mine).with_for_update()).scalar_one() + 1
        connection.execute(update(lists).where(*mine).values(revision=revision))
        opens = row.kind == "allow"
        gone = {"removed_at": now, "removed_by": actor} if opens and row.removed_at is None else {}
        ends = until if row.expires_at is None else min(row.expires_at, until)
        this = (list_entries.c.merchant == merchant, list_entries.c.list == row.list, list_entries.c.entry == row.entry)
        values = {"shown": ERASED, "reason": ERASED, "revision": revision, "expires_at": ends, **gone}
        connection.execute(update(list_entries).where(*this).values(**values))
        counts["removed" if opens or row.removed_at is not None else "kept"] += 1
    for name, keys in _keys_of(connection, vault, merchant, known):
        _forget_changes(connection, merchant, name, keys, actor, now)
    return counts


def _forget_changes(connection: Connection, merchant: str, name: str, keys: list[str], actor: str, now: datetime) -> None:
    """What was proposed about the entries goes, with the words about it; what nobody has decided yet is asked no more."""
    rows = connection.execute(select(list_changes.c.approval_id, list_changes.c.body).where(list_changes.c.merchant == merchant, list_changes.c.list == name))
    gone = [row.approval_id for row in rows if any(key.encode() in row.body for key in keys)]
    for approval_id in gone:
        void(connection, approval_id, "a person in it was erased", actor, now)
    connection.execute(update(approvals).where(approvals.c.id.in_(gone)).values(note=ERASED, reason=ERASED))
    connection.execute(delete(list_changes).where(list_changes.c.approval_id.in_(gone)))


def snoozes_about(connection: Connection, vault: Vault, merchant: str, known: Known) -> list[Any]:
    """Snoozes for one of the values."""
    tokens = [token for field, values in known.items() for value in values if (token := snooze_token(vault, merchant, field, value))]
    return list(connection.execute(select(snoozes).where(snoozes.c.merchant == merchant, snoozes.c.token.in_(tokens))).all())


def end_snoozes(connection: Connection, vault: Vault, merchant: str, known: Known, actor: str, now: datetime) -> int:
    """They are over, and name nobody."""
    found = snoozes_about(connection, vault, merchant, known)
    for row in found:
        standing = row.state in ("waiting", "standing")
        ended = {"state": "ended", "ended_by": actor, "ended_at": now} if standing else {}
        # The place of the keyed hash is taken by the row's own id: open ones are unique by it.
        connection.execute(update(snoozes).where(snoozes.c.id == row.id).values(token=row.id, shown=ERASED, comment=ERASED, **ended))
    if found:
        raise_generation(connection)
    return len(found)
