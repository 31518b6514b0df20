"""The master key changes while the service goes on: what was matched is matched, what was sealed is read, and the erased stay erased."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from core.db.engine import Database
from core.db.tables import subjects
from core.errors import Conflict
from core.privacy.rotation import BATCH_ROWS, require_rotated, rotate
from core.privacy.subjects import find_subject, subject_for, subjects_for
from core.privacy.vault import Unreadable, Vault

NOW = datetime(2026, 11, 20, tzinfo=UTC)
OLD = bytes(range(32))


def test_a_successor_matches_as_the_first_did_and_reads_what_it_sealed() -> None:
    old = Vault(OLD)
    key, wrapped = old.new_subject_key()
    new = Vault(old.successor(), [OLD])
    newer = Vault(new.successor(), [OLD])
    for vault in (new, newer):
        assert vault.token("m", "user", "u") == old.token("m", "user", "u")
        assert vault.unwrap(wrapped) == key
        assert vault.open_transit(old.seal_transit({"a": "b"})) == {"a": "b"}
    assert len({old.name, new.name, newer.name}) == 3
    with pytest.raises(Unreadable):
        old.unwrap(new.new_subject_key()[1])


def test_a_key_is_wrapped_anew_once() -> None:
    old = Vault(OLD)
    key, wrapped = old.new_subject_key()
    successor = old.successor()
    again = Vault(successor, [OLD]).rewrapped(wrapped)
    assert again is not None
    assert Vault(successor).unwrap(again) == key
    assert Vault(successor, [OLD]).rewrapped(again) is None
    with pytest.raises(Unreadable):
        Vault(successor).rewrapped(wrapped)


def test_all_keys_move_in_batches_and_the_old_master_key_may_go(database: Database) -> None:
    old = Vault(OLD)
    count = BATCH_ROWS + 5
    with database.write() as connection:
        people = subjects_for(connection, old, [("m", f"u{number}") for number in range(count)], NOW)
        gone = people["m", "u7"].id
        connection.execute(update(subjects).where(subjects.c.id == gone).values(wrapped_key=None, erased_at=NOW))
    successor = old.successor()
    both, told = Vault(successor, [OLD]), []
    with pytest.raises(Conflict, match="rotation_unfinished"):
        require_rotated(database, both)
    assert rotate(database, both, "root", NOW, lambda done, of: told.append((done, of))) == count - 1
    assert told == [(BATCH_ROWS, count - 1), (count - 1, count - 1)]
    assert rotate(database, both, "root", NOW, lambda *_: None) == 0
    require_rotated(database, both)
    with database.write() as connection:
        alone = Vault(successor)
        assert subject_for(connection, alone, "m", "u1", NOW) == people["m", "u1"]
        found = find_subject(connection, alone, "m", "u7")
        assert found is not None
        assert found.key is None
        assert connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == gone)).scalar_one() is None
