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
from fraud.features.read import FeatureReader
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from rules.files.load import load_ruleset
from rules.windows.oracle import features_at
from tests.cluster import cluster_of
from tests.fraud.conftest import SCENE, event
from tests.fraud.features.test_every_feature import SOURCE, same, stream
from tests.fraud.features.test_record import LATENESS, record


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
    waiting = engine.waiting(made[5].id)
    assert waiting is not None
    assert (waiting.decision, waiting.event.user) == (made[5], "u5")
    engine.take_back(waiting.event, SCENE)
    # In a slot of each entity.
    assert len(list(cluster.scan_iter("*:cancelled"))) > 1
    assert Drainer(cluster, database, vault, clock).drain_once() == 20


def test_every_kind_of_series_says_on_a_cluster_what_the_definition_says(cluster: HotState, vault: Vault) -> None:
    cluster.flushall()
    policy = load_ruleset(SOURCE.encode(), "all.yaml").ruleset
    made, seen = (FeatureReader(vault, [policy], LATENESS), policy), []
    kinds = [SCENE, SCENE, "order.paid"]
    happenings = [
        {"gap": 45_000, "user": f"u{n % 2}", "device": f"d{n % 3}", "amount": n * 150, "kind": kinds[n % 3], "custom": {"items": n, "channel": "app"}}
        for n in range(20)
    ]
    for one in stream(happenings):
        seen.append(made[0].record(one))
        defined = features_at(policy.features, {}, seen, seen[-1], policy.zone)
        for answered in (record(cluster, made, one), record(cluster, made, one)):
            assert not {name: (answered[name], value) for name, value in defined.items() if not same(answered[name], value)}
    kept = {key.rsplit(":", 1)[1].split(".")[0] for key in cluster.scan_iter("sd:f:*", target_nodes="primaries")}
    assert kept == {"seen", "count", "log", "newest", "ids", "ring-count", "ring-sum", "ring-set"}
