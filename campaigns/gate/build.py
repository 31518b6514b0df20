"""Filling a gate under a new epoch from what SQL says, and putting it in place with one script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.gate.gate import Gate
from campaigns.gate.model import Pool, count_field
from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.scripts import Script

_CHUNK = 1000
# A builder that dies leaves what it built aside; nobody needs it after this time.
_ASIDE_MS = 600_000
_SWAP = Script(Path(__file__).parent / "scripts" / "swap.lua")


@dataclass(frozen=True, slots=True)
class Truth:
    """What SQL says of a campaign's scarce things at the moment its epoch was raised. -1 means without limit.

    `counts` are by kind and token; `served` are requests with the hash of their body.
    """

    epoch: int
    pools: tuple[Pool, ...]
    counts: dict[str, dict[str, int]]
    budget_cap: int
    budget_used: int
    served: tuple[tuple[str, str], ...]

    def part(self, number: int, parts: int) -> Truth:
        """What one of several parts must know. Counts of customers are told to all, what was spent to the first."""
        pools = tuple(pool.part(number, parts) for pool in self.pools)
        return Truth(self.epoch, pools, self.counts, self.budget_cap, self.budget_used if number == 0 else 0, self.served)


def build(client: HotState, gate: Gate, truth: Truth, keep_ms: int) -> int:
    """Write the keys of `gate` and swap it in; returns the epoch that stood before, -1 when a later one stands already. What is gone is dropped."""
    before = gate.tally()
    aside = gate.key("aside")
    with hot_state_guard():
        # Nobody knows these names yet; a builder that was thought dead may have left some.
        client.unlink(aside, gate.key("leases"), *(gate.free_key(pool.name) for pool in truth.pools))
        for pool in truth.pools:
            _send(client, (("ZADD", gate.free_key(pool.name), slot, slot) for slot in pool.freed))
        _send(client, (("HSET", aside, field, value) for field, value in _fields(truth)))
        client.pexpire(aside, _ASIDE_MS)
        _send(client, (("SET", gate.request_key(request), body, "PX", keep_ms) for request, body in truth.served))
    stood = int(_SWAP.run(client, [gate.meta, aside], [truth.epoch]))
    known = {pool.name for pool in truth.pools}.union(before.pools if before is not None else ())
    _drop(client, gate.at_epoch(stood if stood >= 0 else truth.epoch), known)
    return stood


def _fields(truth: Truth) -> Iterator[tuple[str, str | int]]:
    yield from {"epoch": truth.epoch, "budget_cap": truth.budget_cap, "budget_used": truth.budget_used}.items()
    yield "pools", "".join(f"{pool.name}\n" for pool in truth.pools)
    for pool in truth.pools:
        yield from {f"cap:{pool.name}": pool.capacity, f"next:{pool.name}": pool.top, f"back:{pool.name}": len(pool.freed)}.items()
    for kind, counts in truth.counts.items():
        for token, count in counts.items():
            yield count_field(kind, token), count


def _drop(client: HotState, gone: Gate, pools: Iterable[str]) -> None:
    with hot_state_guard():
        client.unlink(gone.key("leases"), gone.key("aside"), *(gone.free_key(pool) for pool in pools))


def _send(client: HotState, commands: Iterable[tuple[str | int, ...]]) -> None:
    pipe, waiting = client.pipeline(transaction=False), 0
    for command in commands:
        pipe.execute_command(*command)
        waiting += 1
        if waiting == _CHUNK:
            pipe.execute()
            waiting = 0
    if waiting:
        pipe.execute()
