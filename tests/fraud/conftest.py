"""What the tests of the risk engine share: the shipped policy, short ways to events, an engine on the real Valkey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import TurnedClock
from core.event import Event
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.engine import RiskEngine
from fraud.packs import load_policies
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from rules.files.load import ruleset_from_document
from rules.model import Ruleset
from rules.windows.spec import Feature
from tests.conftest import START

PACKS = Path(__file__).resolve().parents[2] / "rules" / "packs"
SCENE = "coupon.claim"


def event(event_id: str, user: str = "u1", *, after: float = 0.0, kind: str = SCENE, merchant: str = "demo", **fields: Any) -> Event:
    """An event `after` seconds from the start, received when it happened."""
    at = START + timedelta(seconds=after)
    received: datetime = fields.pop("received_at", at)
    return Event(id=event_id, type=kind, merchant=merchant, occurred_at=at, received_at=received, user=user, **fields)


def ruleset_of(name: str = "p", *, features: Mapping[str, Feature]) -> Ruleset:
    """A policy of nothing but features."""
    document = {"form": 1, "policy": name, "scene": SCENE, "rules": [], "bands": [{"needs": [], "review": 1, "reject": 2}], "when_unavailable": "hold"}
    return replace(ruleset_from_document(document), features=features)


@pytest.fixture(scope="session")
def policies() -> Policies:
    return load_policies(PACKS)


@pytest.fixture(scope="session")
def policy(policies: Policies) -> Ruleset:
    return policies.find(SCENE)


@pytest.fixture
def engine(hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock) -> RiskEngine:
    # A generous deadline: these tests are about answers, and the machine may be busy.
    return RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000)
