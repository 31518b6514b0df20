"""Publications by the hundred leave nothing behind: neither rulesets nor what was made of them."""

from __future__ import annotations

import gc
import json
import tracemalloc
import weakref
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from core.canon import canonical
from core.clock import TurnedClock
from core.privacy.vault import Vault
from fraud.features.read import FeatureReader
from fraud.policies import Policies
from fraud.rulesets.live import LiveRulesets
from fraud.rulesets.settling import raise_generation
from fraud.rulesets.tables import policy_versions
from rules.files.build import version_of
from tests.fraud.conftest import event
from tests.fraud.rulesets.shelf import MERCHANT, Shelf, open_shelf, policy_file, sqlite_in

SCENE = "coupon.claim"


@pytest.mark.parametrize("reloads", [150, pytest.param(500, marks=pytest.mark.soak)])
def test_memory_is_flat_over_hundreds_of_reloads(tmp_path: Path, clock: TurnedClock, vault: Vault, reloads: int) -> None:
    shelf = open_shelf(sqlite_in(tmp_path), clock)
    seconds = [0.0]
    live = LiveRulesets(shelf.database, [], clock, lambda: seconds[0], lambda work: work())
    shelf.publish(policy_file(3, policy="steady"))
    shelf.publish(policy_file(3))
    steady = live.bundle().for_merchant(MERCHANT).find(SCENE, "steady")
    [first] = shelf.rows()
    dropped: list[weakref.ref[Any]] = []

    def reader_of(policies: Policies) -> FeatureReader:
        return FeatureReader(vault, list(policies), 60)

    def reload(number: int) -> None:
        _put_live(shelf, first, number)
        seconds[0] += 1
        view = live.bundle().view(MERCHANT)
        assert view.policies.find(SCENE, "claims").rules[0].source == f"accounts >= {number}"
        view.kept(reader_of).prepare(event("e", device="d", merchant=MERCHANT), SCENE, view.policies.find(SCENE, "claims"))
        dropped.append(weakref.ref(view))

    # The first ones fill caches; what follows must not grow them.
    last = reloads + 2
    for number in range(2, last - 100):
        reload(number)
    tracemalloc.start()
    sizes = []
    for number in range(last - 100, last):
        reload(number)
        if number % 25 == 1:
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(dropped) == reloads
    assert sum(ref() is not None for ref in dropped) == 1
    # The rulesets that were traced would be megabytes.
    assert sizes[-1] - sizes[0] < 256 * 1024, sizes
    assert live.bundle().for_merchant(MERCHANT).find(SCENE, "steady") is steady
    shelf.database.engine.dispose()


def _put_live(shelf: Shelf, row: Any, number: int) -> None:
    """What an approval leaves behind, without reading a file."""
    document = json.loads(row.document)
    document["rules"][0]["when"] = f"accounts >= {number}"
    columns = {"version": number + 10, "content_hash": version_of(document), "document": canonical(document), "approval_id": f"apr_{number}"}
    with shelf.database.write() as connection:
        connection.execute(update(policy_versions).where(policy_versions.c.policy == "claims", policy_versions.c.state == "live").values(state="retired"))
        connection.execute(policy_versions.insert().values({**row._asdict(), **columns, "state": "live"}))
        raise_generation(connection)
