"""Keeps gates standing: rebuilds one that is absent or stale, settles leases that ended without a word, and finds slots that leaked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import func, select

from campaigns.gate.gate import Answer, Ask, Gate
from campaigns.gate.rebuild import rebuild
from campaigns.rewards import GivenBack
from campaigns.store import slots
from campaigns.store.tables import budgets as budgets_table
from campaigns.store.tables import campaigns, rewards
from campaigns.store.tables import slots as slots_table
from core.db.engine import Database
from core.errors import Unavailable
from core.hotstate.clients import HotState
from core.text import Text

log = structlog.get_logger(__name__)


class HasGate(Protocol):
    """A campaign as it stands (`campaigns.catalogue.Standing`)."""

    @property
    def merchant(self) -> str: ...
    @property
    def campaign_id(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def limit_kinds(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class GateKeeper:
    """Works on the gates of all campaigns; any number of keepers may work at once."""

    database: Database
    client: HotState
    keep: timedelta

    def gate(self, standing: HasGate) -> Gate:
        return Gate(self.client, standing.merchant, standing.campaign_id, standing.epoch, standing.limit_kinds)

    def settled(self, gate: Gate, question: Callable[[], Answer], now: datetime) -> Answer:
        """Ask the gate; what the gate cannot answer is mended first.

        `reclaim` settles ended leases and asks again; `absent` and `epoch` rebuild or wait, and are returned: the caller starts over.
        """
        answer = question()
        if answer.code == "reclaim":
            self.settle_leases(gate, now)
            answer = question()
            # Still full of ended leases: more than one batch of them. Nothing is sold out yet, so ask the client to come again.
            return answer if answer.code != "reclaim" else self._busy()
        if answer.code in ("absent", "epoch"):
            self._mend(gate, answer, now)
        return answer

    def rebuild(self, standing: HasGate, now: datetime) -> int:
        """Raise the epoch and rebuild, because the gate of `standing` was found wrong."""
        return rebuild(self.database, self.client, standing.merchant, standing.campaign_id, now, standing.epoch, self.keep)

    def settle_leases(self, gate: Gate, now: datetime) -> int:
        """Look at leases that ended: where SQL has the reward the slot is taken for good, elsewhere it goes back. Returns how many."""
        ended = gate.expired_leases(now)
        if not ended:
            return 0
        of_it = (rewards.c.merchant == gate.merchant, rewards.c.campaign == gate.campaign, rewards.c.request_id.in_(ended))
        with self.database.read() as connection:
            served = set(connection.execute(select(rewards.c.request_id).where(*of_it)).scalars())
        for request_id in ended:
            if request_id in served:
                gate.confirm(request_id)
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
            self.rebuild(standing, now)
            return settled
        if before.epoch != standing.epoch or before.leases:
            return settled
        stock = slots.resource_id(standing.merchant, standing.campaign_id, "stock")
        with self.database.read() as connection:
            taken = connection.execute(select(func.count()).where(slots_table.c.resource_id == stock)).scalar_one()
            used = connection.execute(
                select(budgets_table.c.used_fen).where(budgets_table.c.merchant == gate.merchant, budgets_table.c.campaign == gate.campaign)
            ).scalar_one()
        leaks = (before.taken != taken and before.limited) or before.budget_used != used
        if leaks and gate.tally() == before:
            log.warning("gate_leaks", campaign=gate.campaign, gate_taken=before.taken, sql_taken=taken)
            self.rebuild(standing, now)
        return settled

    def release_quietly(self, gate: Gate, ask: Ask) -> None:
        """Give the lease back; when Redis is away the lease ends by itself."""
        try:
            gate.release(ask.request_id)
        except Unavailable:
            log.warning("lease_left_to_end", campaign=gate.campaign)

    def confirm_quietly(self, gate: Gate, ask: Ask) -> None:
        """Confirm the lease; when Redis is away the sweeper finds the reward in SQL."""
        try:
            gate.confirm(ask.request_id)
        except Unavailable:
            log.warning("confirm_left_to_sweeper", campaign=gate.campaign)

    def give_back_quietly(self, given: GivenBack) -> None:
        """After SQL has deleted a reward's slots: let the gate hand them out again. When Redis is away the sweeper finds the difference.

        A gate that was rebuilt since the void knows of it already and gives nothing back twice.
        """
        reward = given.reward
        stock = next((one.slot for one in given.held if one.kind == "stock"), -1)
        tokens = {one.kind: one.token for one in given.held if one.kind != "stock"}
        try:
            Gate(self.client, reward.merchant, reward.campaign, given.epoch).give_back(reward.id, stock, reward.face_fen, tokens)
        except Unavailable:
            log.warning("give_back_left_to_sweeper", campaign=reward.campaign)

    def _mend(self, gate: Gate, answer: Answer, now: datetime) -> None:
        query = select(campaigns.c.gate_epoch).where(campaigns.c.merchant == gate.merchant, campaigns.c.id == gate.campaign)
        with self.database.read() as connection:
            current = connection.execute(query).scalar_one()
        if answer.code == "epoch" and answer.epoch == current:
            return
        rebuild(self.database, self.client, gate.merchant, gate.campaign, now, None, self.keep)

    @staticmethod
    def _busy() -> Answer:
        raise Unavailable("gate_settling", Text(zh="活动闸口正在整理,请稍后重试。", en="the gate is settling ended leases; try again shortly"))
