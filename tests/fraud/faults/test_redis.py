"""A real Redis in every bad state: slow, restarted, full, failing over; also when the fault comes between the two round trips of a check."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.clock import TurnedClock
from core.embedded.valkey import EmbeddedValkey
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from fraud.decision import Decision
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from rules.model import Ruleset
from tests.fraud.conftest import SCENE, event
from tests.fraud.faults.slow import SlowRoad

# Each state: how it begins and how it ends.
STATES: dict[str, tuple[Callable[[HotState], Any], Callable[[HotState], Any]]] = {
    "full": (lambda hot: hot.config_set("maxmemory", 1), lambda hot: hot.config_set("maxmemory", 0)),
    "demoted": (lambda hot: hot.replicaof("127.0.0.1", 1), lambda hot: hot.replicaof("NO", "ONE")),
    "without replicas": (lambda hot: hot.config_set("min-replicas-to-write", 1), lambda hot: hot.config_set("min-replicas-to-write", 0)),
}
FALLBACKS = [("hold", "review"), ("allow", "allow"), ("reject", "reject")]


@contextlib.contextmanager
def ended(state: str, hot: HotState) -> Iterator[Callable[[], Any]]:
    """Gives what begins the state, and ends it whatever happens."""
    begin, end = STATES[state]
    try:
        yield lambda: begin(hot)
    finally:
        end(hot)


def engine_of(hot: HotState, vault: Vault, policy: Ruleset, clock: TurnedClock, fallback: str) -> RiskEngine:
    return RiskEngine(hot, vault, always([replace(policy, when_unavailable=fallback)]), clock, deadline_ms=10_000)


def told(decision: Decision) -> tuple[str, bool, str]:
    return decision.outcome, decision.degraded, decision.reasons[-1].code


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("fallback", "outcome"), FALLBACKS)
def test_a_redis_that_takes_no_writes_leaves_it_to_the_policy(
    hot: HotState, vault: Vault, policy: Ruleset, clock: TurnedClock, state: str, fallback: str, outcome: str
) -> None:
    engine = engine_of(hot, vault, policy, clock, fallback)
    with ended(state, hot) as begin:
        begin()
        assert told(engine.check(event("e1", device="d"), SCENE)) == (outcome, True, "risk_unavailable")
    assert not engine.check(event("e2", device="d"), SCENE).degraded


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("accounts", "outcome"), [(1, "review"), (3, "reject")])
def test_a_fault_between_the_round_trips_never_makes_the_verdict_milder(
    hot: HotState, vault: Vault, policy: Ruleset, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch, state: str, accounts: int, outcome: str
) -> None:
    engine = engine_of(hot, vault, policy, clock, "hold")
    for number in range(accounts - 1):
        engine.check(event(f"e{number}", f"u{number}", device="farm"), SCENE)
    settle = engine._answers.settle
    with ended(state, hot) as begin:
        monkeypatch.setattr(engine._answers, "settle", lambda *arguments: (begin(), settle(*arguments))[1])
        assert told(engine.check(event("last", "last", device="farm"), SCENE)) == (outcome, True, "risk_unavailable")
    # What was recorded in the first round trip counts once, also for the retry.
    monkeypatch.setattr(engine._answers, "settle", settle)
    again = engine.check(event("last", "last", device="farm"), SCENE)
    assert (again.degraded, again.features["accounts_on_device_24h"]) == (False, accounts)


def test_an_answer_after_the_deadline_is_nobodys(valkey_url: str, hot: HotState, vault: Vault, policy: Ruleset, clock: TurnedClock) -> None:
    with SlowRoad(valkey_url) as road:
        engine = engine_of(connect(road.url, timeout_seconds=0.2), vault, policy, clock, "hold")
        assert not engine.check(event("before", "u0", device="d"), SCENE).degraded
        road.hold()
        assert told(engine.check(event("slow", "u1", device="d"), SCENE)) == ("review", True, "risk_unavailable")
        road.release()
        # The late answer arrives now; the next check must not take it for its own.
        after = engine.check(event("after", "u2", device="d"), SCENE)
        assert (after.degraded, after.event_id, after.features["accounts_on_device_24h"]) == (False, "after", 3)


def test_a_restarted_redis_still_knows_what_it_counted_and_answered(tmp_path: Path, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    server = EmbeddedValkey(tmp_path, port=0)
    try:
        engine = RiskEngine(connect(server.start()), vault, always(policies), clock, deadline_ms=10_000)
        first = [engine.check(event(f"e{number}", f"u{number}", device="farm"), SCENE) for number in range(2)]
        server.stop()
        assert engine.check(event("down", "u8", device="farm"), SCENE).degraded
        server.start()
        assert engine.check(event("e9", "u9", device="farm"), SCENE).outcome == "reject"
        assert engine.check(event("e0", "u0", device="farm"), SCENE) == first[0]
    finally:
        server.kill()
