"""The chain of the audit: one sealer at a time, and whatever is taken out of a sealed log is missed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, event, text

from core.audit.log import append
from core.audit.sealer import Break, seal_once, verify_chain
from core.db.engine import Database

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def sealed(database: Database, count: int = 4) -> None:
    with database.write() as connection:
        for number in range(count):
            append(connection, merchant="m", actor="a", action="t", target=f"x{number}", now=NOW, before="b" * 64, detail={"数": number})
    assert seal_once(database, NOW) == count


def verdict(database: Database) -> tuple[int, str] | None:
    with database.read() as connection:
        found: Break | None = verify_chain(connection)
    return None if found is None else (found.seq, found.fault)


@pytest.mark.parametrize(("seq", "fault"), [(1, (1, "missing")), (2, (2, "missing")), (4, (4, "truncated"))])
def test_an_entry_that_was_taken_out_is_missed(database: Database, seq: int, fault: tuple[int, str]) -> None:
    sealed(database)
    assert verdict(database) is None
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_entries_no_delete" + ("" if database.is_sqlite else " ON audit_entries")))
        connection.execute(text("DELETE FROM audit_entries WHERE seq = :seq"), {"seq": seq})
    assert verdict(database) == fault


def test_an_empty_log_and_one_with_unsealed_entries_are_whole(database: Database) -> None:
    assert verdict(database) is None
    sealed(database)
    with database.write() as connection:
        append(connection, merchant="m", actor="a", action="t", target="later", now=NOW)
    assert verdict(database) is None


def test_a_second_sealer_does_nothing_while_the_first_is_at_work(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer: its lock is the sealer's")
    with database.write() as connection:
        append(connection, merchant="m", actor="a", action="t", target="x", now=NOW)
    with database.write() as first:
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x5EA1E4})
        assert seal_once(database, NOW) == 0
    assert seal_once(database, NOW) == 1


def test_a_log_that_is_sealed_while_it_is_verified_is_whole(database: Database) -> None:
    """Its entries were read before its last seal, so that a running service looked truncated."""
    sealed(database)
    done: list[int] = []

    def seal_more(*_: object) -> None:
        if not done:
            done.append(1)
            sealed(Database(create_engine(database.engine.url)), 3)

    event.listen(database.engine, "after_cursor_execute", seal_more)
    try:
        assert verdict(database) is None
    finally:
        event.remove(database.engine, "after_cursor_execute", seal_more)
    assert done
    assert verdict(database) is None


def test_a_number_without_a_seal_is_no_part_of_the_log(database: Database) -> None:
    sealed(database)
    with database.write() as connection:
        append(connection, merchant="m", actor="a", action="t", target="forged", now=NOW)
        connection.execute(text("UPDATE audit_entries SET seq = 5, chain_hash = :chain WHERE seq IS NULL"), {"chain": "0" * 64})
    assert verdict(database) == (5, "truncated")
