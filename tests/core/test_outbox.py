"""The outbox: what is announced stands exactly when its effect stands, and numbers follow commits without a gap."""

from __future__ import annotations

import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from core.db.engine import Database
from core.db.tables import outbox
from core.ids import new_id
from core.jobs import outbox as module
from core.jobs.outbox import announce, feed, number_once

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _ids_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message of a test is made a millisecond after the one before."""
    millis = itertools.count(1_795_000_000_000)
    monkeypatch.setattr(module, "new_id", lambda prefix: new_id(prefix, next(millis)))


def say(database: Database, *refs: str, merchant: str = "m1") -> None:
    with database.write() as connection:
        for ref in refs:
            announce(connection, merchant=merchant, topic="reward.posted", ref=ref, body={"ref": ref, "amount_fen": 100}, now=NOW)


def heard(database: Database, merchant: str = "m1", after: int = 0, most: int = 100) -> list[tuple[int, str]]:
    with database.read() as connection:
        return [(message["seq"], message["ref"]) for message in feed(connection, merchant, after, most)]


def test_messages_are_numbered_in_order_without_a_gap(database: Database) -> None:
    say(database, "a", "b")
    assert number_once(database) == 2
    say(database, "c", "d", "e")
    assert [number_once(database, batch=2), number_once(database, batch=2), number_once(database)] == [2, 1, 0]
    assert heard(database) == list(enumerate("abcde", 1))


def test_a_message_without_a_number_is_not_heard(database: Database) -> None:
    say(database, "a")
    assert heard(database) == []
    number_once(database)
    assert heard(database) == [(1, "a")]


def test_a_message_is_whole(database: Database) -> None:
    say(database, "a")
    number_once(database)
    with database.read() as connection:
        [message] = feed(connection, "m1", 0, 10)
        [kept] = connection.execute(select(outbox.c.body)).scalars()
    assert message["id"].startswith("msg_")
    assert {name: value for name, value in message.items() if name != "id"} == {
        "seq": 1,
        "topic": "reward.posted",
        "ref": "a",
        "at": "2026-11-20T00:00:00+00:00",
        "body": {"ref": "a", "amount_fen": 100},
    }
    assert kept == b'{"amount_fen":100,"ref":"a"}'


def test_a_message_stands_or_falls_with_its_effect(database: Database) -> None:
    with contextlib.suppress(ZeroDivisionError), database.write() as connection:
        announce(connection, merchant="m1", topic="t", ref="lost", body={}, now=NOW)
        _ = 1 / 0
    say(database, "kept")
    assert number_once(database) == 1
    assert heard(database) == [(1, "kept")]


def test_a_merchant_hears_its_own_messages_from_its_cursor_on(database: Database) -> None:
    say(database, "a")
    say(database, "x", merchant="m2")
    say(database, "b", "c")
    number_once(database)
    assert heard(database, "m2") == [(2, "x")]
    assert heard(database, after=1) == [(3, "b"), (4, "c")]
    assert heard(database, after=0, most=2) == [(1, "a"), (3, "b")]
    assert heard(database, after=4) == []
    assert heard(database, "m3") == []


def test_a_message_that_is_committed_late_gets_a_later_number_and_no_reader_misses_it(database: Database) -> None:
    if database.is_sqlite:
        # One writer at a time: made early and committed late is only possible by an earlier id.
        with database.write() as connection:
            values: dict[str, Any] = {"merchant": "m1", "topic": "t", "body": b"{}", "created_at": NOW}
            connection.execute(outbox.insert().values(id=new_id("msg", 1_795_000_000_500), ref="quick", **values))
        number_once(database)
        with database.write() as connection:
            connection.execute(outbox.insert().values(id=new_id("msg", 1), ref="slow", **values))
    else:
        with database.write() as slow:
            announce(slow, merchant="m1", topic="t", ref="slow", body={}, now=NOW)
            say(database, "quick")
            assert number_once(database) == 1
            assert heard(database) == [(1, "quick")]
    number_once(database)
    assert heard(database, after=1) == [(2, "slow")]


def test_several_numberers_at_once_give_each_number_once(database: Database) -> None:
    say(database, *(f"r{number}" for number in range(60)))
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: number_once(database, batch=7), range(16)))
    assert sum(counts) == 60
    assert heard(database) == [(number + 1, f"r{number}") for number in range(60)]


def test_writers_and_a_numberer_at_once_leave_no_gap(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(say, database, f"w{number}") for number in range(30)]
        counts = [pool.submit(number_once, database, 4) for _ in range(10)]
        numbered = sum(task.result() for task in counts)
        for task in writers:
            task.result()
    while count := number_once(database):
        numbered += count
    found = heard(database)
    assert numbered == 30
    assert [seq for seq, _ in found] == list(range(1, 31))
    assert {ref for _, ref in found} == {f"w{number}" for number in range(30)}
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(outbox).where(outbox.c.seq.is_(None))).scalar_one() == 0
