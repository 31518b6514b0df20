"""Subjects: a random id for each person of a merchant, found through a keyed hash that can be deleted without touching anything sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from core.db.engine import insert_ignore_all
from core.db.tables import subject_matches, subjects
from core.ids import new_id
from core.privacy.vault import Vault


@dataclass(frozen=True, slots=True)
class Subject:
    """A person of one merchant. `key` encrypts their fields; it is None once they were erased."""

    id: str
    merchant: str
    key: bytes | None


Person = tuple[str, str]  # (merchant, what the merchant calls the user)


def find_subject(connection: Connection, vault: Vault, merchant: str, user: str) -> Subject | None:
    """The subject whom the merchant calls `user`, or None."""
    return _find(connection, vault, {vault.token(merchant, "user", user): (merchant, user)}).get((merchant, user))


def subject_for(connection: Connection, vault: Vault, merchant: str, user: str, now: datetime) -> Subject:
    """Find or make one subject."""
    return subjects_for(connection, vault, [(merchant, user)], now)[merchant, user]


def subjects_for(connection: Connection, vault: Vault, people: Iterable[Person], now: datetime) -> dict[Person, Subject]:
    """Find or make the subjects, with few statements for many; rivals end with the same one, because match rows are inserted with ON CONFLICT."""
    wanted = {vault.token(merchant, "user", user): (merchant, user) for merchant, user in people}
    found = _find(connection, vault, wanted, True)
    if any(one.key is None for one in found.values()):
        # Erased while we waited for the row: a look that begins now finds the person gone.
        found = _find(connection, vault, wanted, True)
    # In one order everywhere, so that two writers never wait for each other in a circle.
    missing = {token: wanted[token] for token in sorted(wanted) if wanted[token] not in found}
    return found | _make(connection, vault, missing, now) if missing else found


def _find(connection: Connection, vault: Vault, wanted: Mapping[str, Person], hold: bool = False) -> dict[Person, Subject]:
    """With `hold` nobody erases them until the transaction ends."""
    columns = (subject_matches.c.keyed_hash, subject_matches.c.merchant, subjects.c.id, subjects.c.wrapped_key)
    query = select(*columns).join(subjects, subject_matches.c.subject_id == subjects.c.id)
    merchants = {merchant for merchant, _ in wanted.values()}
    query = query.where(subject_matches.c.merchant.in_(merchants), subject_matches.c.kind == "user", subject_matches.c.keyed_hash.in_(wanted))
    found: dict[Person, Subject] = {}
    for row in connection.execute(query.with_for_update(read=True, key_share=True, of=subjects) if hold else query):
        key = None if row.wrapped_key is None else vault.unwrap(row.wrapped_key)
        found[wanted[row.keyed_hash]] = Subject(row.id, row.merchant, key)
    return found


def _make(connection: Connection, vault: Vault, missing: Mapping[str, Person], now: datetime) -> dict[Person, Subject]:
    made: dict[Person, Subject] = {}
    rows, matches = [], []
    for token, person in missing.items():
        key, wrapped = vault.new_subject_key()
        made[person] = Subject(new_id("sub"), person[0], key)
        rows.append({"id": made[person].id, "merchant": person[0], "wrapped_key": wrapped, "created_at": now})
        matches.append({"merchant": person[0], "kind": "user", "keyed_hash": token, "subject_id": made[person].id})
    connection.execute(subjects.insert(), rows)
    if insert_ignore_all(connection, subject_matches, matches) == len(matches):
        return made
    # A rival committed some of them first: our spare rows go, theirs are the people.
    standing = _find(connection, vault, missing, True)
    spare = [made[person].id for person in made if standing[person].id != made[person].id]
    connection.execute(subjects.delete().where(subjects.c.id.in_(spare)))
    return standing
