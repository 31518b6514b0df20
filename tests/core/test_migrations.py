"""The migrations go up and down on both databases, make what the tables say, and the triggers refuse to rewrite history."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

import campaigns.codes.tables
import campaigns.orders.tables
import campaigns.rebates.tables
import campaigns.store.firsts
import campaigns.store.playing
import campaigns.store.tables
import campaigns.withdrawals.tables
import core.db.tables
import core.privacy.tables
import core.webhooks.tables
import fraud.cases.tables
import fraud.lists.tables
import fraud.rulesets.tables
import fraud.snoozes.tables
import fraud.stops.tables
import fraud.store.tables
from core.audit.log import append
from core.audit.sealer import seal_once, verify_chain
from core.db import migrate
from core.db.engine import Database, open_database
from core.db.types import metadata
from tests.conftest import fresh_postgres, sqlite_url

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TABLES = (
    campaigns.codes.tables,
    campaigns.store.firsts,
    campaigns.store.playing,
    campaigns.store.tables,
    campaigns.withdrawals.tables,
    core.db.tables,
    core.privacy.tables,
    core.webhooks.tables,
    fraud.cases.tables,
    fraud.lists.tables,
    fraud.rulesets.tables,
    fraud.snoozes.tables,
    fraud.stops.tables,
    fraud.store.tables,
)


def test_the_files_are_named_by_their_revisions() -> None:
    scripts = ScriptDirectory(str(Path(__file__).parents[2] / "migrations"))
    assert scripts.get_current_head() == migrate.newest()
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(migrate.knows(revision) for revision in revisions)
    assert not migrate.knows("9999")
    assert not migrate.knows(None)


def test_what_serves_does_not_load_the_migrations_tool() -> None:
    """Nothing that answers requests needs it, and it costs every process a part of its start."""
    code = "import sys, api.app; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind in which nothing was done yet."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path, schema=False)
    else:
        with fresh_postgres(request.getfixturevalue("postgres_url"), schema=False) as url:
            yield url


def test_an_empty_database_has_no_revision_and_a_whole_one_is_left_alone(empty_url: str) -> None:
    opened = open_database(empty_url)
    with opened.read() as connection:
        assert migrate.current(connection) is None
    migrate.upgrade(opened)
    migrate.upgrade(opened)
    with opened.read() as connection:
        assert migrate.current(connection) == migrate.newest()
    opened.engine.dispose()


def test_up_down_and_up_again(empty_url: str) -> None:
    opened = open_database(empty_url)
    migrate.upgrade(opened)
    migrate.downgrade(opened, "base")
    assert set(inspect(opened.engine).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(opened)
    with opened.read() as connection:
        assert migrate.current(connection) == migrate.newest()
    opened.engine.dispose()


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def _entries(database: Database, count: int) -> None:
    with database.write() as connection:
        for number in range(count):
            append(connection, merchant="m", actor="a", action="t", target=f"x{number}", now=NOW)


def test_sealed_entries_chain_and_tampering_is_found(database: Database) -> None:
    _entries(database, 5)
    assert seal_once(database, NOW) == 5
    assert seal_once(database, NOW) == 0
    _entries(database, 3)
    assert seal_once(database, NOW, batch=2) == 2
    with database.read() as connection:
        assert verify_chain(connection) is None
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_entries_no_update" + ("" if database.is_sqlite else " ON audit_entries")))
        connection.execute(text("UPDATE audit_entries SET body = :b WHERE seq = 3"), {"b": b"{}"})
    with database.read() as connection:
        broken = verify_chain(connection)
    assert broken is not None
    assert (broken.seq, broken.fault) == (3, "changed")


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'x'", "DELETE FROM audit_entries", "UPDATE audit_entries SET seq = 9"])
def test_the_database_refuses_to_rewrite_the_audit(database: Database, statement: str) -> None:
    _entries(database, 1)
    seal_once(database, NOW)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(text(statement))


def test_a_commit_stands_exactly_when_the_block_ends_well(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    migrate.upgrade(opened)
    with pytest.raises(ZeroDivisionError):
        _append_and_fail(opened)
    with opened.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_entries")).scalar_one() == 0
    opened.engine.dispose()


def _append_and_fail(database: Database) -> None:
    with database.write() as connection:
        append(connection, merchant="m", actor="a", action="t", target="x", now=NOW)
        _ = 1 / 0
