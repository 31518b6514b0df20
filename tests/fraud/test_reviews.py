"""Reviews and events on record: resolved once with a reason, told again to a retry, refused for other content."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.db.engine import Database
from core.db.tables import audit_entries
from core.errors import Conflict, Malformed, NotFound
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from fraud.book import DecisionBook
from fraud.cases.appeals import Asked, open_appeal
from fraud.cases.entities import related_cases
from fraud.cases.queue import Wanted, list_cases, place_of
from fraud.decision import Decision
from fraud.events import EventRow, record_event, store_effects
from fraud.reviews import Review, close, find_open, find_review, require_words
from tests.conftest import START
from tests.fraud.conftest import SCENE, event


def decision(number: int, merchant: str = "demo") -> Decision:
    return Decision(f"dec_{number}", merchant, SCENE, f"e{number}", "h", None, "review", 40, (), {}, {}, "p", "v", False, START)


@pytest.fixture
def queue(database: Database, vault: Vault) -> list[str]:
    """Three open reviews of the demo merchant, one of another."""
    book = DecisionBook(database, vault)
    opened = []
    with database.write() as connection:
        for number, merchant in enumerate(["demo", "demo", "demo", "other"]):
            made = decision(number, merchant)
            book.record(connection, made, subject_for(connection, vault, merchant, "u", START))
            opened.append(book.open_review(connection, made, f"rwd_{number}", "spring", {}, START))
    return opened


def resolve(database: Database, name: str, resolution: str, by: str, reason: str, merchant: str = "demo") -> Review:
    with database.write() as connection:
        found = find_open(connection, name, merchant)
        require_words(found, resolution, reason)
        return close(connection, found, resolution, by, reason, START)


def test_open_reviews_come_by_due_time_by_cursor(database: Database, queue: list[str]) -> None:
    with database.read() as connection:
        mine = list_cases(connection, "demo", Wanted(), most=2)
        rest = list_cases(connection, "demo", Wanted(), after=place_of(mine[-1]))
        assert [review.id for review in (*mine, *rest)] == sorted(queue[:3])
        assert len(list_cases(connection, "*", Wanted())) == 4
        with pytest.raises(Malformed):
            list_cases(connection, "demo", Wanted(), after="yesterday")


def test_a_review_is_resolved_exactly_once(database: Database, queue: list[str]) -> None:
    done = resolve(database, queue[0], "post", "prn_1", " honest ")
    assert (done.state, done.resolution, done.resolved_by, done.reason, done.reward_id) == ("resolved", "post", "prn_1", "honest", "rwd_0")
    with pytest.raises(Conflict) as caught:
        resolve(database, queue[0], "void", "prn_2", "no")
    assert (caught.value.code, caught.value.extra["resolved_by"]) == ("review_resolved", "prn_1")
    with database.read() as connection:
        assert find_review(connection, queue[0], "demo").resolution == "post"
        actors = connection.execute(select(audit_entries.c.actor).where(audit_entries.c.action == "review.resolved")).scalars().all()
        assert actors == ["prn_1"]
        assert queue[0] not in {review.id for review in list_cases(connection, "demo", Wanted())}


@pytest.mark.parametrize(("resolution", "reason"), [("post", ""), ("post", " \n"), ("post", "x" * 2001), ("maybe", "because"), ("upheld", "because")])
def test_a_resolution_needs_its_word_and_a_reason(database: Database, queue: list[str], resolution: str, reason: str) -> None:
    with pytest.raises(Malformed):
        resolve(database, queue[0], resolution, "prn_1", reason)


def test_another_merchants_review_does_not_exist(database: Database, queue: list[str]) -> None:
    with pytest.raises(NotFound):
        resolve(database, queue[3], "post", "prn_1", "because")


@pytest.mark.parametrize("outcome", ["allow", "review", "reject"])
def test_what_a_machine_said_of_a_held_reward_is_appealed_once_a_person_refused_it(database: Database, vault: Vault, outcome: str) -> None:
    book, made, later = DecisionBook(database, vault), replace(decision(1), outcome=outcome), timedelta(hours=1)
    asked = Asked("demo", made.id, "please", "prn_shop", START, later)
    with database.write() as connection:
        book.record(connection, made, subject_for(connection, vault, "demo", "u", START))
        case = book.open_review(connection, made, "rwd_1", "spring", {"user": "u", "device": "d"}, START)
        with pytest.raises(Conflict, match="nothing_to_appeal"):
            open_appeal(connection, vault, asked)
    resolve(database, case, "void", "prn_1", "a farm")
    with database.write() as connection:
        appeal, new = open_appeal(connection, vault, asked)
        assert (new, appeal.due_at, appeal.kind) == (True, START + later, "appeal")
        assert {one["entity"]: one["counts"] for one in related_cases(connection, appeal)} == {"user": {"void": 1}, "device": {"void": 1}}


def test_an_event_is_recorded_once_and_a_retry_hears_its_effects(database: Database, vault: Vault) -> None:
    paid = event("o1", kind="order.paid", order_id="o1", amount_fen=100)
    with database.write() as connection:
        person = subject_for(connection, vault, "demo", "u1", START)
        assert record_event(connection, paid, person) is None
        store_effects(connection, "demo", "o1", {"posted": 1})
    with database.write() as connection:
        assert record_event(connection, paid, person) == EventRow("o1", "order.paid", person.id, {"posted": 1})
    with pytest.raises(Conflict) as caught, database.write() as connection:
        record_event(connection, event("o1", kind="order.paid", order_id="o1", amount_fen=200), person)
    assert caught.value.code == "event_id_reused"
