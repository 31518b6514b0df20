"""Events on record, inserted first: a retry finds its row and hears what the event caused, another content under the same id is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select, update

from core.canon import canonical
from core.db.engine import insert_ignore
from core.db.tables import subjects
from core.errors import Conflict
from core.event import Event
from core.privacy.subjects import Subject
from core.privacy.vault import Vault, hash_within, open_fields
from core.text import Text
from fraud.store.rows import checked_event_id, event_row
from fraud.store.tables import events
from fraud.streamed import event_from

OWN_FIRST = case((events.c.id.like("check:%"), 0), else_=1)


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event that was on record. `effects` is what it caused, None while that was never stored."""

    id: str
    type: str
    subject_id: str
    effects: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event read back; None where its person was erased."""

    event: Event | None


def stored_event(connection: Connection, vault: Vault, merchant: str, event_id: str, scene: str) -> StoredEvent | None:
    """The event of a check on record, None when there is none."""
    query = select(events.c.body, events.c.personal, subjects.c.wrapped_key).join(subjects, subjects.c.id == events.c.subject_id)
    row = connection.execute(query.where(of_check(vault, merchant, event_id, scene)).order_by(OWN_FIRST).limit(1)).one_or_none()
    if row is None:
        return None
    if row.wrapped_key is None or row.personal is None:
        return StoredEvent(None)
    return StoredEvent(event_from(json.loads(row.body), open_fields(vault.unwrap(row.wrapped_key), row.personal)))


def has_happened(connection: Connection, vault: Vault, merchant: str, event_id: str, scene: str) -> bool:
    """Whether beside the check's own event the shop told of one with its id and type."""
    rows = connection.execute(select(events.c.id).where(of_check(vault, merchant, event_id, scene))).scalars().all()
    return len(rows) > 1


def of_check(vault: Vault, merchant: str, event_id: str, scene: str) -> ColumnElement[bool]:
    """The row of a check's event: its own or, from before checks had rows of their own, the one under the merchant's id. Order by `OWN_FIRST`."""
    own, old = events.c.id == checked_event_id(vault, merchant, scene, event_id), and_(events.c.id == event_id, events.c.type == scene)
    return and_(events.c.merchant == merchant, or_(own, old))


def record_event(connection: Connection, event: Event, subject: Subject) -> EventRow | None:
    """Insert the event; None means that its effects are the caller's to make, in this transaction.

    Give it the believed event. Raises `Conflict` when the id came before with other content.
    """
    if insert_ignore(connection, events, event_row(event, subject, event.type)):
        return None
    row = connection.execute(select(events).where(events.c.merchant == event.merchant, events.c.id == event.id)).one()
    if not row.content_hash:
        raise Conflict("event_erased", Text(zh="该事件的顾客已被删除", en="the customer of this event was erased"), event_id=event.id)
    # Events of before the hash was the subject's own have it plain.
    if row.content_hash not in (hash_within(subject.key, event.content_hash()), event.content_hash()):
        text = Text(zh="同一个事件编号带来了不同的内容", en="this event id came before with other content")
        raise Conflict("event_id_reused", text, event_id=event.id)
    return EventRow(row.id, row.type, row.subject_id, None if row.effects is None else json.loads(row.effects))


def store_effects(connection: Connection, merchant: str, event_id: str, effects: Mapping[str, Any]) -> None:
    """Keep what the event caused, as replied, for retries."""
    connection.execute(update(events).where(events.c.merchant == merchant, events.c.id == event_id).values(effects=canonical(effects)))
