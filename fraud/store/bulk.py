"""A batch of streamed decisions into SQL with few statements: one look for the people, one for what stands already, two inserts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from core.db.engine import insert_ignore_all
from core.privacy.subjects import subjects_for
from core.privacy.vault import Vault
from fraud.store.rows import decision_row, event_row
from fraud.store.tables import decisions
from fraud.store.tables import events as events_table
from fraud.streamed import Streamed


def insert_streamed(connection: Connection, vault: Vault, messages: Sequence[Streamed], now: datetime) -> list[str]:
    """Insert decisions and their events; returns the hashes of the decisions that were not on record before."""
    fresh = _fresh(connection, messages)
    if not fresh:
        return []
    people = subjects_for(connection, vault, {(one.event.merchant, one.event.user) for one in fresh}, now)
    found = [(one, people[one.event.merchant, one.event.user]) for one in fresh]
    rows = [decision_row(one.decision, person.id) for one, person in found]
    insert_ignore_all(connection, decisions, rows)
    insert_ignore_all(connection, events_table, [event_row(one.event, person, one.decision.scene) for one, person in found])
    return [row["hash"] for row in rows]


def _fresh(connection: Connection, messages: Sequence[Streamed]) -> list[Streamed]:
    """Messages whose decision is not on record, each event once."""
    by_key: dict[tuple[str, str, str], Streamed] = {}
    for one in messages:
        by_key.setdefault((one.decision.merchant, one.decision.scene, one.decision.event_id), one)
    columns = (decisions.c.merchant, decisions.c.scene, decisions.c.event_id)
    standing = connection.execute(select(*columns).where(tuple_(*columns).in_(list(by_key)))).all() if by_key else []
    recorded = {tuple(row) for row in standing}
    return [one for key, one in by_key.items() if key not in recorded]
