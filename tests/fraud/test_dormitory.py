"""Honest crowds behind one address: an address alone never refuses anybody, in any shipped policy."""

from __future__ import annotations

from collections import Counter

import pytest

from core.clock import TurnedClock
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.engine import RiskEngine
from fraud.packs import load_policies
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from tests.fraud.conftest import PACKS, event

SCENES = sorted({policy.scene for policy in load_policies(PACKS)})


def outcomes(engine: RiskEngine, clock: TurnedClock, scene: str, students: int) -> Counter[str]:
    """Each student with a phone and an account of their own, one every two seconds."""
    found: Counter[str] = Counter()
    for number in range(students):
        clock.turn(seconds=2)
        who = {"device": f"phone-{number}", "phone": f"1380{number:07}", "ip": "203.0.113.7", "session": f"s-{number}"}
        found[engine.check(event(f"{scene}:{number}", f"student-{number}", after=2.0 * number, kind=scene, **who), scene).outcome] += 1
    return found


@pytest.mark.parametrize("scene", SCENES)
def test_nobody_in_a_dormitory_is_refused(engine: RiskEngine, clock: TurnedClock, scene: str) -> None:
    assert set(outcomes(engine, clock, scene, 40)) <= {"allow", "review"}


def test_five_thousand_students_take_the_new_users_coupon(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    engine = RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000)
    found = outcomes(engine, clock, "coupon.claim", 5_000)
    assert found == {"allow": 5_000}
