"""A batch of streamed decisions into SQL with few statements: one look for the people, one for what is on record already, two inserts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from core.db.engine import insert_ignore_all
from core.privacy.subjects import subjects_for
from core.privacy.vault import Vault
from fraud.store.rows import checked_event_row, decision_row, second_row
from fraud.store.tables import decisions
from fraud.store.tables import events as events_table
from fraud.streamed import Streamed


def insert_streamed(connection: Connection, vault: Vault, messages: Sequence[Streamed], now: datetime) -> list[str]:
    """Insert decisions and their events; returns the hashes of the decisions that were not on record before.

    Each was told to somebody: one whose event has another decision already is filled in beside it, `fraud.store.rows.second_row`.
    """
    fresh = _fresh(connection, messages)
    if not fresh:
        return []
    people = subjects_for(connection, vault, {(one.event.merchant, one.event.user) for one in fresh}, now)
    found = [(one, people[one.event.merchant, one.event.user]) for one in fresh]
    rows = [decision_row(one.decision, person) for one, person in found]
    if insert_ignore_all(connection, decisions, rows) < len(rows):
        on_record = _on_record(connection, [row["id"] for row in rows])
        seconds = [second_row(row) for row in rows if row["id"] not in on_record]
        if seconds:
            insert_ignore_all(connection, decisions, seconds)
    insert_ignore_all(connection, events_table, [checked_event_row(vault, one.event, person, one.decision.scene) for one, person in found])
    return [row["hash"] for row in rows]


def _fresh(connection: Connection, messages: Sequence[Streamed]) -> list[Streamed]:
    """Messages whose decision is not on record, each once."""
    by_id = {one.decision.id: one for one in messages}
    recorded = _on_record(connection, list(by_id)) if by_id else frozenset()
    return [one for name, one in by_id.items() if name not in recorded]


def _on_record(connection: Connection, ids: Sequence[str]) -> Collection[str]:
    return set(connection.execute(select(decisions.c.id).where(decisions.c.id.in_(ids))).scalars())
