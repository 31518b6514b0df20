"""The same scripts on a cluster of three nodes, which refuse any call whose keys are not in one slot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.clock import TurnedClock
from core.db.engine import Database
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from tests.cluster import cluster_of
from tests.fraud.conftest import SCENE, event


@pytest.fixture(scope="module")
def cluster() -> Iterator[HotState]:
    """Three nodes that share the slots."""
    with cluster_of(3) as nodes:
        yield connect(nodes.url)


def test_checks_and_the_drainer_run_on_a_cluster(cluster: HotState, database: Database, vault: Vault, policies: Policies, clock: TurnedClock) -> None:
    cluster.flushall()
    engine = RiskEngine(cluster, vault, always(policies), clock, deadline_ms=10_000)
    engine.observe(event("opened", session="s0", kind="page.viewed"))
    made = [
        engine.check_and_stream(event(f"e{n}", f"u{n}", after=n, device="farm", ip="1.2.3.4", session=f"s{n}", merchant="a{b}:c"), SCENE) for n in range(20)
    ]
    assert not any(decision.degraded for decision in made)
    assert [decision.outcome for decision in made[1:4]] == ["allow", "reject", "reject"]
    assert engine.check_and_stream(event("e0", "u0", device="farm", ip="1.2.3.4", session="s0", merchant="a{b}:c"), SCENE) == made[0]
    assert Drainer(cluster, database, vault, clock).drain_once() == 20
