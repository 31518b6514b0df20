"""Privacy: what matches a person tells nothing, what reads a person is one key each, and a deleted person stays deleted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from core.db.engine import Database
from core.db.tables import subject_matches, subjects
from core.privacy.subjects import find_subject, subject_for, subjects_for
from core.privacy.vault import Unreadable, Vault, open_fields, seal_fields

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MASTER = bytes(range(32))
FIELDS = st.dictionaries(st.text(max_size=5), st.text(st.characters(), max_size=10), max_size=4)


@given(FIELDS)
def test_sealed_fields_open_with_their_own_key_alone(fields: dict[str, str]) -> None:
    vault = Vault(MASTER)
    key, wrapped = vault.new_subject_key()
    other, _ = vault.new_subject_key()
    sealed = seal_fields(vault.unwrap(wrapped), fields)
    assert open_fields(key, sealed) == fields
    with pytest.raises(Unreadable):
        open_fields(other, sealed)


def test_the_same_fields_are_never_sealed_to_the_same_bytes() -> None:
    key = bytes(32)
    assert len({seal_fields(key, {"phone": "13800000000"}) for _ in range(50)}) == 50
    assert b"13800000000" not in seal_fields(key, {"phone": "13800000000"})


@pytest.mark.parametrize("at", [0, 11, 12, 20, -1])
def test_altered_bytes_are_not_read(at: int) -> None:
    vault = Vault(MASTER)
    key, wrapped = vault.new_subject_key()
    for sealed, opened in ((wrapped, vault.unwrap), (vault.seal_transit({"a": "b"}), vault.open_transit)):
        bent = bytearray(sealed)
        bent[at] ^= 1
        with pytest.raises(Unreadable):
            opened(bytes(bent))
    bent = bytearray(seal_fields(key, {"a": "b"}))
    bent[at] ^= 1
    with pytest.raises(Unreadable):
        open_fields(key, bytes(bent))


@pytest.mark.parametrize("sealed", [b"", b"x", bytes(12), bytes(27), bytes(100)])
def test_bytes_that_were_never_sealed_are_not_read(sealed: bytes) -> None:
    vault = Vault(MASTER)
    for opened in (vault.unwrap, vault.open_transit, lambda found: open_fields(bytes(32), found)):
        with pytest.raises(Unreadable):
            opened(sealed)


def test_another_master_key_opens_and_matches_nothing() -> None:
    ours, theirs = Vault(MASTER), Vault(bytes(32))
    _, wrapped = ours.new_subject_key()
    with pytest.raises(Unreadable):
        theirs.unwrap(wrapped)
    with pytest.raises(Unreadable):
        theirs.open_transit(ours.seal_transit({"a": "b"}))
    assert ours.token("m", "user", "u") != theirs.token("m", "user", "u")


def test_a_key_for_one_purpose_opens_nothing_of_another() -> None:
    vault = Vault(MASTER)
    _, wrapped = vault.new_subject_key()
    with pytest.raises(Unreadable):
        vault.open_transit(wrapped)
    with pytest.raises(Unreadable):
        vault.unwrap(vault.seal_transit({"a": "b"}))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(length))


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3), st.text(st.characters(), max_size=3)), min_size=2, max_size=8, unique=True))
def test_tokens_differ_by_merchant_by_kind_and_by_value_however_they_join(named: list[tuple[str, str, str]]) -> None:
    vault = Vault(MASTER)
    assert len({vault.token(*name) for name in named}) == len(named)


def test_a_token_never_changes_and_fits_its_column() -> None:
    token = Vault(MASTER).token("m1", "phone", "+8613800000000")
    assert token == Vault(MASTER).token("m1", "phone", "+8613800000000")
    assert len(token) == 40
    assert Vault(MASTER).token("ab", "c", "d") != Vault(MASTER).token("a", "bc", "d")


def test_a_person_is_made_once_and_found_again(database: Database, vault: Vault) -> None:
    with database.write() as connection:
        made = subject_for(connection, vault, "m1", "u1", NOW)
        assert find_subject(connection, vault, "m1", "u1") == made
        assert subject_for(connection, vault, "m1", "u1", NOW) == made
        assert connection.execute(select(func.count()).select_from(subjects)).scalar_one() == 1
    with database.read() as connection:
        assert find_subject(connection, vault, "m1", "u1") == made
        assert find_subject(connection, vault, "m1", "u2") is None


def test_one_name_at_two_merchants_is_two_people(database: Database, vault: Vault) -> None:
    people = [("m1", "u1"), ("m2", "u1"), ("m1", "u2"), ("m1", "u1")]
    with database.write() as connection:
        found = subjects_for(connection, vault, people, NOW)
        assert subjects_for(connection, vault, people, NOW) == found
    assert found.keys() == set(people)
    assert len({subject.id for subject in found.values()}) == len({subject.key for subject in found.values()}) == 3
    assert {(person, subject.merchant) for person, subject in found.items()} == {(person, person[0]) for person in people}
    assert find_nobody(database, vault) == {}


def find_nobody(database: Database, vault: Vault) -> dict[tuple[str, str], object]:
    with database.write() as connection:
        return dict(subjects_for(connection, vault, [], NOW))


def test_the_name_is_nowhere_in_the_rows(database: Database, vault: Vault) -> None:
    with database.write() as connection:
        subject_for(connection, vault, "m1", "user-8613800000000", NOW)
        rows = [tuple(row) for table in (subjects, subject_matches) for row in connection.execute(select(table))]
    assert "8613800000000" not in repr(rows)


def test_a_rival_who_was_first_gives_the_person_and_our_spare_row_goes(database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.privacy import subjects as module

    with database.write() as connection:
        standing = subject_for(connection, vault, "m1", "u1", NOW)
        # As if the rival committed after our first look.
        look = module._find
        looks = iter([lambda *_: {}, look])
        monkeypatch.setattr(module, "_find", lambda *given: next(looks)(*given))
        found = subjects_for(connection, vault, [("m1", "u1"), ("m1", "u2")], NOW)
        monkeypatch.setattr(module, "_find", look)
        assert found["m1", "u1"] == standing
        assert found["m1", "u2"] == find_subject(connection, vault, "m1", "u2")
        assert connection.execute(select(func.count()).select_from(subjects)).scalar_one() == 2


def test_without_the_wrapped_key_nobody_reads_and_without_the_match_nobody_finds(database: Database, vault: Vault) -> None:
    with database.write() as connection:
        made = subject_for(connection, vault, "m1", "u1", NOW)
        connection.execute(update(subjects).where(subjects.c.id == made.id).values(wrapped_key=None, erased_at=NOW))
        erased = find_subject(connection, vault, "m1", "u1")
        assert erased is not None
        assert (erased.id, erased.key) == (made.id, None)
        connection.execute(subject_matches.delete().where(subject_matches.c.subject_id == made.id))
        assert find_subject(connection, vault, "m1", "u1") is None
        anew = subject_for(connection, vault, "m1", "u1", NOW)
    assert anew.id != made.id
    assert anew.key != made.key
