"""The two doors to the truth: what a store cannot do now is `Unavailable`, and a commit without an answer is neither yes nor no."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db import engine as module
from core.db.engine import Database, OutcomeUnknown, insert_ignore, insert_ignore_all, open_database
from core.db.tables import timers
from core.errors import Unavailable

NOW = datetime(2026, 11, 20, 1, 2, 3, 456789, tzinfo=UTC)


def row(ref: str, **other: Any) -> dict[str, Any]:
    return {"id": f"tmr_{ref}", "merchant": "m", "kind": "k", "ref": ref, "due_at": NOW, "state": "pending", "attempts": 0, **other}


def refs(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(timers.select()).scalars().all())


def test_an_insert_that_meets_a_row_is_no_error_and_the_transaction_goes_on(database: Database) -> None:
    with database.write() as connection:
        assert insert_ignore(connection, timers, row("a"))
        assert not insert_ignore(connection, timers, row("a"))
        assert not insert_ignore(connection, timers, row("a", id="tmr_other"))
        assert insert_ignore_all(connection, timers, [row("a"), row("b"), row("c")]) == 2
        assert insert_ignore_all(connection, timers, [row("b"), row("c")]) == 0
    assert refs(database) == ["tmr_a", "tmr_b", "tmr_c"]


def test_an_instant_is_kept_to_the_microsecond_and_a_naive_one_is_refused(database: Database) -> None:
    with database.write() as connection:
        insert_ignore(connection, timers, row("a"))
        assert connection.execute(timers.select()).one().due_at == NOW
        with pytest.raises(StatementError, match="needs its zone"):
            insert_ignore(connection, timers, row("b", due_at=NOW.replace(tzinfo=None)))


def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all " * 300)
    with pytest.raises(Unavailable, match="restore a backup") as caught, open_database(f"sqlite:///{tmp_path / 'x.db'}").read():
        pass
    assert caught.value.code == "database_damaged"


def test_a_check_of_the_schema_is_an_error_of_the_caller_and_undoes_the_block(database: Database) -> None:
    def two_rows() -> None:
        with database.write() as connection:
            insert_ignore(connection, timers, row("a"))
            insert_ignore(connection, timers, row("b", state="odd"))

    with pytest.raises(IntegrityError):
        two_rows()
    assert refs(database) == []


def test_a_reader_does_not_wait_for_a_writer_and_sees_nothing_of_it(database: Database) -> None:
    with database.write() as connection:
        insert_ignore(connection, timers, row("a"))
        assert refs(database) == []
    assert refs(database) == ["tmr_a"]


def test_a_writer_of_another_process_makes_ours_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    rival = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    rival.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught, database.write():
        pass
    assert (caught.value.code, caught.value.retry_after_seconds) == ("database_busy", 1)
    rival.execute("COMMIT")
    with database.write() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    rival.close()
    database.engine.dispose()


def test_a_database_that_cannot_be_reached_is_away(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'none' / 'x.db'}", f"postgresql+psycopg://u@/x?host={tmp_path}"):
        database = open_database(url)
        with pytest.raises(Unavailable) as caught, database.read():
            pass
        assert (caught.value.code, caught.value.retry_after_seconds) == ("database_away", 2)


def test_no_free_connection_is_busy(database: Database) -> None:
    def wait() -> None:
        raise PoolTimeout("no connection")

    with pytest.raises(Unavailable) as caught, database.read():
        wait()
    assert caught.value.code == "database_busy"


@pytest.mark.parametrize("state", ["55P03", "40P01", "40001", "57014"])
def test_postgresql_saying_not_now_is_busy(database: Database, state: str) -> None:
    def refuse() -> None:
        error = Exception("not now")
        error.sqlstate = state  # type: ignore[attr-defined]
        raise OperationalError("SELECT 1", {}, error)

    with pytest.raises(Unavailable) as caught, database.write():
        refuse()
    assert caught.value.code == "database_busy"


def test_a_wrong_statement_stays_the_fault_that_it_is(database: Database) -> None:
    with pytest.raises(DBAPIError, match="syntax error"), database.write() as connection:
        connection.execute(text("SELECT FROM WHERE"))


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("error_class", [OperationalError, InterfaceError])
def test_a_commit_without_an_answer_is_unknown_whether_it_arrived_or_not(database: Database, arrived: bool, error_class: type[DBAPIError]) -> None:
    dialect: Any = database.engine.dialect
    commit = dialect.do_commit

    def lost(raw: Any) -> None:
        if arrived:
            commit(raw)
        raise error_class("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    dialect.do_commit = lost
    try:
        with pytest.raises(OutcomeUnknown) as caught, database.write() as connection:
            insert_ignore(connection, timers, row("a"))
    finally:
        dialect.do_commit = commit
    assert caught.value.code == "outcome_unknown"
    assert refs(database) == (["tmr_a"] if arrived else [])


def test_a_refused_commit_is_no_unknown_one(database: Database) -> None:
    dialect: Any = database.engine.dialect
    commit = dialect.do_commit

    def refuse(_raw: Any) -> None:
        raise IntegrityError("COMMIT", {}, Exception("deferred constraint"))

    dialect.do_commit = refuse
    try:
        with pytest.raises(IntegrityError), database.write() as connection:
            insert_ignore(connection, timers, row("a"))
    finally:
        dialect.do_commit = commit
    assert refs(database) == []


def test_sqlite_is_told_to_be_durable_and_to_keep_foreign_keys(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.write() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    database.engine.dispose()


def test_a_write_on_sqlite_takes_the_lock_at_once_and_a_read_does_not() -> None:
    said: list[str] = []
    database = Database(create_engine("sqlite://"))
    event.listen(database.engine, "begin", module._begin_sqlite)
    event.listen(database.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
    with database.write():
        pass
    assert [statement for statement in said if statement.startswith("BEGIN")] == ["BEGIN", "BEGIN IMMEDIATE"]


def test_after_a_fork_the_engine_opens_new_connections(database: Database) -> None:
    refs(database)
    database.dispose()
    assert refs(database) == []
