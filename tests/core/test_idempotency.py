"""One key, one effect: a second request gets the stored reply, another body a conflict, and a rival that is not done a conflict too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from core.access.idempotency import Reply, RequestKey, begin, finish, forget_expired, stored_reply
from core.db import engine
from core.db.engine import Database
from core.db.tables import idempotency
from core.errors import Conflict, SheepdogError, Unavailable

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEEP = timedelta(hours=24)
REQUEST = RequestKey("m1", "prn_1", "key-1", "b" * 64)
REPLY = Reply(201, {"id": "rwd_1", "说明": "已领取", "list": [1, None]})


def do(database: Database, request: RequestKey, reply: Reply = REPLY) -> Reply:
    """An effect as a use case makes it."""
    with database.write() as connection:
        known = begin(connection, request, NOW, KEEP)
        if known is None:
            finish(connection, request, reply)
    return known or reply


def rows(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(idempotency)).scalar_one())


def code_of(database: Database, request: RequestKey) -> str:
    with pytest.raises(Conflict) as caught:
        do(database, request)
    return caught.value.code


def test_the_same_request_is_answered_with_the_stored_reply(database: Database) -> None:
    assert do(database, REQUEST) == REPLY
    again = do(database, REQUEST, Reply(500, {}))
    assert again == replace(REPLY, replayed=True)
    with database.read() as connection:
        assert stored_reply(connection, REQUEST) == again
    assert rows(database) == 1


def test_the_same_key_with_another_body_is_a_conflict_and_changes_nothing(database: Database) -> None:
    do(database, REQUEST)
    assert code_of(database, replace(REQUEST, body_hash="c" * 64)) == "idempotency_key_reused"
    with database.read() as connection, pytest.raises(Conflict, match="idempotency_key_reused"):
        stored_reply(connection, replace(REQUEST, body_hash="c" * 64))
    assert do(database, REQUEST).replayed


@pytest.mark.parametrize("other", [{"merchant": "m2"}, {"principal_id": "prn_2"}, {"key": "key-2"}, {"key": "KEY-1"}])
def test_a_key_belongs_to_one_principal_of_one_merchant(database: Database, other: dict[str, str]) -> None:
    do(database, REQUEST)
    with database.read() as connection:
        assert stored_reply(connection, replace(REQUEST, **other)) is None
    assert not do(database, replace(REQUEST, **other, body_hash="d" * 64)).replayed
    assert rows(database) == 2


def test_a_request_whose_effect_failed_leaves_no_trace(database: Database) -> None:
    with contextlib.suppress(ZeroDivisionError), database.write() as connection:
        assert begin(connection, REQUEST, NOW, KEEP) is None
        _ = 1 / 0
    assert rows(database) == 0
    assert not do(database, REQUEST).replayed


def test_a_row_without_its_reply_is_still_in_progress(database: Database) -> None:
    with database.write() as connection:
        assert begin(connection, REQUEST, NOW, KEEP) is None
    assert code_of(database, REQUEST) == "request_in_progress"
    assert code_of(database, replace(REQUEST, body_hash="c" * 64)) == "idempotency_key_reused"


@contextlib.contextmanager
def impatient(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A writing transaction that waits a twentieth of a second for a rival."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        yield connection


def test_a_rival_that_does_not_end_in_time_is_told_to_come_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.write() as connection:
        assert begin(connection, REQUEST, NOW, KEEP) is None
        with pytest.raises(SheepdogError) as caught, impatient(database, monkeypatch) as rival:
            begin(rival, REQUEST, NOW, KEEP)
        finish(connection, REQUEST, REPLY)
    # SQLite has one writer, so there the rival does not even come to ask for its key.
    expected = (Unavailable, "database_busy") if database.is_sqlite else (Conflict, "request_in_progress")
    assert (type(caught.value), caught.value.code) == expected
    assert do(database, REQUEST) == replace(REPLY, replayed=True)


@pytest.mark.parametrize("ends_well", [True, False])
def test_a_rival_waits_for_the_end_and_then_knows_the_answer(database: Database, ends_well: bool) -> None:
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            assert begin(connection, REQUEST, NOW, KEEP) is None
            rival = pool.submit(do, database, REQUEST, Reply(200, {"by": "rival"}))
            if ends_well:
                finish(connection, REQUEST, REPLY)
            else:
                connection.execute(idempotency.delete())
        assert rival.result() == (replace(REPLY, replayed=True) if ends_well else Reply(200, {"by": "rival"}))


def test_of_many_at_once_one_makes_the_effect(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: do(database, REQUEST, Reply(200, {"by": number})), range(16)))
    assert sum(not reply.replayed for reply in replies) == 1
    assert len({reply.body["by"] for reply in replies}) == 1


def test_a_reply_is_forgotten_when_its_time_is_over_and_not_before(database: Database) -> None:
    for number in range(5):
        do(database, replace(REQUEST, key=f"key-{number}"))
    do(database, replace(REQUEST, merchant="m2"))
    with database.write() as connection:
        assert forget_expired(connection, NOW + KEEP - timedelta(microseconds=1)) == 0
        assert forget_expired(connection, NOW + KEEP, most=4) == 4
        assert forget_expired(connection, NOW + KEEP, most=4) == 2
        assert forget_expired(connection, NOW + KEEP) == 0
    assert not do(database, REQUEST).replayed


def test_a_missing_table_is_no_conflict_but_a_missing_schema(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("ALTER TABLE idempotency RENAME TO gone"))
    with pytest.raises(Unavailable) as caught:
        do(database, REQUEST)
    assert caught.value.code == "schema_missing"
    with database.write() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO idempotency"))
    assert not do(database, REQUEST).replayed


def test_another_fault_of_the_database_goes_up_as_it_is(database: Database) -> None:
    with pytest.raises(DBAPIError), database.write() as connection:
        begin(connection, replace(REQUEST, key=None), NOW, KEEP)  # type: ignore[arg-type]
