"""Whatever somebody with SQL rights does to entries, decisions or seals is found and named, at the first place where it shows."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.audit.checkpoints import checkpoint_line, read_checkpoints
from core.audit.faults import What
from core.audit.keys import SigningKeys, public_of
from core.audit.merkle import GrowingTree, leaf_hash
from core.audit.sealed import Kind
from core.audit.seals import read_head, sign
from core.audit.store import as_seal, last_seal, seal_rows
from core.db.engine import Database
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from fraud.store.rows import insert_second
from tests.core.audit.ledgers import NOW, Log, decision_about


def found(log: Log, **options: object) -> tuple[object, ...] | None:
    fault = log.verify(**options).fault
    return None if fault is None else (fault.what, fault.seq, fault.entry)


def test_a_log_that_nobody_touched_is_whole(log: Log) -> None:
    assert log.verify().whole
    report = log.filled(7, batch=3).verify()
    assert (report.fault, report.checked, report.seals, report.size) == (None, 7, 3, 7)
    log.entry("not sealed yet")
    assert log.verify().size == 7


@pytest.mark.parametrize("seq", range(1, 8))
def test_changed_bytes(log: Log, seq: int) -> None:
    table, name = log.filled(7, batch=3).table_of(seq), log.id_at(seq)
    log.sql(f"UPDATE {table} SET body = :body WHERE seq = :seq", body=b'{"id":"other"}', seq=seq)
    assert found(log) == (What.CHANGED, seq, name)


def test_bytes_changed_by_an_sql_function_that_makes_text_of_them(log: Log) -> None:
    log.filled(4)
    cast = (
        "CAST(replace(CAST(body AS TEXT), 'x2', 'x9') AS BLOB)" if log.database.is_sqlite else "decode(replace(encode(body, 'escape'), 'x2', 'x9'), 'escape')"
    )
    log.sql(f"UPDATE audit_entries SET body = {cast} WHERE seq = 3")
    assert found(log) == (What.CHANGED, 3, log.id_at(3))
    if log.database.is_sqlite:
        log.sql("UPDATE audit_entries SET body = replace(body, 'x0', 'x9') WHERE seq = 1")
        assert found(log) == (What.CHANGED, 1, log.id_at(1))


@pytest.mark.parametrize("seq", range(1, 8))
def test_a_removed_record(log: Log, seq: int) -> None:
    table = log.filled(7, batch=3).table_of(seq)
    log.sql(f"DELETE FROM {table} WHERE seq = :seq", seq=seq)
    assert found(log) == (What.REMOVED, seq, None)


def test_a_removed_record_whose_followers_took_its_place(log: Log) -> None:
    log.filled(7, batch=3)
    with log.attack() as connection:
        connection.execute(text("DELETE FROM decisions WHERE seq = 2"))
        for seq in range(3, 8):
            for table in ("audit_entries", "decisions"):
                connection.execute(text(f"UPDATE {table} SET seq = :less WHERE seq = :seq"), {"less": seq - 1, "seq": seq})
    assert found(log) == (What.REMOVED, 2, None)


@pytest.mark.parametrize(("kind", "seq"), [("audit_entries", 1), ("audit_entries", 4), ("audit_entries", 7)])
def test_an_inserted_record_that_pushes_the_others_on(log: Log, kind: str, seq: int) -> None:
    log.filled(7, batch=3)
    log.entry("smuggled in")
    name = log.one("SELECT id FROM audit_entries WHERE seq IS NULL")
    with log.attack() as connection:
        for at in range(7, seq - 1, -1):
            for table in ("audit_entries", "decisions"):
                connection.execute(text(f"UPDATE {table} SET seq = :more WHERE seq = :seq"), {"more": at + 1, "seq": at})
        connection.execute(text("UPDATE audit_entries SET seq = :seq WHERE seq IS NULL"), {"seq": seq})
    assert found(log) == (What.INSERTED, seq, name)


@pytest.mark.parametrize("seq", [2, 0, -5])
def test_an_inserted_record_at_a_taken_place_or_before_the_first(log: Log, seq: int) -> None:
    log.filled(7, batch=3)
    log.entry("smuggled in")
    name = log.one("SELECT id FROM audit_entries WHERE seq IS NULL")
    log.sql("UPDATE audit_entries SET seq = :seq WHERE seq IS NULL", seq=seq)
    assert found(log) == (What.INSERTED, seq, name)


def test_an_inserted_record_behind_the_last_seal(log: Log) -> None:
    log.filled(4)
    log.entry("smuggled in")
    log.sql("UPDATE audit_entries SET seq = 5 WHERE seq IS NULL")
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.kind) == (What.UNSEALED_PLACE, 5, "entry")


@pytest.mark.parametrize(("one", "other"), [(1, 3), (2, 4), (1, 7), (3, 5)])
def test_reordered_records(log: Log, one: int, other: int) -> None:
    log.filled(7, batch=3)
    table, moved = log.table_of(one), log.id_at(other)
    with log.attack() as connection:
        for old, new in ((one, 99), (other, one), (99, other)):
            connection.execute(text(f"UPDATE {table} SET seq = :new WHERE seq = :old"), {"new": new, "old": old})
    assert found(log) == (What.REORDERED, one, moved)


@pytest.mark.parametrize("column", ["id", "merchant", "at", "actor", "action", "target", "before_hash", "after_hash"])
def test_altered_columns_of_an_entry(log: Log, column: str) -> None:
    log.filled(7, batch=3)
    log.sql(f"UPDATE audit_entries SET {column} = :value WHERE seq = 3", value=5 if column == "at" else "z")
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.columns) == (What.COLUMNS, 3, (column,))
    assert column in fault.words().en
    assert column in fault.words().zh


@pytest.mark.parametrize("outcome", ["allow", "reject"])
@pytest.mark.parametrize(
    "column", ["merchant", "scene", "event_id", "campaign", "outcome", "score", "policy", "policy_version", "degraded", "at", "hash", "subject_id"]
)
def test_altered_columns_of_a_decision(log: Log, column: str, outcome: str) -> None:
    log.filled(3)
    log.decision("e9", outcome)
    log.seal()
    value: object = {"score": 0, "at": 5, "degraded": True, "outcome": "challenge"}.get(column, "z")
    if column == "subject_id":
        with log.database.write() as connection:
            connection.execute(text("INSERT INTO subjects (id, merchant, created_at) VALUES ('z', 'm', 0)"))
    log.sql(f"UPDATE decisions SET {column} = :value WHERE event_id = 'e9'", value=value)
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.kind, fault.columns) == (What.COLUMNS, 4, "decision", (column,))


def test_the_first_of_two_faults_in_a_batch_is_named(log: Log) -> None:
    log.filled(6)
    log.sql("UPDATE decisions SET body = :body WHERE seq = 4", body=b"{}")
    log.sql("UPDATE audit_entries SET actor = 'z' WHERE seq = 3")
    assert found(log) == (What.COLUMNS, 3, log.id_at(3))
    log.sql("UPDATE audit_entries SET actor = 'a', body = :body WHERE seq = 1", body=b"{}")
    assert found(log) == (What.CHANGED, 1, log.id_at(1))


def test_a_record_and_its_hash_beside_the_seal_are_changed_alike(log: Log) -> None:
    log.filled(6, batch=3)
    changed = b'{"a":1}'
    log.sql("UPDATE decisions SET body = :body WHERE seq = 4", body=changed)
    leaves = log.one("SELECT leaves FROM audit_seals WHERE number = 2")
    log.sql("UPDATE audit_seals SET leaves = :leaves WHERE number = 2", leaves=leaf_hash(changed) + bytes(leaves)[32:])
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.last) == (What.CHANGED, 4, 6)
    assert "one of the places 4 to 6" in fault.words().en


def test_what_is_kept_beside_a_seal_was_altered(log: Log) -> None:
    log.filled(6, batch=3)
    log.sql("UPDATE audit_seals SET leaves = :leaves WHERE number = 2", leaves=bytes(96))
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seal, fault.columns) == (What.COLUMNS, 2, ("leaves",))


@pytest.mark.parametrize(("column", "value"), [("size", 5), ("at", 7)])
def test_altered_columns_of_a_seal(log: Log, column: str, value: int) -> None:
    log.filled(6, batch=3)
    log.sql(f"UPDATE audit_seals SET {column} = :value WHERE number = 1", value=value)
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seal, fault.columns) == (What.COLUMNS, 1, (column,))


@pytest.mark.parametrize(("number", "fault"), [(1, What.SEAL_REMOVED), (2, What.SEAL_REMOVED), (3, What.UNSEALED_PLACE)])
def test_a_removed_seal(log: Log, number: int, fault: What) -> None:
    log.filled(9, batch=3)
    log.sql("DELETE FROM audit_seals WHERE number = :number", number=number)
    told = log.verify().fault
    assert told is not None
    assert told.what is fault
    assert told.seq == 3 * number - 2


@pytest.mark.parametrize(("column", "value"), [("signature", bytes(64)), ("signature", b""), ("body", b"{}"), ("body", b"\xff"), ("body", b"[]")])
def test_a_seal_that_is_no_seal(log: Log, column: str, value: bytes) -> None:
    log.filled(6, batch=3)
    log.sql(f"UPDATE audit_seals SET {column} = :value WHERE number = 2", value=value)
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seal) == (What.SEAL_FORGED, 2)


def test_a_seal_that_was_rewritten_for_a_changed_record(log: Log) -> None:
    """The root is right for what stands there now; only the signature cannot be had."""
    log.filled(3)
    changed = b'{"a":1}'
    log.sql("UPDATE decisions SET body = :body WHERE seq = 2", body=changed)
    with log.database.read() as connection:
        seal = last_seal(connection)
    assert seal is not None
    leaves = [seal.leaves[:32], leaf_hash(changed), seal.leaves[64:]]
    tree = GrowingTree()
    tree.extend(leaves)
    body = seal.body.replace(seal.head.root.encode(), tree.root().hex().encode())
    assert read_head(body).root == tree.root().hex()
    log.sql("UPDATE audit_seals SET body = :b, leaves = :l, peaks = :p", b=body, l=b"".join(leaves), p=tree.packed())
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seal) == (What.SEAL_FORGED, 1)


def _resealed_by_a_stranger(log: Log, folder: Path, first: int) -> None:
    """All seals from this number on, made again with a key of somebody else over what stands there now."""
    stranger = SigningKeys(folder).for_new_log()
    with log.database.read() as connection:
        old = [as_seal(row) for row in seal_rows(connection, 0, 100)]
    made = old[: first - 1]
    for seal in old[first - 1 :]:
        fields = {name: getattr(seal.head, name) for name in ("log", "number", "size", "root", "at")}
        head = type(seal.head)(**fields, previous=made[-1].digest if made else None, key=public_of(stranger).hex())
        made.append(sign(head, stranger, seal.leaves, seal.peaks))
    for seal in made[first - 1 :]:
        log.sql("UPDATE audit_seals SET body = :b, signature = :s WHERE number = :n", b=seal.body, s=seal.signature, n=seal.head.number)


def test_a_forged_key_in_the_middle(log: Log, tmp_path: Path) -> None:
    log.filled(9, batch=3)
    _resealed_by_a_stranger(log, tmp_path / "stranger", 2)
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seal) == (What.KEY_FORGED, 2)


def test_a_whole_log_under_a_forged_key_is_told_by_the_key_that_was_kept(log: Log, tmp_path: Path) -> None:
    log.filled(9, batch=3)
    kept = log.keys.public()
    assert kept is not None
    assert log.verify(trusted=[kept]).whole
    _resealed_by_a_stranger(log, tmp_path / "stranger", 1)
    report = log.verify()
    assert (report.whole, report.key_compared) == (True, False)
    fault = log.verify(trusted=[kept]).fault
    assert fault is not None
    assert fault.what is What.KEY_FORGED


def _cut(log: Log, size: int) -> None:
    with log.attack() as connection:
        for statement in ("DELETE FROM audit_entries WHERE seq > :n", "DELETE FROM decisions WHERE seq > :n", "DELETE FROM audit_seals WHERE size > :n"):
            connection.execute(text(statement), {"n": size})
        connection.execute(text("DELETE FROM audit_nodes"))


def _checkpoint(log: Log) -> bytes:
    with log.database.read() as connection:
        seal = last_seal(connection)
    assert seal is not None
    return checkpoint_line(seal)


def test_a_cut_end_is_proved_by_a_checkpoint_and_by_nothing_else(log: Log) -> None:
    log.filled(9, batch=3)
    kept = read_checkpoints(_checkpoint(log))
    held = log.verify(checkpoints=kept)
    assert (held.whole, held.proven_until) == (True, kept[0].head.at)
    _cut(log, 6)
    alone = log.verify()
    assert (alone.whole, alone.proven_until) == (True, None)
    fault = log.verify(checkpoints=kept).fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.last) == (What.TRUNCATED, 7, 9)


def test_a_log_that_was_cut_and_grew_again_is_not_the_one_that_was_seen(log: Log) -> None:
    log.filled(9, batch=3)
    kept = read_checkpoints(_checkpoint(log))
    _cut(log, 6)
    for number in range(5):
        log.entry(f"later {number}")
    log.seal()
    assert log.verify().whole
    fault = log.verify(checkpoints=kept).fault
    assert fault is not None
    assert (fault.what, fault.seq) == (What.REWRITTEN, 9)


def test_an_emptied_log_is_told_by_a_checkpoint(log: Log) -> None:
    log.filled(3)
    kept = read_checkpoints(_checkpoint(log))
    _cut(log, 0)
    fault = log.verify(checkpoints=kept).fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.last) == (What.TRUNCATED, 1, 3)


def test_a_checkpoint_that_was_changed_or_is_of_another_key_is_told(log: Log, tmp_path: Path) -> None:
    log.filled(3)
    line = json.loads(_checkpoint(log))
    broken = read_checkpoints(json.dumps({**line, "signature": "00" * 64}).encode())
    fault = log.verify(checkpoints=broken).fault
    assert fault is not None
    assert fault.what is What.CHECKPOINT_FORGED
    stranger = SigningKeys(tmp_path / "stranger").for_new_log()
    head = read_head(line["head"].encode())
    fields = {name: getattr(head, name) for name in ("log", "number", "size", "root", "at", "previous")}
    forged = sign(type(head)(**fields, key=public_of(stranger).hex()), stranger, b"", b"")
    fault = log.verify(checkpoints=read_checkpoints(checkpoint_line(forged))).fault
    assert fault is not None
    assert fault.what is What.CHECKPOINT_FORGED


def test_the_log_of_another_shop_is_not_the_one_that_was_seen(log: Log, sqlite_database: Database, tmp_path: Path) -> None:
    log.filled(3)
    other = Log(sqlite_database, tmp_path / "other-keys").filled(2)
    fault = log.verify(checkpoints=read_checkpoints(_checkpoint(other))).fault
    assert fault is not None
    assert fault.what is What.REWRITTEN


def test_verification_may_begin_at_a_seal(log: Log) -> None:
    log.filled(9, batch=3)
    log.sql("UPDATE audit_entries SET body = :b WHERE seq = 1", b=b"{}")
    with log.database.read() as connection:
        seals = [as_seal(row) for row in seal_rows(connection, 0, 9)]
    later = log.verify(since=seals[0])
    assert (later.whole, later.checked, later.size, later.first_seal) == (True, 6, 9, 2)
    log.sql("UPDATE audit_entries SET body = :b WHERE seq = 5", b=b"{}")
    fault = log.verify(since=seals[0]).fault
    assert fault is not None
    assert (fault.what, fault.seq) == (What.CHANGED, 5)


def test_a_clock_that_was_set_back_is_noted_and_time_does_not_run_backwards(log: Log) -> None:
    log.filled(2)
    log.now = NOW - timedelta(days=1)
    log.entry("at the wrong hour")
    log.seal()
    report = log.verify()
    assert (report.whole, report.clock_set_back) == (True, [2])
    assert report.head is not None
    assert report.head.at > NOW
    assert report.head.clock is not None
    assert report.head.clock < NOW


def test_a_second_decision_about_an_event_stands_under_its_own_id_and_under_no_other(log: Log) -> None:
    """Its bytes name the event, its column does not: that is how it was written."""
    log.filled(2)
    with log.database.write() as connection:
        person = subject_for(connection, Vault(bytes(range(32))), "m", "u1", NOW)
        assert insert_second(connection, decision_about("e1", "reject", NOW), person)
    log.seal()
    assert log.verify().whole
    log.sql("UPDATE decisions SET event_id = 'again:another' WHERE event_id LIKE 'again:%'")
    fault = log.verify().fault
    assert fault is not None
    assert (fault.what, fault.seq, fault.columns) == (What.COLUMNS, 3, ("event_id",))


def test_decisions_as_they_are_written_now_are_compared_without_reading_them_one_by_one(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout beside the table is the record's own; another would still be right, and ten times slower."""
    log.filled(4)
    log.decision("refused", "reject")
    log.seal()
    monkeypatch.setattr(Kind, "_differing", lambda *_: pytest.fail("a record was read by its members"))
    assert log.verify().whole
