"""Events on record, inserted first: a retry finds its row and hears what the event caused, another content under the same id is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from core.canon import canonical
from core.db.engine import insert_ignore
from core.errors import Conflict
from core.event import Event
from core.privacy.subjects import Subject
from core.text import Text
from fraud.store.rows import event_row
from fraud.store.tables import events


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event that was on record. `effects` is what it caused, None while that was never stored."""

    id: str
    type: str
    subject_id: str
    effects: dict[str, Any] | None


def record_event(connection: Connection, event: Event, subject: Subject) -> EventRow | None:
    """Insert the event; None means that its effects are the caller's to make, in this transaction.

    Give it the believed event. Raises `Conflict` when the id came before with other content.
    """
    if insert_ignore(connection, events, event_row(event, subject, event.type)):
        return None
    row = connection.execute(select(events).where(events.c.merchant == event.merchant, events.c.id == event.id)).one()
    if row.content_hash != event.content_hash():
        text = Text(zh="同一个事件编号带来了不同的内容", en="this event id came before with other content")
        raise Conflict("event_id_reused", text, event_id=event.id)
    return EventRow(row.id, row.type, row.subject_id, None if row.effects is None else json.loads(row.effects))


def store_effects(connection: Connection, merchant: str, event_id: str, effects: Mapping[str, Any]) -> None:
    """Keep what the event caused, as replied, for retries."""
    connection.execute(update(events).where(events.c.merchant == merchant, events.c.id == event_id).values(effects=canonical(effects)))
