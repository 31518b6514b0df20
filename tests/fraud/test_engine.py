"""The engine on a real server: farms, dormitories, retries, rivals and an absent Redis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from core.clock import TurnedClock
from core.errors import Conflict, Malformed, Unavailable
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from core.text import Text
from fraud.answers import Answers
from fraud.decision import Decision, from_record
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from rules.model import Ruleset
from tests.fraud.conftest import SCENE, event

NOWHERE = "redis://127.0.0.1:1/0"


def test_a_farm_of_twenty_accounts_on_one_device_is_refused_from_the_third(engine: RiskEngine) -> None:
    decisions = [engine.check(event(f"e{n}", f"user-{n}", after=n, device="farm"), SCENE) for n in range(20)]
    assert [decision.outcome for decision in decisions[:4]] == ["allow", "allow", "reject", "reject"]
    assert {decision.outcome for decision in decisions[2:]} == {"reject"}
    [evidence] = decisions[2].reasons[0].evidence
    assert (evidence.feature, evidence.value, evidence.operator, evidence.threshold) == ("accounts_on_device_10m", 3, ">=", 3)
    assert evidence.window_seconds == 600


def test_of_five_thousand_students_behind_one_address_none_is_refused_or_held(engine: RiskEngine) -> None:
    outcomes = {engine.check(event(f"e{n}", f"student-{n}", after=n / 10, device=f"phone-{n}", ip="10.1.1.1"), SCENE).outcome for n in range(5000)}
    assert outcomes == {"allow"}


@pytest.mark.parametrize(("seconds", "outcome"), [(2, "review"), (3, "review"), (3.001, "allow"), (4, "allow")])
def test_machine_speed_with_a_virtual_carrier_is_held(engine: RiskEngine, seconds: float, outcome: str) -> None:
    engine.observe(event("opened", session="s1", kind="session.started"))
    decision = engine.check(event("claim", after=seconds, session="s1", phone="+86 170 1234 5678"), SCENE)
    assert decision.outcome == outcome


def test_a_virtual_carrier_alone_changes_nothing(engine: RiskEngine) -> None:
    decision = engine.check(event("claim", phone="16512345678"), SCENE)
    assert (decision.outcome, [reason.code for reason in decision.reasons]) == ("allow", ["virtual_carrier"])


def test_machine_speed_alone_changes_nothing(engine: RiskEngine) -> None:
    engine.observe(event("opened", session="s1", kind="page.viewed"))
    assert engine.check(event("claim", after=1, session="s1", phone="13912345678"), SCENE).outcome == "allow"


def test_a_retry_hears_the_first_decision(engine: RiskEngine, clock: TurnedClock) -> None:
    first = engine.check(event("e1", device="d"), SCENE)
    clock.turn(seconds=30)
    again = engine.check(replace(event("e1", device="d"), received_at=clock.now()), SCENE)
    assert again == first


def test_the_same_id_with_other_content_is_a_conflict(engine: RiskEngine) -> None:
    engine.check(event("e1", device="d"), SCENE)
    with pytest.raises(Conflict) as caught:
        engine.check(event("e1", device="other"), SCENE)
    assert caught.value.code == "event_id_reused"


def test_rivals_with_one_event_end_with_one_decision(engine: RiskEngine) -> None:
    with ThreadPoolExecutor(16) as pool:
        decisions = list(pool.map(lambda _: engine.check(event("e1", device="d"), SCENE), range(64)))
    assert len({decision.id for decision in decisions}) == 1


def test_a_rivals_decision_that_stands_is_returned(hot: HotState, vault: Vault, engine: RiskEngine) -> None:
    answers = Answers(hot, vault)
    one = event("e1")
    made = engine.check(event("other"), SCENE)
    place = answers.place(one, SCENE)
    assert answers.settle(place, made).id == made.id
    assert answers.settle(place, replace(made, id="dec_late")).id == made.id


def test_an_unknown_policy_is_malformed(engine: RiskEngine) -> None:
    for scene, name, code in [
        (SCENE, "nobody", "unknown_policy"),
        ("no.scene", None, "unknown_policy"),
        ("no.scene", "new-user-claim", "policy_of_other_scene"),
    ]:
        with pytest.raises(Malformed) as caught:
            engine.check(event("e1"), scene, name)
        assert caught.value.code == code


@pytest.mark.parametrize(("fallback", "outcome"), [("hold", "review"), ("allow", "allow"), ("reject", "reject")])
def test_without_redis_the_policy_says_what_happens(vault: Vault, policy: Ruleset, clock: TurnedClock, fallback: str, outcome: str) -> None:
    away = RiskEngine(connect(NOWHERE), vault, always([replace(policy, when_unavailable=fallback)]), clock)
    decision = away.check(event("e1"), SCENE)
    assert (decision.outcome, decision.degraded, decision.reasons[-1].code) == (outcome, True, "risk_unavailable")
    assert decision.id.startswith("dec_")


def test_observing_without_redis_says_so(vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    with pytest.raises(Unavailable):
        RiskEngine(connect(NOWHERE), vault, always(policies), clock).observe(event("e1", session="s"))


def test_a_late_answer_is_degraded_and_never_milder_than_the_verdict(
    hot: HotState, vault: Vault, policy: Ruleset, clock: TurnedClock, engine: RiskEngine
) -> None:
    for n in range(2):
        engine.check(event(f"e{n}", f"u{n}", device="farm"), SCENE)
    ticks = iter(range(1000))
    slow = RiskEngine(hot, vault, always([replace(policy, when_unavailable="allow")]), clock, monotonic=lambda: float(next(ticks)))
    decision = slow.check(event("e9", "u9", device="farm"), SCENE, deadline_ms=500)
    assert (decision.outcome, decision.degraded) == ("reject", True)


def test_a_lost_reply_leaves_one_decision_id(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    """The answer is stored, its reply is lost: the degraded decision and the stored one are one decision."""
    engine = RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000)

    def lose(place: Any, decision: Decision) -> Decision:
        Answers(hot, vault).settle(place, decision)
        raise Unavailable("hot_state_away", decision.reasons[0].text if decision.reasons else policies.find(SCENE).rules[0].text)

    engine._answers.settle = lose  # type: ignore[method-assign]
    degraded = engine.check(event("e1"), SCENE)
    stored = RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000).check(event("e1"), SCENE)
    assert (degraded.degraded, stored.degraded, stored.id) == (True, False, degraded.id)


def test_a_decision_survives_its_bytes(engine: RiskEngine) -> None:
    for n in range(3):
        decision = engine.check(event(f"e{n}", f"u{n}", device="d", phone="17012345678", session="s"), SCENE)
        assert from_record(decision.record()) == decision


def test_nothing_personal_reaches_redis_or_the_record(engine: RiskEngine, hot: HotState) -> None:
    secrets = {
        "user": "alice-in-clear",
        "device": "device-in-clear",
        "ip": "203.0.113.77",
        "phone": "17012345678",
        "session": "sess-in-clear",
    }
    decision = engine.check_and_stream(event("e1", **secrets), SCENE)
    seen = [decision.record().decode()]
    for key in hot.scan_iter("*"):
        seen += [key, str(_content(hot, key))]
    for secret in secrets.values():
        assert not any(secret in text for text in seen)


def _content(hot: HotState, key: str) -> Any:
    kind = hot.type(key)
    reads = {
        "zset": lambda: hot.zrange(key, 0, -1),
        "string": lambda: hot.execute_command("GET", key, NEVER_DECODE=True),
        "stream": lambda: hot.xrange(key),
        "hash": lambda: hot.hgetall(key),
    }
    return reads[kind]()


def test_lists_and_snoozes_that_cannot_be_read_stop_no_check(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    def away() -> Any:
        raise Unavailable("database_away", Text(zh="", en=""))

    engine = RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000, lists=away, snoozes=away)
    one = event("e1", device="d1")
    for decision in (engine.check(one, SCENE), engine.preview(one, SCENE)):
        assert (decision.outcome, decision.degraded, decision.features["device_blocked"]) == ("allow", False, None)
