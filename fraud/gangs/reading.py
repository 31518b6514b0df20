"""The record of a window, read from SQL: each event's fields are opened under its person's key, and only keyed hashes are kept.

Persons who were erased are left out, as is what no longer can be opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from core.clock import to_micros
from core.db.tables import subjects
from core.privacy.vault import Unreadable, Vault, open_fields
from fraud.gangs.record import TYPES, Record
from fraud.store.tables import events

# The newest of a window; older ones are not looked at.
EVENTS_MAX = 1_000_000
_BATCH = 5_000


def merchants_with_events(connection: Connection) -> Iterator[str]:
    """Each merchant by one step in the primary key."""
    after = ""
    while (found := connection.execute(select(func.min(events.c.merchant)).where(events.c.merchant > after)).scalar_one()) is not None:
        yield found
        after = found


def read_record(connection: Connection, vault: Vault, merchant: str, since: datetime, until: datetime, most: int = EVENTS_MAX) -> Record:
    """Events in (since, until], newest first."""
    record, keys = Record(merchant, vault), dict[str, bytes]()
    columns = (events.c.type, events.c.occurred_at, events.c.subject_id, events.c.body, events.c.personal, subjects.c.wrapped_key)
    mine = (events.c.merchant == merchant, events.c.occurred_at > since, events.c.occurred_at <= until, events.c.type.in_(sorted(TYPES)))
    readable = (subjects.c.wrapped_key.is_not(None), events.c.personal.is_not(None))
    query = select(*columns).join(subjects, subjects.c.id == events.c.subject_id).where(*mine, *readable)
    newest = query.order_by(events.c.occurred_at.desc()).limit(most)
    for row in connection.execution_options(yield_per=_BATCH).execute(newest):
        personal = _opened(vault, keys, row)
        if personal is not None:
            record.add(row.type, to_micros(row.occurred_at), personal, json.loads(row.body))
    return record


def _opened(vault: Vault, keys: dict[str, bytes], row: Any) -> dict[str, str] | None:
    try:
        key = keys.get(row.subject_id) or keys.setdefault(row.subject_id, vault.unwrap(row.wrapped_key))
        return open_fields(key, row.personal)
    except Unreadable:
        return None
