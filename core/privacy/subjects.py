"""Subjects: a random id for each person of a merchant, found through a keyed hash that can be deleted without touching anything sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from core.db.engine import insert_ignore
from core.db.tables import subject_matches, subjects
from core.ids import new_id
from core.privacy.vault import Vault


@dataclass(frozen=True, slots=True)
class Subject:
    """A person of one merchant. `key` encrypts their fields; it is None once they were erased."""

    id: str
    merchant: str
    key: bytes | None


def find_subject(connection: Connection, vault: Vault, merchant: str, user: str) -> Subject | None:
    """The subject whom the merchant calls `user`, or None."""
    row = connection.execute(
        select(subjects.c.id, subjects.c.wrapped_key)
        .join(subject_matches, subject_matches.c.subject_id == subjects.c.id)
        .where(
            subject_matches.c.merchant == merchant,
            subject_matches.c.kind == "user",
            subject_matches.c.keyed_hash == vault.token(merchant, "user", user),
        )
    ).one_or_none()
    if row is None:
        return None
    return Subject(row.id, merchant, None if row.wrapped_key is None else vault.unwrap(row.wrapped_key))


def subject_for(connection: Connection, vault: Vault, merchant: str, user: str, now: datetime) -> Subject:
    """Find or make the subject; two rivals end with the same one, because the match row is inserted with ON CONFLICT."""
    found = find_subject(connection, vault, merchant, user)
    if found is not None:
        return found
    key, wrapped = vault.new_subject_key()
    subject_id = new_id("sub")
    connection.execute(subjects.insert().values(id=subject_id, merchant=merchant, wrapped_key=wrapped, created_at=now))
    match = {"merchant": merchant, "kind": "user", "keyed_hash": vault.token(merchant, "user", user), "subject_id": subject_id}
    if insert_ignore(connection, subject_matches, match):
        return Subject(subject_id, merchant, key)
    # A rival committed first: our spare row goes, theirs is the person.
    connection.execute(subjects.delete().where(subjects.c.id == subject_id))
    rival = find_subject(connection, vault, merchant, user)
    assert rival is not None, "a match row that stood in the way can be read"
    return rival
