"""API processes killed with -9 at every point of a claim, again and again under a crowd: no promise is broken and no slot is lost."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.cli.server import api_command
from campaigns.store.tables import rewards, slots
from core.db.tables import idempotency
from tests.e2e.crowd import Told, Wish, crowd
from tests.e2e.invariants import check_invariants
from tests.e2e.kinds import ON_POSTGRES, ON_SQLITE
from tests.e2e.service import MERCHANT, Running, coupon

POINTS = ("gate", "written", "committed", "anywhere")
KILLS_EACH, TOTAL, PEOPLE = 2, 100, 180


@dataclass
class Saboteurs:
    """The API as `tests.e2e.sabotaged` serves it, and a supervisor that starts it again when it gives up, as `sheepdog serve` does:
    granian respawns its workers, but ends itself when one dies twice within seconds."""

    service: Running
    orders: Path
    over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.service.spawn("api", [*api_command(self.service.settings)[:-1], "tests.e2e.sabotaged:app"])

    def supervise(self) -> None:
        while not self.over.wait(0.1):
            if self.service.processes["api"].poll() is not None:
                self.service.kill("api", signal.SIGKILL)
                self.start()

    def crowd(self, wishes: list[Wish]) -> list[Told]:
        """Let the crowd claim until all orders are carried out and all are told; then the API is killed as a whole, and a peaceful one follows."""
        supervisor = threading.Thread(target=self.supervise)
        supervisor.start()
        try:
            told = crowd(self.service.settings.port, self.service.keys["shop"], wishes, threads=6, patience_seconds=60)
        finally:
            self.over.set()
            supervisor.join()
        assert not list(self.orders.iterdir()), "an order was not carried out"
        self.service.kill("api", signal.SIGKILL)
        self.service.start_api()
        return list(told)


@pytest.fixture
def saboteurs(service: Running) -> Saboteurs:
    folder = service.settings.data_dir / "sabotage"
    folder.mkdir()
    for point, number in itertools.product(POINTS, range(KILLS_EACH)):
        (folder / f"{point}-{number}").touch()
    service.kill("api", signal.SIGKILL)
    service.env["SABOTAGE"] = str(folder)
    made = Saboteurs(service, folder)
    made.start()
    service.wait_ready()
    return made


def rest_of(service: Running, campaign: str) -> list[Told]:
    """More customers, until what is left is given away: leases of the dead have ended by then."""
    time.sleep(int(service.settings.lease_seconds) + 0.2)
    return crowd(service.settings.port, service.keys["shop"], [Wish(campaign, f"late{n}", f"late{n}") for n in range(40)])


@ON_POSTGRES
def test_processes_killed_at_every_point_of_a_claim_break_no_promise(service: Running, saboteurs: Saboteurs) -> None:
    service.publish(coupon("kills", total=TOTAL))
    wishes = [Wish("kills", f"u{n}", f"k{n}") for n in range(PEOPLE)]
    told = saboteurs.crowd(wishes)
    told += rest_of(service, "kills")
    assert {f"{one.status} {one.code}".strip() for one in told} == {"201", "409 sold_out"}
    served = {one.reward: one.wish for one in told if one.status == 201}
    assert len(served) == sum(one.status == 201 for one in told) == TOTAL
    check_invariants(service.services.database, told)
    with service.services.database.read() as connection:
        # Nobody was given anything without being told: all asked until they knew.
        assert set(connection.execute(select(rewards.c.id)).scalars()) == set(served)
        assert connection.execute(select(func.count()).where(slots.c.token == "")).scalar_one() == TOTAL
        # A reply is stored with its reward, or neither is there.
        assert connection.execute(select(func.count()).select_from(idempotency)).scalar_one() == TOTAL
    again = crowd(service.settings.port, service.keys["shop"], list(served.values()))
    assert {one.reward: one.wish for one in again} == served
    gate = service.services.keeper.gate(service.services.catalogue.live(MERCHANT, "kills", fresh=True)).tally()
    assert gate is not None
    assert (gate.taken, gate.leases, gate.budget_used) == (TOTAL, 0, TOTAL * 2000)


@ON_SQLITE
def test_a_budget_of_killed_processes_is_spent_to_its_last_coupon(service: Running, saboteurs: Saboteurs) -> None:
    # 2019.99 yuan pay 100 coupons of 20 yuan and no part of another.
    service.publish(coupon("purse", total=None, per_user=2, budget="2019.99"))
    wishes = [Wish("purse", f"u{n % 90}", f"k{n}") for n in range(PEOPLE)]
    told = saboteurs.crowd(wishes)
    told += rest_of(service, "purse")
    assert {f"{one.status} {one.code}".strip() for one in told} == {"201", "409 budget_exhausted"}
    assert len({one.reward for one in told if one.status == 201}) == sum(one.status == 201 for one in told) == TOTAL
    check_invariants(service.services.database, told)
