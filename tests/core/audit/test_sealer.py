"""The sealer: one at a time, never in a writer's way, and whole again after a stop at any step."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text

from core.audit import sealer
from core.audit.keys import SigningKeys
from core.audit.log import append
from core.audit.sealer import lag_seconds, seal_once
from core.audit.seals import sign
from core.db.engine import Database
from core.errors import Unavailable
from tests.core.audit.ledgers import NOW, Log


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def test_entries_and_decisions_go_into_one_log_in_the_order_they_were_made(log: Log) -> None:
    made = [log.entry("a"), log.decision("e1"), log.entry("b"), log.decision("e2")]
    assert log.seal(batch=3) == 3
    assert log.seal(batch=3) == 1
    assert log.seal() == 0
    assert [log.id_at(seq) for seq in range(1, 5)] == made


def test_what_is_committed_late_is_sealed_all_the_same(log: Log) -> None:
    """Its id is older than what was sealed before: the sealer looks for what has no place, never past the last."""
    log.entry("first")
    with log.database.write() as connection:
        append(connection, merchant="m", actor="a", action="t", target="late", now=NOW)
        connection.execute(text("UPDATE audit_entries SET seq = NULL WHERE target = 'late'"))
    log.sql("UPDATE audit_entries SET id = 'aud_00000000000000000000000000' WHERE target = 'late'")
    log.entry("second")
    while log.seal(batch=1):
        pass
    assert log.one("SELECT count(*) FROM audit_entries WHERE seq IS NOT NULL") == 3


def test_how_far_behind_the_sealer_is(log: Log) -> None:
    def lag() -> float:
        with log.database.read() as connection:
            return lag_seconds(connection, log.now)

    assert lag() == 0
    log.entry()
    log.decision("e1")
    log.now = NOW.replace(second=9)
    assert lag() == 9
    log.seal()
    assert lag() == 0


def test_a_second_sealer_does_nothing_while_the_first_is_at_work(log: Log) -> None:
    if log.database.is_sqlite:
        pytest.skip("SQLite has one writer: its lock is the sealer's")
    log.entry()
    with log.database.write() as first:
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x5EA1E4})
        assert log.seal() == 0
    assert log.seal() == 1


def test_a_sealer_that_was_overtaken_writes_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one sealed between its look and its turn to write."""
    log.filled(3)
    log.entry("x")
    overtaken: list[int] = []

    def sign_late(*given: Any) -> Any:
        monkeypatch.undo()
        overtaken.append(seal_once(log.database, NOW, log.keys))
        return sign(*given)

    monkeypatch.setattr(sealer, "sign", sign_late)
    assert log.seal() == 0
    assert overtaken == [1]
    assert log.verify().size == 4


def test_many_sealers_at_once_make_one_log(log: Log) -> None:
    for number in range(40):
        log.entry(f"x{number}")
    done: list[int] = []

    def work() -> None:
        while taken := seal_once(log.database, NOW, log.keys, batch=3):
            done.append(taken)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while log.seal():
        done.append(0)
    report = log.verify()
    assert (report.whole, report.size) == (True, 40)


def test_a_sealer_killed_before_any_statement_or_the_commit_leaves_a_log_that_goes_on(log: Log) -> None:
    log.filled(2)
    for number in range(5):
        _ = log.entry(f"x{number}") if number % 2 else log.decision(f"later{number}")
    steps, killed = 0, True
    while killed:
        # Each time as a new process: the killed one's connections are gone.
        killed = _seal_and_die(log, steps)
        report = log.verify()
        assert report.whole
        assert report.size == (2 if killed else 7)
        steps += 1
    assert steps > 6
    log.entry("after")
    assert log.seal() == 1
    assert log.verify().size == 8


def _seal_and_die(log: Log, after: int) -> bool:
    """Seal, and be killed before the statement of this number, or before the commit; whether it came to that."""
    left = [after]

    def die(*_: object) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    engine = log.database.engine
    listeners = [("before_cursor_execute", die), ("commit", die)]
    for name, function in listeners:
        event.listen(engine, name, function)
    try:
        log.seal()
    except Killed:
        engine.dispose()
        return True
    finally:
        for name, function in listeners:
            event.remove(engine, name, function)
    return False


def test_who_refers_to_a_decision_does_not_wait_for_the_sealer(log: Log) -> None:
    """On PostgreSQL a change to a key would hold up every foreign key to its row."""
    if log.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    decision = log.decision("e1")
    with log.database.write() as sealer:
        sealer.execute(text("UPDATE decisions SET seq = 1"))
        with log.database.write() as writer:
            writer.execute(text("SET LOCAL lock_timeout = '200ms'"))
            values = {"d": decision, "at": 0}
            writer.execute(text("INSERT INTO labels (merchant, decision_id, label, source, labelled_by, at) VALUES ('m', :d, 'fraud', 's', 'p', :at)"), values)


def test_a_log_that_is_sealed_while_it_is_verified_is_whole(log: Log) -> None:
    """Its entries were read before its last seal, so that a running service looked truncated."""
    log.filled(4)
    done: list[int] = []

    def seal_more(*_: object) -> None:
        if not done:
            done.append(1)
            Log(Database(create_engine(log.database.engine.url)), log.keys.next_file.parent).filled(3)

    event.listen(log.database.engine, "after_cursor_execute", seal_more)
    assert log.verify().whole
    assert done
    assert log.verify().whole


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_seals SET peaks = :b",
        "UPDATE audit_seals SET signature = :b",
        "UPDATE audit_seals SET body = :b",
    ],
)
def test_nothing_is_sealed_upon_an_end_that_was_tampered_with(log: Log, statement: str) -> None:
    log.filled(3)
    log.sql(statement, b=bytes(64))
    log.entry()
    with pytest.raises(Unavailable) as caught:
        log.seal()
    assert caught.value.code == "audit_log_damaged"
    assert log.one("SELECT count(*) FROM audit_seals") == 1


def test_nothing_is_sealed_with_a_key_that_the_log_does_not_name(log: Log, tmp_path: Path) -> None:
    log.filled(3)
    log.entry()
    for folder in ("empty", "stranger"):
        other = SigningKeys(tmp_path / folder)
        if folder == "stranger":
            other.for_new_log()
        with pytest.raises(Unavailable) as caught:
            seal_once(log.database, NOW, other)
        assert caught.value.code == "audit_key_missing"
    assert log.verify().size == 3
