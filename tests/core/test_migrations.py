"""The migrations go up and down on both databases, make what the tables say, and the triggers refuse to rewrite history."""

from __future__ import annotations

import json
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
from core.audit.keys import SigningKeys
from core.audit.log import append
from core.audit.sealer import seal_once
from core.canon import canonical
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


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'x'",
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET seq = 9",
        "UPDATE audit_entries SET seq = NULL",
        "UPDATE audit_seals SET size = 9",
        "DELETE FROM audit_seals",
    ],
)
def test_the_database_refuses_to_rewrite_the_audit(database: Database, tmp_path: Path, statement: str) -> None:
    _entries(database, 1)
    seal_once(database, NOW, SigningKeys(tmp_path))
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(text(statement))


def test_a_database_with_the_old_chain_is_brought_over(empty_url: str, tmp_path: Path) -> None:
    """Its entries are sealed anew, and the old chain's last hash stands in an entry of the new log."""
    opened = open_database(empty_url)
    migrate.upgrade(opened, "0018")
    columns = "id, merchant, at, actor, action, target, body, seq, chain_hash"
    with opened.write() as connection:
        for number in (1, 2):
            values = {"i": f"aud_01JD8X2VQ4Y3W9Z7K5M6N8P0R{number}", "b": canonical({"detail": {}, "id": number}), "n": number, "h": f"{number}" * 64}
            connection.execute(text(f"INSERT INTO audit_entries ({columns}) VALUES (:i, 'm', 0, 'a', 't', 'x', :b, :n, :h)"), values)
        connection.execute(text("INSERT INTO audit_seals (first_seq, last_seq, head_hash, at) VALUES (1, 2, :h, 0)"), {"h": "2" * 64})
    migrate.upgrade(opened)
    assert seal_once(opened, NOW, SigningKeys(tmp_path)) == 3
    with opened.read() as connection:
        rows = connection.execute(text("SELECT seq, action, before_hash, body FROM audit_entries ORDER BY seq")).all()
    assert [row.action for row in rows] == ["t", "t", "audit.resealed"]
    assert rows[2].before_hash == "2" * 64
    said = json.loads(bytes(rows[2].body))
    assert canonical(said) == bytes(rows[2].body)
    assert (said["before_hash"], said["detail"]["entries"]) == ("2" * 64, 2)
    opened.engine.dispose()


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
