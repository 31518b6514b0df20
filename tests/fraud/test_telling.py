"""What came of a check is told once, also by rivals and on both databases; an erased person's check is cancelled and counts until its windows are over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from core.clock import TurnedClock
from core.db.engine import Database
from core.db.tables import audit_entries, subjects
from core.errors import Conflict
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.book import DecisionBook
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.events import StoredEvent, stored_event
from fraud.store.tables import check_outcomes
from fraud.telling import CANCELLED, CONFIRMED, Outcome, Teller, told_of
from tests.conftest import START as NOW
from tests.fraud.conftest import SCENE, event

WHOLE = {
    "device": "d",
    "phone": "13800138000",
    "device_flags": ("rooted",),
    "custom": {"n": 1},
    "session_started_at": NOW,
    "amount_fen": 5,
}


@pytest.fixture
def teller(database: Database, vault: Vault, engine: RiskEngine) -> Teller:
    return Teller(database, vault, DecisionBook(database, vault), engine)


def test_of_rivals_the_first_is_believed_and_the_others_hear_it(teller: Teller, engine: RiskEngine, database: Database) -> None:
    made = engine.check_and_stream(event("e1"), SCENE)

    def tell(turn: int) -> str:
        try:
            return str(teller.tell(made.id, "demo", Outcome((CONFIRMED, CANCELLED)[turn % 2]), "prn_a", NOW)["told"])
        except Conflict as refused:
            return str(refused.extra["outcome_told"]["told"])

    with ThreadPoolExecutor(4) as pool:
        [believed] = set(pool.map(tell, range(8)))
    with database.read() as connection:
        assert connection.execute(select(check_outcomes.c.told)).scalars().all() == [believed]
        told = select(func.count()).select_from(audit_entries).where(audit_entries.c.action.like("check.%"))
        assert connection.execute(told).scalar_one() == 1


def test_an_event_comes_back_as_it_was_told(database: Database, hot: HotState, vault: Vault, engine: RiskEngine, teller: Teller, clock: TurnedClock) -> None:
    one = event("e1", **WHOLE)
    made = engine.check_and_stream(one, SCENE)
    waiting = engine.waiting(made.id)
    assert waiting is not None
    assert (waiting.decision, waiting.event) == (made, one)
    assert Drainer(hot, database, vault, clock).drain_once() == 1
    assert (engine.waiting(made.id), list(hot.scan_iter("*:places"))) == (None, [])
    with database.write() as connection:
        assert stored_event(connection, vault, "demo", "e1", SCENE) == StoredEvent(one)
        assert stored_event(connection, vault, "demo", "e2", SCENE) is None
        connection.execute(update(subjects).values(wrapped_key=None))
        assert stored_event(connection, vault, "demo", "e1", SCENE) == StoredEvent(None)
    assert teller.tell(made.id, "demo", Outcome(CANCELLED), "prn_a", NOW)["told"] == CANCELLED
    assert list(hot.scan_iter("*:cancelled")) == []
    with database.read() as connection:
        assert told_of(connection, "dec_other") is None


def test_one_id_in_two_scenes_are_two_checks(engine: RiskEngine, teller: Teller) -> None:
    first = engine.check_and_stream(event("x", "alice"), SCENE)
    other = engine.check_and_stream(event("x", "bob", kind="bargain.start"), "bargain.start")
    assert teller.tell(first.id, "demo", Outcome(CONFIRMED), "prn_a", NOW)["told"] == CONFIRMED
    # The event on record is alice's: taking it back would take it from her.
    assert teller.tell(other.id, "demo", Outcome(CANCELLED), "prn_a", NOW)["told"] == CANCELLED
    assert engine.check(event("y", "alice", after=1), SCENE).features["requests_of_user_10m"] == 2
