"""The truth. `read()` and `write()` are the only ways in: a write on SQLite begins IMMEDIATE, and what a store cannot do becomes `Unavailable`.

A commit whose outcome is unknown is an error of its own, because whoever asked must not be told either yes or no.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import Unavailable
from core.text import Text

BUSY_SECONDS = 5.0
_POLL_SECONDS = 0.001
_POSTGRES_OPTIONS = "-c lock_timeout=2000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=15000"


class OutcomeUnknown(Unavailable):
    """The commit was sent and no answer came. The caller keeps its lease and asks again with the same key."""


class Database:
    """One engine, two doors. Safe to share between threads; after a fork call `dispose()` first."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writing = Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with _translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""
        with _translated(), self._turn():
            connection = self.engine.connect().execution_options(sheepdog_write=True)
            try:
                with connection:
                    transaction = connection.begin()
                    try:
                        yield connection
                    except BaseException:
                        transaction.rollback()
                        raise
                    _commit(connection)
            finally:
                connection.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """On SQLite the threads of a process queue here: its own waiting is a lottery among all of them, and some would lose it for a second."""
        if not self.is_sqlite:
            yield
            return
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise _busy()
        try:
            yield
        finally:
            self._writing.release()

    def dispose(self) -> None:
        self.engine.dispose(close=False)


def open_database(url: str, pool_size: int = 8) -> Database:
    """Connect to `sqlite:///path` or `postgresql+psycopg://…`. Nothing is sent until the first use."""
    parsed = make_url(url)
    # hide_parameters: an error's text ends in a log, and a statement's values may tell of a person.
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 5.0, "check_same_thread": False}, pool_size=pool_size, max_overflow=8)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        arguments = {"options": _POSTGRES_OPTIONS, "connect_timeout": 3}
        engine = create_engine(url, hide_parameters=True, connect_args=arguments, pool_size=pool_size, max_overflow=8, pool_pre_ping=True, pool_timeout=3)
    return Database(engine)


def insert(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert one row."""
    connection.execute(_inserting(table), values)


def insert_ignore(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """`INSERT … ON CONFLICT DO NOTHING`: True when the row is ours, False when one stood in the way. Never aborts the transaction."""
    return connection.execute(_ignoring(connection.dialect.name, table), values).rowcount == 1


def insert_ignore_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """The same for many rows with the same columns; how many are ours."""
    return connection.execute(_ignoring(connection.dialect.name, table), list(rows)).rowcount


# Statements are built once: building one anew costs SQLAlchemy as much as running it on SQLite.
@cache
def _inserting(table: Table) -> Insert:
    return table.insert()


@cache
def _ignoring(dialect: str, table: Table) -> Any:
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(table).on_conflict_do_nothing()
    # Without preserve_rowcount SQLAlchemy 2.1 reports -1 for an INSERT on psycopg.
    return statement.execution_options(preserve_rowcount=True)


def _prepare_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={int(BUSY_SECONDS * 1000)}", "trusted_schema=OFF"):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a deferred transaction that upgrades later fails without waiting.
    if not connection.get_execution_options().get("sheepdog_write", False):
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite's own waiting sleeps up to 100 ms at a time, so a writer of another process that asks later often comes first.
    connection.exec_driver_sql("PRAGMA busy_timeout=0")
    try:
        _begin_immediate(connection, time.monotonic() + BUSY_SECONDS)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


def _begin_immediate(connection: Connection, until: float) -> None:
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
        time.sleep(_POLL_SECONDS)


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        # SQLAlchemy takes the transaction for ended and would lend the connection out again, on SQLite still holding the write lock.
        if not connection.invalidated:
            connection.invalidate()
        if isinstance(error, OperationalError) and "locked" in str(error.orig):
            raise
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            text = Text(zh="数据库没有答复提交结果,请用同一个幂等键重试。", en="The commit's outcome is unknown; retry with the same key.")
            raise OutcomeUnknown("outcome_unknown", text, retry_after_seconds=1) from error
        raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise _busy() from error
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        if _is_busy(error):
            raise _busy() from error
        if _lacks_schema(error):
            text = Text(zh="数据库没有(最新的)表结构,请运行 sheepdog db upgrade。", en="The database has no schema or an old one; run sheepdog db upgrade.")
            raise Unavailable("schema_missing", text, retry_after_seconds=2) from error
        if error.connection_invalidated or "connect" in str(error.orig).lower() or "unable to open" in str(error.orig):
            text = Text(zh="数据库暂时不可用,请稍后重试。", en="The database is away; try again shortly.")
            raise Unavailable("database_away", text, retry_after_seconds=2) from error
        raise
    except DatabaseError as error:
        if not _is_damaged(error):
            raise
        text = Text(zh="数据库文件已损坏或不是数据库,请从备份恢复。", en="The database file is damaged or no database at all; restore a backup.")
        raise Unavailable("database_damaged", text, retry_after_seconds=60) from error


def _is_busy(error: DBAPIError) -> bool:
    # SQLSTATE 55P03: lock_timeout; 40P01: deadlock; 40001: serialization; 57014: statement_timeout.
    state = getattr(error.orig, "sqlstate", None)
    return state in {"55P03", "40P01", "40001", "57014"} or "database is locked" in str(error.orig)


def _lacks_schema(error: DBAPIError) -> bool:
    # SQLSTATE 42P01: undefined table; 42703: undefined column.
    return getattr(error.orig, "sqlstate", None) in {"42P01", "42703"} or str(error.orig).startswith(("no such table", "no such column"))


def _is_damaged(error: DatabaseError) -> bool:
    # SQLite has no class of its own for a file that it cannot make sense of.
    return type(error) is DatabaseError and str(error.orig) in ("file is not a database", "database disk image is malformed")


def _busy() -> Unavailable:
    return Unavailable("database_busy", Text(zh="数据库繁忙,请稍后重试。", en="The database is busy; try again shortly."))
