"""Keeps gates standing: rebuilds one that is absent or stale, settles leases that ended without a word, and finds slots that leaked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import func, select

from campaigns.gate.model import Answer, Ask, Pool, Returned
from campaigns.gate.rebuild import rebuild
from campaigns.gate.split import AnyGate, gate_as_it_stands, open_gate
from campaigns.store import slots
from campaigns.store.playing import parts
from campaigns.store.slots import STOCK, GivenBack, resource_id
from campaigns.store.tables import budgets as budgets_table
from campaigns.store.tables import campaigns, resources, rewards
from campaigns.store.tables import slots as slots_table
from core.db.engine import Database
from core.errors import Unavailable
from core.hotstate.clients import HotState
from core.text import Text

log = structlog.get_logger(__name__)
# A customer waits for so many batches of ended leases to be settled; the last look finds none and tells the gate.
_BATCHES = 4


class HasGate(Protocol):
    """A campaign as it stands (`campaigns.catalogue.Standing`)."""

    @property
    def merchant(self) -> str: ...
    @property
    def campaign_id(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def gate_parts(self) -> int: ...
    def at(self, epoch: int) -> HasGate: ...
    def pool_size(self, pool: str) -> int | None: ...
    def pool_closes(self, pool: str) -> datetime | None: ...
    def due_pools(self, now: datetime) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class GateKeeper:
    """Works on the gates of all campaigns; any number of keepers may work at once."""

    database: Database
    client: HotState
    keep: timedelta

    @property
    def keep_ms(self) -> int:
        return int(self.keep / timedelta(milliseconds=1))

    def gate(self, standing: HasGate) -> AnyGate:
        return open_gate(self.client, standing.merchant, standing.campaign_id, standing.epoch, standing.gate_parts)

    def settled(self, gate: AnyGate, question: Callable[[], Answer], now: datetime, missing: Callable[[], None] = lambda: None) -> Answer:
        """Ask the gate; what the gate cannot answer is mended first.

        `reclaim` settles ended leases and asks again, `no_pool` has `missing` add the pool; `absent` and `epoch` rebuild or wait, and are
        returned: the caller starts over.
        """
        answer = question()
        if answer.code == "no_pool":
            missing()
            answer = question()
        if answer.code == "reclaim":
            self.settle_leases(gate, now)
            answer = question()
            # Still full of ended leases: more than a few batches of them. Nothing is sold out yet, so ask the client to come again.
            return answer if answer.code != "reclaim" else self._busy()
        if answer.code in ("absent", "epoch"):
            self._mend(gate, answer, now)
        return answer

    def add_pool(self, standing: HasGate, pool: str, now: datetime) -> None:
        """Make a stock that comes to be at its first use, such as a session's, and tell the gate. One that the live version does not have is told as
        it was declared, for what began before."""
        resource = resource_id(standing.merchant, standing.campaign_id, STOCK, pool)
        with self.database.write() as connection:
            try:
                size = standing.pool_size(pool)
            except KeyError:
                size = slots.capacity_of(connection, resource)
            else:
                if size is not None:
                    slots.declare(connection, standing.merchant, standing.campaign_id, STOCK, size, pool, standing.pool_closes(pool))
            taken = slots.taken_slots(connection, resource)
        if size is None:
            return
        # Exact, although the transaction is over: nobody takes a slot of a pool that no gate of this epoch knows.
        self.gate(standing).add_pool(Pool(pool, size, tuple(taken)))

    def rebuild(self, standing: HasGate, now: datetime) -> int:
        """Raise the epoch and rebuild, because the gate of `standing` was found wrong."""
        return rebuild(self.database, self.client, self.gate(standing), now, standing.epoch, self.keep)

    def settle_leases(self, gate: AnyGate, now: datetime) -> int:
        """Look at leases that ended: where SQL has the reward the slot is taken for good, elsewhere it goes back. Returns how many."""
        settled = 0
        for _ in range(_BATCHES):
            ended = gate.expired_leases(now)
            if not ended:
                break
            settled += self._settle(gate, ended)
        return settled

    def _settle(self, gate: AnyGate, ended: Sequence[str]) -> int:
        served: set[str] = set()
        with self.database.read() as connection:
            for table in (rewards, parts):
                of_it = (table.c.merchant == gate.merchant, table.c.campaign == gate.campaign, table.c.request_id.in_(ended))
                served.update(connection.execute(select(table.c.request_id).where(*of_it)).scalars())
        for request_id in ended:
            if request_id in served:
                gate.confirm(request_id, self.keep_ms)
            else:
                gate.release(request_id)
        log.info("leases_settled", campaign=gate.campaign, ended=len(ended), served=len(served))
        return len(ended)

    def tend(self, standing: HasGate, now: datetime) -> int:
        """The sweeper's round for one gate: settle ended leases, then compare what is free here with what SQL says is free.

        Both sides move while we look, so only a difference that holds still (same gate before and after SQL was read) is a leak.
        """
        gate = self.gate(standing)
        settled = self.settle_leases(gate, now)
        before = gate.tally()
        if before is None:
            # Lost, or never built: better now than while the first customer waits.
            self._warm(standing.at(self.rebuild(standing, now)), (), now)
            return settled
        self._warm(standing, before.pools, now)
        if before.epoch != standing.epoch or before.leases:
            return settled
        taken, used = self._truth(gate, before.pools)
        if (before.pools != taken or before.budget_used != used) and gate.tally() == before:
            log.warning("gate_leaks", campaign=gate.campaign, gate_taken=before.taken, sql_taken=sum(taken.values()))
            self.rebuild(standing, now)
        return settled

    def _warm(self, standing: HasGate, known: Iterable[str], now: datetime) -> None:
        """Build the gate of stocks that are about to open; nothing is taken of them before they are."""
        for pool in standing.due_pools(now):
            if pool not in known:
                self.add_pool(standing, pool, now)

    def release_quietly(self, gate: AnyGate, ask: Ask) -> None:
        """Give the lease back; when Redis is away the lease ends by itself."""
        try:
            gate.release(ask.request_id)
        except Unavailable:
            log.warning("lease_left_to_end", campaign=gate.campaign)

    def confirm_quietly(self, gate: AnyGate, ask: Ask) -> None:
        """Confirm the lease; when Redis is away the sweeper finds the reward in SQL."""
        try:
            gate.confirm(ask.request_id, self.keep_ms)
        except Unavailable:
            log.warning("confirm_left_to_sweeper", campaign=gate.campaign)

    def give_back_quietly(self, given: GivenBack) -> None:
        """After SQL has deleted slots: let the gate hand them out again. When Redis is away the sweeper finds the difference.

        A gate that was rebuilt since the void knows of it already and gives nothing back twice.
        """
        pools = {one.pool for one in given.held if one.kind == STOCK}
        places: dict[tuple[str, str], int] = {}
        for one in given.held:
            if one.token:
                places[one.kind, one.token] = places.get((one.kind, one.token), 0) + 1
        # A holder has pieces of one stock only.
        pool = next(iter(pools), None)
        taken = tuple(one.slot for one in given.held if one.kind == STOCK)
        try:
            gate = gate_as_it_stands(self.client, given.merchant, given.campaign, given.epoch)
            gate.give_back(Returned(given.name, pool, taken, given.cost_fen, places), self.keep_ms)
        except Unavailable:
            log.warning("give_back_left_to_sweeper", campaign=given.campaign)

    def _truth(self, gate: AnyGate, pools: Iterable[str]) -> tuple[dict[str, int], int]:
        """How many slots of each of these stocks are taken, and how much of the budget, as SQL says."""
        mine = (resources.c.merchant == gate.merchant, resources.c.campaign == gate.campaign, resources.c.kind == STOCK)
        counted = select(resources.c.pool, func.count()).join(slots_table, slots_table.c.resource_id == resources.c.id).where(*mine).group_by(resources.c.pool)
        used = select(budgets_table.c.used_fen).where(budgets_table.c.merchant == gate.merchant, budgets_table.c.campaign == gate.campaign)
        with self.database.read() as connection:
            found = {pool: int(count) for pool, count in connection.execute(counted)}
            return {pool: found.get(pool, 0) for pool in pools}, int(connection.execute(used).scalar_one())

    def _mend(self, gate: AnyGate, answer: Answer, now: datetime) -> None:
        query = select(campaigns.c.gate_epoch).where(campaigns.c.merchant == gate.merchant, campaigns.c.id == gate.campaign)
        with self.database.read() as connection:
            current = connection.execute(query).scalar_one()
        if answer.code == "epoch" and answer.epoch == current:
            return
        rebuild(self.database, self.client, gate, now, None, self.keep)

    @staticmethod
    def _busy() -> Answer:
        raise Unavailable("gate_settling", Text(zh="活动闸口正在整理,请稍后重试。", en="the gate is settling ended leases; try again shortly"))
