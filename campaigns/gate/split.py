"""A gate in several parts, each under a hash tag of its own, so that one very hot stock is not bound to one server of a cluster.

Slot k belongs to part k mod n. A customer's home part counts their limits; when it is sold out the others are asked, and SQL, which counts all,
has the last word on limits. A part that was found empty is left alone for a moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import copy
from datetime import datetime
from typing import TypeAlias
from zlib import crc32

from campaigns.gate.build import Truth, build
from campaigns.gate.gate import Gate
from campaigns.gate.model import Answer, Ask, Pool, Returned, Tally
from core.hotstate.clients import HotState, hot_state_guard

EMPTY_SECONDS = 0.1
_EMPTY_MAX = 10_000
_PARTS = "parts"
# Until when this process takes a part's stock for empty, by (the part's tag, epoch, stock).
_empty: dict[tuple[str, int, str | None], float] = {}


class SplitGate:
    """As `Gate`, in `parts` parts. It remembers where its leases are, for as long as one command lives."""

    def __init__(self, client: HotState, merchant: str, campaign: str, epoch: int, parts: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.merchant, self.campaign, self.epoch, self.parts = merchant, campaign, epoch, parts
        self.gates = [Gate(client, merchant, campaign, epoch, f"#{number}") for number in range(parts)]
        self.build_lock = Gate(client, merchant, campaign, 0).build_lock
        self._monotonic = monotonic
        self._at: dict[str, int] = {}

    def at_epoch(self, epoch: int) -> SplitGate:
        """The same gate under another epoch."""
        other = copy(self)
        other.epoch, other.gates, other._at = epoch, [gate.at_epoch(epoch) for gate in self.gates], {}
        return other

    def attempt(self, ask: Ask, now: datetime) -> Answer:
        """The first look, at the home part first."""
        return self._in_turn(ask, lambda gate: gate.attempt(ask, now))

    def take(self, ask: Ask, now: datetime, lease_ms: int) -> Answer:
        """Take slots of one part; a request for more pieces than any part has left is sold out."""
        return self._in_turn(ask, lambda gate: gate.take(ask, now, lease_ms))

    def confirm(self, request_id: str, keep_ms: int) -> bool:
        return any(gate.confirm(request_id, keep_ms) for gate in self._holding(request_id))

    def release(self, request_id: str) -> bool:
        return any(gate.release(request_id) for gate in self._holding(request_id))

    def has_lease(self, request_id: str) -> bool:
        return any(gate.has_lease(request_id) for gate in self._holding(request_id))

    def give_back(self, returned: Returned, keep_ms: int = 86_400_000) -> bool:
        """Slots go to their part. Places are given back in every part: after a rebuild all of them count the customer."""
        given = False
        for number, gate in enumerate(self.gates):
            mine = tuple(slot // self.parts for slot in returned.slots if slot % self.parts == number)
            cost = returned.cost_fen if number == (returned.slots[0] % self.parts if returned.slots else 0) else 0
            given |= gate.give_back(Returned(returned.name, returned.pool, mine, cost, returned.places), keep_ms)
        return given

    def add_pool(self, pool: Pool) -> bool:
        return all([gate.add_pool(pool.part(number, self.parts)) for number, gate in enumerate(self.gates)])

    def expired_leases(self, now: datetime, most: int = 200) -> list[str]:
        found: list[str] = []
        for number, gate in enumerate(self.gates):
            ended = gate.expired_leases(now, most)
            self._at |= dict.fromkeys(ended, number)
            found += ended
        return found

    def standing_epoch(self) -> int | None:
        """The epoch that all parts have, None when they differ or one is absent."""
        found = {gate.standing_epoch() for gate in self.gates}
        return found.pop() if len(found) == 1 else None

    def tally(self) -> Tally | None:
        """The sum of the parts; None when one is absent or another epoch stands there."""
        tallies = [gate.tally() for gate in self.gates]
        whole = [tally for tally in tallies if tally is not None]
        if len(whole) < self.parts or len({tally.epoch for tally in whole}) > 1:
            return None
        pools = {pool: sum(tally.pools.get(pool, 0) for tally in whole) for pool in whole[0].pools}
        return Tally(whole[0].epoch, pools, sum(tally.leases for tally in whole), sum(tally.budget_used for tally in whole))

    def _in_turn(self, ask: Ask, question: Callable[[Gate], Answer]) -> Answer:
        """Ask the parts from the customer's home on until one does not say that it is sold out."""
        best = Answer("sold_out", left=0)
        for number in self._order(ask):
            answer = question(self.gates[number])
            if answer.code == "ok":
                self._at[ask.request_id] = number
                return Answer("ok", tuple(slot * self.parts + number for slot in answer.slots))
            if answer.code != "sold_out":
                return answer
            if not answer.left:
                self._note_empty(number, ask.pool)
            best = max(best, answer, key=lambda one: one.left or 0)
        return best

    def _order(self, ask: Ask) -> Iterator[int]:
        home = crc32(ask.home.encode()) % self.parts
        yield home
        now = self._monotonic()
        for step in range(1, self.parts):
            number = (home + step) % self.parts
            if _empty.get(self._name(number, ask.pool), 0.0) <= now:
                yield number

    def _note_empty(self, number: int, pool: str | None) -> None:
        if len(_empty) >= _EMPTY_MAX:
            _empty.clear()
        _empty[self._name(number, pool)] = self._monotonic() + EMPTY_SECONDS

    def _name(self, number: int, pool: str | None) -> tuple[str, int, str | None]:
        return self.gates[number].tag, self.epoch, pool

    def _holding(self, request_id: str) -> list[Gate]:
        """The part that holds the request's lease; all of them when this object did not see it taken."""
        return [self.gates[self._at[request_id]]] if request_id in self._at else self.gates


AnyGate: TypeAlias = Gate | SplitGate


def open_gate(client: HotState, merchant: str, campaign: str, epoch: int, parts: int = 1) -> AnyGate:
    """The gate of a campaign, in so many parts."""
    return Gate(client, merchant, campaign, epoch) if parts == 1 else SplitGate(client, merchant, campaign, epoch, parts)


def gate_as_it_stands(client: HotState, merchant: str, campaign: str, epoch: int) -> AnyGate:
    """The gate for somebody who does not know the campaign's file: a gate in parts leaves their number where a whole one would stand."""
    with hot_state_guard():
        parts = client.hget(Gate(client, merchant, campaign, 0).meta, _PARTS)
    return open_gate(client, merchant, campaign, epoch, int(parts or 1))


def build_all(client: HotState, gate: AnyGate, truth: Truth, keep_ms: int) -> None:
    """Fill a gate, or every part of one; what stood in other parts before goes."""
    before = gate_as_it_stands(client, gate.merchant, gate.campaign, truth.epoch)
    if isinstance(gate, Gate):
        build(client, gate, truth, keep_ms)
    else:
        for number, part in enumerate(gate.gates):
            build(client, part, truth.part(number, gate.parts), keep_ms)
        with hot_state_guard():
            whole = Gate(client, gate.merchant, gate.campaign, 0).meta
            client.hset(whole, _PARTS, gate.parts)
            client.hdel(whole, "epoch")
    if isinstance(before, SplitGate) and before.parts != gate.parts:
        with hot_state_guard():
            for gone in before.gates[gate.parts if gate.parts > 1 else 0 :]:
                client.unlink(gone.meta)
