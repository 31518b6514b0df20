"""A batch of streamed decisions into SQL with few statements: one look for the people, one for what stands already, two inserts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from core.db.tables import subject_matches, subjects
from core.privacy.subjects import Subject, subject_for
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
    people = _people(connection, vault, fresh, now)
    found = [(one, people[one.event.merchant, one.event.user]) for one in fresh]
    rows = [decision_row(one.decision, person.id) for one, person in found]
    _insert_all(connection, decisions, rows)
    _insert_all(connection, events_table, [event_row(one.event, person, one.decision.scene) for one, person in found])
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


def _people(connection: Connection, vault: Vault, messages: Sequence[Streamed], now: datetime) -> dict[tuple[str, str], Subject]:
    wanted = {vault.token(one.event.merchant, "user", one.event.user): (one.event.merchant, one.event.user) for one in messages}
    columns = (subject_matches.c.merchant, subject_matches.c.keyed_hash, subjects.c.id, subjects.c.wrapped_key)
    query = select(*columns).join(subjects, subject_matches.c.subject_id == subjects.c.id)
    known = connection.execute(query.where(subject_matches.c.kind == "user", subject_matches.c.keyed_hash.in_(list(wanted)))).all()
    people: dict[tuple[str, str], Subject] = {}
    for row in known:
        key = None if row.wrapped_key is None else vault.unwrap(row.wrapped_key)
        people[wanted[row.keyed_hash]] = Subject(row.id, row.merchant, key)
    for merchant, user in wanted.values():
        if (merchant, user) not in people:
            people[merchant, user] = subject_for(connection, vault, merchant, user, now)
    return people


def _insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))
