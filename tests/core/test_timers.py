"""Timers are rows: each fires once when it is due, a failure puts it off, and a crash before the commit leaves it due."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from core.db.engine import Database
from core.db.tables import timers
from core.jobs.outbox import announce, feed, number_once
from core.jobs.timers import ATTEMPTS_MAX, Handlers, Timer, due_timers, fire, postpone, set_timer

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
Handler = Callable[[Connection, str, datetime], None]


def tell(connection: Connection, ref: str, now: datetime) -> None:
    """A handler whose every run can be counted afterwards."""
    announce(connection, merchant="m1", topic="expired", ref=ref, body={}, now=now)


def fail(connection: Connection, ref: str, now: datetime) -> None:
    tell(connection, ref, now)
    raise ZeroDivisionError(ref)


def handlers(handler: Handler = tell) -> Handlers:
    made = Handlers()
    made.register("expire", handler)
    return made


def arm(database: Database, ref: str = "r1", due_at: datetime = NOW, kind: str = "expire") -> None:
    with database.write() as connection:
        set_timer(connection, merchant="m1", kind=kind, ref=ref, due_at=due_at)


def due(database: Database, now: datetime = NOW, most: int = 200) -> list[Timer]:
    with database.read() as connection:
        return due_timers(connection, now, most)


def run(database: Database, timer_id: str, handler: Handler = tell, now: datetime = NOW) -> bool:
    """As the worker does: one transaction to fire, another to put off."""
    try:
        with database.write() as connection:
            return fire(connection, timer_id, handlers(handler), now)
    except ZeroDivisionError as error:
        with database.write() as connection:
            postpone(connection, timer_id, type(error).__name__, now)
        return False


def told(database: Database) -> list[str]:
    number_once(database)
    with database.read() as connection:
        return sorted(message["ref"] for message in feed(connection, "m1", 0, 500))


def row(database: Database, ref: str = "r1") -> tuple[str, int, datetime, str | None]:
    with database.read() as connection:
        found = connection.execute(select(timers).where(timers.c.ref == ref)).one()
    return found.state, found.attempts, found.due_at, found.last_error


def test_a_timer_is_due_at_its_instant_and_not_before(database: Database) -> None:
    arm(database)
    assert due(database, NOW - TICK) == []
    [timer] = due(database)
    assert (timer.merchant, timer.kind, timer.ref, timer.due_at, timer.attempts) == ("m1", "expire", "r1", NOW, 0)
    assert not run(database, timer.id, now=NOW - TICK)
    assert told(database) == []


def test_the_oldest_are_due_first(database: Database) -> None:
    for ref, seconds in (("b", 2), ("c", 1), ("a", 3), ("later", 4)):
        arm(database, ref, NOW + seconds * SECOND)
    assert [timer.ref for timer in due(database, NOW + 3 * SECOND)] == ["c", "b", "a"]
    assert [timer.ref for timer in due(database, NOW + 3 * SECOND, most=2)] == ["c", "b"]


def test_a_due_timer_runs_once(database: Database) -> None:
    arm(database)
    [timer] = due(database)
    assert [run(database, timer.id), run(database, timer.id)] == [True, False]
    assert told(database) == ["r1"]
    assert due(database, NOW + timedelta(days=365)) == []
    assert row(database)[0] == "done"


def test_of_several_workers_at_once_one_runs_the_timer(database: Database) -> None:
    for number in range(5):
        arm(database, f"r{number}")
    ids = [timer.id for timer in due(database)]
    with ThreadPoolExecutor(6) as pool:
        fired = list(pool.map(lambda timer_id: run(database, timer_id), ids * 4))
    assert sum(fired) == 5
    assert told(database) == [f"r{number}" for number in range(5)]


def test_a_failing_handler_is_undone_and_put_off(database: Database) -> None:
    arm(database)
    [timer] = due(database)
    assert not run(database, timer.id, fail)
    assert told(database) == []
    assert row(database) == ("pending", 1, NOW + 2 * SECOND, "ZeroDivisionError")
    assert due(database, NOW + 2 * SECOND - TICK) == []
    assert run(database, timer.id, now=NOW + 2 * SECOND)
    assert told(database) == ["r1"]


def test_the_pause_doubles_until_the_timer_is_dead(database: Database) -> None:
    arm(database)
    [timer] = due(database)
    now, pauses = NOW, []
    while row(database)[0] == "pending":
        run(database, timer.id, fail, now)
        pauses.append((row(database)[2] - now) / SECOND)
        now = row(database)[2]
    assert pauses == [min(3600, 2**attempt) for attempt in range(1, ATTEMPTS_MAX + 1)]
    assert row(database)[:2] == ("dead", ATTEMPTS_MAX)
    assert due(database, now + timedelta(days=365)) == []
    assert not run(database, timer.id, now=now)
    assert told(database) == []


def test_a_crash_between_the_claim_and_the_commit_leaves_the_timer_due(database: Database) -> None:
    arm(database)
    [timer] = due(database)
    with contextlib.suppress(KeyboardInterrupt), database.write() as connection:
        assert fire(connection, timer.id, handlers(), NOW)
        raise KeyboardInterrupt
    assert told(database) == []
    assert due(database) == [timer]
    assert run(database, timer.id)
    assert told(database) == ["r1"]


def test_a_timer_that_is_set_again_is_moved_and_armed_anew(database: Database) -> None:
    arm(database)
    [timer] = due(database)
    run(database, timer.id, fail)
    arm(database, due_at=NOW + timedelta(hours=1))
    assert row(database) == ("pending", 0, NOW + timedelta(hours=1), None)
    assert not run(database, timer.id)
    assert run(database, timer.id, now=NOW + timedelta(hours=1))
    arm(database, due_at=NOW + timedelta(hours=2))
    assert [found.id for found in due(database, NOW + timedelta(hours=2))] == [timer.id]


def test_a_handler_may_set_its_own_timer_again(database: Database) -> None:
    def again(connection: Connection, ref: str, now: datetime) -> None:
        set_timer(connection, merchant="m1", kind="expire", ref=ref, due_at=now + SECOND)

    arm(database)
    [timer] = due(database)
    assert run(database, timer.id, again)
    assert row(database) == ("pending", 0, NOW + SECOND, None)


def test_one_thing_has_one_timer_of_each_kind(database: Database) -> None:
    for kind in ("expire", "settle", "expire"):
        arm(database, kind=kind)
    assert sorted(timer.kind for timer in due(database)) == ["expire", "settle"]


@pytest.mark.parametrize("moved_to", [NOW + timedelta(hours=1), None])
def test_a_timer_that_was_moved_or_done_since_it_failed_is_not_put_off(database: Database, moved_to: datetime | None) -> None:
    arm(database)
    [timer] = due(database)
    if moved_to is None:
        run(database, timer.id)
    else:
        arm(database, due_at=moved_to)
    standing = row(database)
    with database.write() as connection:
        postpone(connection, timer.id, "late", NOW)
    assert row(database) == standing


def test_a_long_error_is_cut_to_its_column(database: Database) -> None:
    arm(database)
    [timer] = due(database)
    with database.write() as connection:
        postpone(connection, timer.id, "长" * 500, NOW)
    assert row(database)[3] == "长" * 200


def test_a_timer_without_a_handler_stays(database: Database) -> None:
    arm(database, kind="unknown")
    [timer] = due(database)
    with pytest.raises(KeyError):
        run(database, timer.id)
    assert due(database) == [timer]


def test_a_kind_is_registered_once() -> None:
    made = handlers()
    with pytest.raises(ValueError, match="registered twice"):
        made.register("expire", fail)
    assert made.kinds() == {"expire"}
    assert made["expire"] is tell
