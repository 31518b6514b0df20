"""The buffer between checks and SQL when nobody empties it: it is bounded, it slows the caller before anything is lost, and a full Redis drains."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import TurnedClock
from core.db.engine import Database, open_database
from core.errors import Unavailable
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from fraud.aftermath import DirectWriter
from fraud.answers import SHARDS, Answers, stream_key
from fraud.book import DecisionBook
from fraud.decision import Decision
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.queries import find_decision
from fraud.rulesets.bundle import always
from tests.conftest import sqlite_url
from tests.fraud.conftest import SCENE, event

NO_DATABASE = "sqlite:////nowhere/at/all.db"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what is tested here is the way to SQL."""
    return sqlite_url(tmp_path)


@pytest.fixture
def small(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock, database: Database) -> RiskEngine:
    """An engine whose stream holds one message in each shard."""
    return small_engine(hot, vault, policies, clock, DecisionBook(database, vault, timeout_seconds=20))


def small_engine(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock, direct: DirectWriter | None) -> RiskEngine:
    engine = RiskEngine(hot, vault, always(policies), clock, direct=direct, deadline_ms=10_000)
    engine._answers = Answers(hot, vault, shard_max=1)
    return engine


def check(engine: RiskEngine, number: int) -> Decision:
    return engine.check_and_stream(event(f"e{number}", f"u{number}", device=f"d{number}"), SCENE)


def lengths(hot: HotState) -> list[int]:
    return [hot.xlen(stream_key(shard)) for shard in range(SHARDS)]


def test_past_its_bound_decisions_go_straight_to_sql_and_none_is_lost(
    hot: HotState, vault: Vault, clock: TurnedClock, database: Database, small: RiskEngine
) -> None:
    made = [check(small, number) for number in range(40)]
    assert {(one.outcome, one.degraded) for one in made} == {("allow", False)}
    assert max(lengths(hot)) == 1
    # Before anything is drained, what found no room is on record; a retry hears the same, wherever the first went.
    waits = sum(lengths(hot))
    assert [check(small, number) for number in range(40)] == made
    drainer = Drainer(hot, database, vault, clock, gap_grace_ms=0)
    assert drainer.drain_once() == waits < 40
    with database.read() as connection:
        for one in made:
            assert find_decision(connection, one.id, "demo").outcome == "allow"
    assert (drainer.metrics["missing"], drainer.metrics["repeated"]) == (0, 0)


def test_full_and_without_sql_the_caller_is_told_and_nothing_stands(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    for direct, code in ((DecisionBook(open_database(NO_DATABASE), vault), None), (None, "stream_full")):
        hot.flushall()
        for shard in range(SHARDS):
            hot.xadd(stream_key(shard), {"something": "that waits"})
        with pytest.raises(Unavailable) as caught:
            check(small_engine(hot, vault, policies, clock, direct), 1)
        assert code is None or caught.value.code == code
        assert lengths(hot) == [1] * SHARDS
        assert not [key for key in hot.scan_iter("sd:d:*") if not key.endswith(":stream")]


def test_a_redis_that_dies_after_sql_has_the_decision_takes_nothing_from_it(
    hot: HotState, small: RiskEngine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small._answers, "settle", Answers(connect("redis://127.0.0.1:1/0"), Vault(bytes(32))).settle)
    for shard in range(SHARDS):
        hot.xadd(stream_key(shard), {"something": "that waits"})
    decision = check(small, 1)
    assert not decision.degraded
    with database.read() as connection:
        assert find_decision(connection, decision.id, "demo").outcome == decision.outcome


def test_of_two_at_once_both_hear_the_id_on_record(hot: HotState, small: RiskEngine) -> None:
    for shard in range(SHARDS):
        hot.xadd(stream_key(shard), {"something": "that waits"})
    first = check(small, 1)
    # The second looked before the first had its answer.
    hot.delete(*[key for key in hot.scan_iter("sd:d:*") if not key.endswith(":stream")])
    assert check(small, 1).id == first.id


def test_a_full_redis_is_drained_and_what_cannot_be_read_waits_for_room(
    hot: HotState, vault: Vault, clock: TurnedClock, database: Database, engine: RiskEngine
) -> None:
    drainer = Drainer(hot, database, vault, clock)
    drainer.drain_once()
    for number in range(5):
        check(engine, number)
    hot.xadd(stream_key(0), {"decision": "?"})
    try:
        hot.config_set("maxmemory", 1)
        with pytest.raises(Unavailable):
            drainer.drain_once()
        assert sum(lengths(hot)) == 1
    finally:
        hot.config_set("maxmemory", 0)
    assert drainer.drain_once() == 1
    assert (sum(lengths(hot)), hot.xlen(f"{stream_key(0)}:dead"), drainer.metrics["drained"]) == (0, 1, 5)
