"""From the stream to SQL: batches, a kill between commit and acknowledgement, gaps, messages that cannot be read, and Redis away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from core.clock import TurnedClock
from core.db.engine import Database, open_database
from core.db.tables import audit_entries
from core.errors import Unavailable
from core.hotstate.clients import HotState, connect
from core.privacy.subjects import find_subject
from core.privacy.vault import Vault, open_fields
from fraud.answers import SHARDS, stream_key
from fraud.book import DecisionBook
from fraud.decision import Decision
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.queries import find_decision
from fraud.rulesets.bundle import always
from fraud.store.rows import checked_event_id
from fraud.store.tables import decisions, events
from tests.fraud.conftest import SCENE, event

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def drainer(database: Database, hot: HotState, vault: Vault, clock: TurnedClock) -> Drainer:
    return Drainer(hot, database, vault, clock)


def checks(engine: RiskEngine, number: int, start: int = 0) -> list[Decision]:
    return [engine.check_and_stream(event(f"e{n}", f"u{n % 7}", after=n, device=f"d{n}", phone="13912345678"), SCENE) for n in range(start, start + number)]


def drain_all(drainer: Drainer) -> int:
    total = 0
    while done := drainer.drain_once():
        total += done
    return total


def count(database: Database, table: Table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def entries(database: Database, action: str) -> list[dict[str, Any]]:
    with database.read() as connection:
        rows = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action == action).order_by(audit_entries.c.id)).all()
    return [json.loads(row.body)["detail"] for row in rows]


def waiting(hot: HotState) -> int:
    return sum(hot.xlen(stream_key(shard)) for shard in range(SHARDS))


def test_checks_reach_sql_and_leave_the_stream(database: Database, vault: Vault, engine: RiskEngine, drainer: Drainer, hot: HotState) -> None:
    made = checks(engine, 30)
    assert drain_all(drainer) == 30
    assert (count(database, decisions), count(database, events), waiting(hot)) == (30, 30, 0)
    with database.read() as connection:
        found = find_decision(connection, made[0].id, "demo")
        person = find_subject(connection, vault, "demo", "u0")
        row = connection.execute(select(events).where(events.c.id == checked_event_id(vault, "demo", SCENE, "e0"))).one()
        hashes = set(connection.execute(select(decisions.c.hash)).scalars())
    assert person is not None
    assert person.key is not None
    assert (found.outcome, found.subject, row.type, row.subject_id) == (made[0].outcome, person.id, SCENE, person.id)
    assert open_fields(person.key, row.personal) == {"user": "u0", "device": "d0", "phone": "13912345678"}
    assert {one for entry in entries(database, "decisions.drained") for one in entry["hashes"]} == hashes


def test_a_batch_is_bounded(engine: RiskEngine, drainer: Drainer) -> None:
    checks(engine, 25)
    assert drainer.drain_once(10) == 10
    assert drain_all(drainer) == 15


def test_a_retry_is_streamed_once(database: Database, engine: RiskEngine, drainer: Drainer) -> None:
    first, again = checks(engine, 1), checks(engine, 1)
    assert first == again
    assert drain_all(drainer) == 1


def test_a_kill_between_commit_and_acknowledgement_writes_nothing_twice(
    database: Database, engine: RiskEngine, hot: HotState, vault: Vault, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks(engine, 20)
    killed = Drainer(hot, database, vault, clock)

    def die(raw: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(killed, "_acknowledge", die)
    with pytest.raises(KeyboardInterrupt):
        killed.drain_once()
    before = (count(database, decisions), count(database, events), count(database, audit_entries))
    assert (before[0], waiting(hot)) == (20, 20)
    heir = Drainer(hot, database, vault, clock, stale_ms=0)
    assert drain_all(heir) == 20
    assert (count(database, decisions), count(database, events), count(database, audit_entries)) == before
    assert (waiting(hot), heir.metrics["repeated"], heir.metrics["missing"]) == (0, 20, 0)


def test_a_drainer_that_failed_begins_with_what_it_was_handed(
    database: Database, engine: RiskEngine, drainer: Drainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks(engine, 5)
    with monkeypatch.context() as patched:
        patched.setattr(drainer, "_database", open_database("sqlite:////nowhere/at/all.db"))
        with pytest.raises(Unavailable):
            drainer.drain_once()
    assert drain_all(drainer) == 5


def test_a_lost_message_is_counted_after_its_grace(
    database: Database, engine: RiskEngine, drainer: Drainer, hot: HotState, vault: Vault, clock: TurnedClock
) -> None:
    checks(engine, 3)
    drain_all(drainer)
    checks(engine, 4, start=3)
    lost = 0
    for shard in range(SHARDS):
        for message_id, fields in hot.xrange(stream_key(shard)):
            if fields["number"] in ("5", "6"):
                lost += hot.xdel(stream_key(shard), message_id)
    drain_all(drainer)
    assert (lost, drainer.metrics["missing"]) == (2, 0)
    # Another process carries on, from what the audit says was seen.
    heir = Drainer(hot, database, vault, clock)
    checks(engine, 1, start=7)
    for _ in range(3):
        clock.turn(seconds=30.5)
        heir.drain_once()
    [gap] = entries(database, "decisions.gap")
    assert (gap["first"], gap["last"], gap["count"], heir.metrics["missing"]) == (5, 6, 2, 2)


def test_what_cannot_be_read_is_set_aside_and_said(database: Database, engine: RiskEngine, drainer: Drainer, hot: HotState) -> None:
    checks(engine, 2)
    hot.xadd(stream_key(0), {"decision": "{}", "process": "p", "number": "x", "event": "?"})
    assert drain_all(drainer) == 3
    assert (count(database, decisions), waiting(hot), drainer.metrics["unreadable"]) == (2, 0, 1)
    assert hot.xlen(f"{stream_key(0)}:dead") == 1
    assert len(entries(database, "decisions.unreadable")) == 1


def test_one_row_that_sql_refuses_does_not_hold_up_the_rest(
    database: Database, engine: RiskEngine, drainer: Drainer, hot: HotState, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fraud.store.bulk as bulk

    real = bulk.checked_event_row

    def refuse(keys: Vault, one: Any, *rest: Any) -> dict[str, Any]:
        if one.id == "e3":
            raise ValueError("refused")
        return real(keys, one, *rest)

    monkeypatch.setattr(bulk, "checked_event_row", refuse)
    checks(engine, 6)
    drain_all(drainer)
    assert (count(database, decisions), waiting(hot), drainer.metrics["unreadable"]) == (5, 0, 1)


def test_an_emptied_redis_does_not_stop_the_drainer(database: Database, engine: RiskEngine, drainer: Drainer, hot: HotState) -> None:
    checks(engine, 2)
    drain_all(drainer)
    hot.flushall()
    checks(engine, 2, start=5)
    assert drain_all(drainer) == 2
    assert count(database, decisions) == 4


def test_without_redis_a_check_goes_straight_to_sql(database: Database, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    book = DecisionBook(database, vault, timeout_seconds=20)
    away = RiskEngine(connect(NOWHERE), vault, always(policies), clock, direct=book)
    first, again = checks(away, 1)[0], checks(away, 1)[0]
    assert (first.outcome, first.degraded, again.id) == ("review", True, first.id)
    with database.read() as connection:
        assert find_decision(connection, first.id, "demo").degraded
    assert count(database, events) == 1


def test_with_both_away_nothing_is_promised(vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    book = DecisionBook(open_database("sqlite:////nowhere/at/all.db"), vault)
    with pytest.raises(Unavailable):
        checks(RiskEngine(connect(NOWHERE), vault, always(policies), clock, direct=book), 1)
