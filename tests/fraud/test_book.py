"""The book on both databases: with a reward, by group commit, repeats, faults of one row, forks."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, select

from core.canon import digest
from core.clock import TurnedClock
from core.db.engine import Database, open_database
from core.db.tables import audit_entries
from core.errors import Conflict, NotFound, Unavailable
from core.privacy.subjects import find_subject, subject_for
from core.privacy.vault import Vault, hash_within
from fraud.book import DecisionBook
from fraud.decision import Decision, from_record
from fraud.groupcommit import GroupCommit
from fraud.queries import find_decision
from fraud.store.tables import decisions, refusals
from rules.evaluate import evaluate
from rules.model import Ruleset
from tests.conftest import START
from tests.fraud.conftest import SCENE, event


@pytest.fixture
def book(database: Database, vault: Vault) -> DecisionBook:
    return DecisionBook(database, vault, timeout_seconds=20)


@pytest.fixture
def refusal(policy: Ruleset) -> Decision:
    verdict = evaluate(policy, {"accounts_on_device_24h": 3, "accounts_on_device_10m": 3}, now=START)
    return Decision(
        id="dec_1",
        merchant="demo",
        scene=SCENE,
        event_id="e1",
        event_hash="h",
        campaign="spring",
        outcome=verdict.outcome,
        score=verdict.score,
        reasons=verdict.reasons,
        results=verdict.notable,
        features={"accounts_on_device_24h": 3, "accounts_on_device_10m": 3},
        policy=policy.id,
        policy_version=policy.version,
        degraded=False,
        at=START,
    )


def count(database: Database, table: Table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def nth(refusal: Decision, number: int, **changes: Any) -> Decision:
    return replace(refusal, id=f"dec_{number}", event_id=f"e{number}", **changes)


def test_a_decision_is_recorded_once_with_its_audit_entry(database: Database, vault: Vault, book: DecisionBook, refusal: Decision) -> None:
    for _ in range(2):
        with database.write() as connection:
            book.record(connection, refusal, subject_for(connection, vault, "demo", "u1", START))
    with database.read() as connection:
        row = connection.execute(select(decisions)).one()
        entry = connection.execute(select(audit_entries).where(audit_entries.c.action == "decision.recorded")).one()
    assert row.hash == entry.after_hash == digest(row.body)
    with database.read() as connection:
        person = find_subject(connection, vault, "demo", "u1")
    assert person is not None
    # Under the person's own key, so that nobody can match it once that is gone.
    assert from_record(row.body) == replace(refusal, subject=row.subject_id, event_hash=hash_within(person.key, "h"))
    assert json.loads(entry.body)["detail"]["outcome"] == "reject"


def test_another_decision_about_the_event_is_refused(database: Database, vault: Vault, book: DecisionBook, refusal: Decision) -> None:
    with database.write() as connection:
        book.record(connection, refusal, subject_for(connection, vault, "demo", "u1", START))
    with pytest.raises(Conflict) as caught, database.write() as connection:
        book.record(connection, replace(refusal, id="dec_2"), subject_for(connection, vault, "demo", "u1", START))
    assert (caught.value.code, caught.value.extra["decision_id"]) == ("event_already_decided", "dec_1")


def test_a_refusal_is_durable_when_it_is_told(database: Database, book: DecisionBook, refusal: Decision) -> None:
    told = book.record_refusal(refusal, event("e1"))
    with database.read() as connection:
        assert find_decision(connection, told, "demo").outcome == "reject"
        assert find_decision(connection, told, "*").id == told
        with pytest.raises(NotFound):
            find_decision(connection, told, "other")


def test_repeats_are_counted_and_hear_the_first_decision(database: Database, book: DecisionBook, refusal: Decision) -> None:
    told = {book.record_refusal(nth(refusal, n), event(f"e{n}")) for n in range(1, 6)}
    assert told == {"dec_1"}
    assert (count(database, decisions), count(database, refusals)) == (1, 1)
    with database.read() as connection:
        assert connection.execute(select(refusals.c.times)).scalar_one() == 5


def test_a_retry_of_the_refused_request_is_no_repeat(database: Database, book: DecisionBook, refusal: Decision) -> None:
    assert {book.record_refusal(refusal, event("e1")) for _ in range(3)} == {"dec_1"}
    with database.read() as connection:
        assert connection.execute(select(refusals.c.times)).scalar_one() == 1


def test_other_people_campaigns_reasons_and_hours_are_no_repeats(database: Database, book: DecisionBook, refusal: Decision, clock: TurnedClock) -> None:
    clock.turn(hours=1)
    book.record_refusal(refusal, event("e1"))
    book.record_refusal(nth(refusal, 2), event("e2", "u2"))
    book.record_refusal(nth(refusal, 3, campaign="autumn"), event("e3"))
    book.record_refusal(nth(refusal, 4, reasons=refusal.reasons[:1]), event("e4"))
    book.record_refusal(nth(refusal, 5, at=clock.now()), event("e5"))
    assert count(database, decisions) == count(database, refusals) == 5


def test_many_at_once_are_all_on_record(database: Database, book: DecisionBook, refusal: Decision) -> None:
    with ThreadPoolExecutor(32) as pool:
        told = list(pool.map(lambda n: book.record_refusal(nth(refusal, n), event(f"e{n}", f"u{n % 50}")), range(400)))
    assert len(set(told)) == 50 == count(database, decisions)
    with database.read() as connection:
        assert connection.execute(select(func.sum(refusals.c.times))).scalar_one() == 400


def test_two_processes_books_add_up_to_one_refusal(database_url: str, database: Database, vault: Vault, refusal: Decision) -> None:
    books = [DecisionBook(open_database(database_url), vault, timeout_seconds=20) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        told = set(pool.map(lambda n: books[n % 4].record_refusal(nth(refusal, n), event(f"e{n}")), range(60)))
    assert len(told) == 1 == count(database, refusals) == count(database, decisions)
    with database.read() as connection:
        assert connection.execute(select(refusals.c.times)).scalar_one() == 60


def test_a_review_opens_once_for_a_decision(database: Database, vault: Vault, book: DecisionBook, refusal: Decision) -> None:
    with database.write() as connection:
        book.record(connection, refusal, subject_for(connection, vault, "demo", "u1", START))
        first = book.open_review(connection, refusal, "rwd_1", "spring", {}, START)
        assert book.open_review(connection, refusal, "rwd_1", "spring", {}, START) == first


def test_the_book_takes_only_decisions_of_the_engine(book: DecisionBook) -> None:
    with pytest.raises(TypeError):
        book.record_refusal("dec_1", event("e1"))


def test_one_bad_row_fails_alone(database: Database) -> None:
    def work(connection: Connection, item: int) -> str:
        if item == 7:
            raise ValueError("bad row")
        return str(item)

    group: GroupCommit[int] = GroupCommit(database, work, gather_ms=30)
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(group.submit, n) for n in range(16)]
    assert [type(one.exception()) for one in asked] == [ValueError if n == 7 else type(None) for n in range(16)]
    assert asked[3].result() == "3"


def test_a_slow_database_is_unavailable_in_time(database: Database) -> None:
    free = threading.Event()

    def work(connection: Connection, item: int) -> str:
        free.wait(10)
        return str(item)

    group: GroupCommit[int] = GroupCommit(database, work, timeout_seconds=0.05)
    with pytest.raises(Unavailable) as caught:
        group.submit(1)
    free.set()
    assert caught.value.code == "record_not_saved"


def test_a_forked_child_has_a_writer_of_its_own(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path / 'forked.db'}")
    group: GroupCommit[int] = GroupCommit(opened, lambda connection, item: str(item))
    assert group.submit(1) == "1"
    child = os.fork()
    if child == 0:
        opened.dispose()
        os._exit(0 if group.submit(2) == "2" else 1)
    assert os.waitpid(child, 0)[1] == 0
