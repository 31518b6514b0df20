"""Redis emptied, stopped, restored from an old copy; processes killed between the gate and SQL. Nothing is given twice and all of it recovers."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from campaigns.acting.desk import Desk
from campaigns.gate.model import Ask, Limit
from campaigns.gate.split import AnyGate
from tests.e2e.crowd import Told, Wish, counts, crowd
from tests.e2e.invariants import check_invariants
from tests.e2e.kinds import ON_POSTGRES, ON_SQLITE
from tests.e2e.service import MERCHANT, Running, coupon


def during(service: Running, campaign: str, people: int, disturb: Callable[[], None], after_seconds: float = 0.4) -> Sequence[Told]:
    """Let a crowd claim and disturb the service in the middle."""
    timer = threading.Timer(after_seconds, disturb)
    timer.start()
    told = crowd(service.settings.port, service.keys["shop"], [Wish(campaign, f"u{n}", f"k{n}") for n in range(people)], threads=6)
    timer.join()
    return told


@ON_POSTGRES
def test_redis_emptied_in_the_middle_gives_no_slot_twice(service: Running) -> None:
    service.publish(coupon("empty", total=150))
    told = during(service, "empty", 400, lambda: service.services.hot.flushall())
    assert counts(told) == {"201": 150, "409 sold_out": 250}
    check_invariants(service.services.database, told)


@ON_SQLITE
def test_redis_stopped_answers_503_and_recovers_by_itself(service: Running) -> None:
    service.publish(coupon("stopped", total=150))
    client = service.client()
    service.valkey.stop()
    away = client.post("/v1/campaigns/stopped/claims", {"user": "early"}, "early")
    assert (away.status, away.body["code"]) == (503, "hot_state_away")
    assert int(away.headers["retry-after"]) >= 1
    checked = client.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "early"})
    assert (checked.status, checked.body["outcome"], checked.body["degraded"]) == (200, "review", True)
    service.valkey.start()
    told = during(service, "stopped", 300, lambda: None)
    assert counts(told) == {"201": 150, "409 sold_out": 150}
    check_invariants(service.services.database, told)


@ON_POSTGRES
def test_redis_killed_in_the_middle_recovers(service: Running) -> None:
    service.publish(coupon("killed", total=150))

    def kill_and_restart() -> None:
        assert service.valkey.pid is not None
        service.valkey.kill()
        time.sleep(0.5)
        service.valkey.start()

    told = during(service, "killed", 400, kill_and_restart)
    assert counts(told) == {"201": 150, "409 sold_out": 250}
    check_invariants(service.services.database, told)


@ON_POSTGRES
def test_a_gate_from_an_old_copy_is_noticed_and_rebuilt(service: Running) -> None:
    service.publish(coupon("old", total=60))
    first = crowd(service.settings.port, service.keys["shop"], [Wish("old", f"a{n}", f"a{n}") for n in range(20)])
    assert counts(first) == {"201": 20}
    copy = service.settings.data_dir / "copy"
    service.valkey.stop()
    shutil.copytree(service.settings.data_dir / "valkey", copy)
    service.valkey.start()
    second = crowd(service.settings.port, service.keys["shop"], [Wish("old", f"b{n}", f"b{n}") for n in range(20)])
    assert counts(second) == {"201": 20}
    service.valkey.stop()
    shutil.rmtree(service.settings.data_dir / "valkey")
    shutil.copytree(copy, service.settings.data_dir / "valkey")
    service.valkey.start()
    third = crowd(service.settings.port, service.keys["shop"], [Wish("old", f"c{n}", f"c{n}") for n in range(60)])
    assert counts(third) == {"201": 20, "409 sold_out": 40}
    check_invariants(service.services.database, [*first, *second, *third])


@ON_SQLITE
def test_the_api_killed_in_the_middle_loses_no_promise(service: Running) -> None:
    service.publish(coupon("crash", total=150))

    def kill_and_restart() -> None:
        service.kill("api", signal.SIGKILL)
        service.start_api()

    told = during(service, "crash", 400, kill_and_restart)
    # Everyone asked until they were told; leases of killed requests ended and their slots were given out again.
    assert counts(told) == {"201": 150, "409 sold_out": 250}
    check_invariants(service.services.database, told)


@ON_SQLITE
def test_a_slot_taken_by_a_dead_process_is_free_after_its_lease(service: Running) -> None:
    service.publish(coupon("leak", total=1))
    desk: Desk = service.services.desk
    gate: AnyGate = desk.keeper.gate(desk.catalogue.live(MERCHANT, "leak"))
    ask = Ask("ghost", "b", 2000, (Limit("user", "ghost", 1),))
    now = datetime.now(UTC)
    desk.keeper.settled(gate, lambda: gate.attempt(ask, now), now)
    gate = desk.keeper.gate(desk.catalogue.live(MERCHANT, "leak", fresh=True))
    assert gate.take(ask, datetime.now(UTC), 2000).code == "ok"
    client = service.client()
    body = {"user": "alive"}
    assert client.post("/v1/campaigns/leak/claims", body, "k").body["code"] == "sold_out"
    time.sleep(2.2)
    assert client.post("/v1/campaigns/leak/claims", body, "k").status == 201
    check_invariants(service.services.database)
