"""The gate of one campaign in Redis: it hands out slots under leases and turns losers away. It may be lost or stale; SQL decides.

When Redis is away every method raises `Unavailable` (fails closed): a gate that cannot count must not let anyone through.
All keys of a gate share one hash tag, so it runs unchanged on a cluster; one that stands in several parts is `campaigns.gate.split`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import datetime
from pathlib import Path

from campaigns.gate.model import Answer, Ask, Pool, Returned, Tally, count_field
from core.clock import to_millis
from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.scripts import Argument, Script

_SCRIPTS = Path(__file__).parent / "scripts"


class Gate:
    """The gate of one campaign under one epoch. Cheap to make; holds no connection of its own."""

    parts = 1

    def __init__(self, client: HotState, merchant: str, campaign: str, epoch: int, part: str = "") -> None:
        self._client = client
        self.merchant, self.campaign, self.epoch = merchant, campaign, epoch
        self.tag = f"{{sd:gate:{merchant}:{campaign}{part}}}"
        self.meta = f"{self.tag}:meta"
        self.build_lock = f"{self.tag}:0:build"

    def at_epoch(self, epoch: int) -> Gate:
        """The same campaign's gate under another epoch."""
        other = copy(self)
        other.epoch = epoch
        return other

    def key(self, name: str) -> str:
        return f"{self.tag}:{self.epoch}:{name}"

    def free_key(self, pool: str | None) -> str:
        return self.key(f"free:{pool or ''}")

    def request_key(self, request_id: str) -> str:
        return self.key(f"q:{request_id}")

    def attempt(self, ask: Ask, now: datetime) -> Answer:
        """The first look. Codes: ok, seen, reused, no_pool, sold_out, budget, limit, reclaim, absent, epoch."""
        return _answer(ATTEMPT.run(self._client, *self.attempt_call(ask, to_millis(now))), ask)

    def take(self, ask: Ask, now: datetime, lease_ms: int) -> Answer:
        """Take slots until the lease ends. Codes as `attempt`, and `served` for a request that was confirmed before."""
        return _answer(TAKE.run(self._client, *self.take_call(ask, to_millis(now), lease_ms)), ask)

    def attempt_call(self, ask: Ask, now_ms: int) -> tuple[Sequence[str], Sequence[Argument]]:
        """The keys and arguments of a first look."""
        return self._keys(ask), [*self._head(ask, now_ms), *_limits(ask)]

    def take_call(self, ask: Ask, now_ms: int, lease_ms: int) -> tuple[Sequence[str], Sequence[Argument]]:
        """The keys and arguments of a taking."""
        counted = ",".join(f"{limit.kind}:{limit.token}*{limit.places}" for limit in ask.limits)
        return self._keys(ask), [*self._head(ask, now_ms), now_ms + lease_ms, f"{ask.cost_fen}|{counted}|{ask.pool or ''}", *_limits(ask)]

    def confirm(self, request_id: str, keep_ms: int) -> bool:
        """Make the lease permanent, after the commit; the request is known as served for `keep_ms`."""
        keys = [self.meta, self.request_key(request_id), self.key("leases")]
        return bool(_CONFIRM.run(self._client, keys, [self.epoch, request_id, keep_ms]))

    def release(self, request_id: str) -> bool:
        """Give a lease back, with its share of the budget and of the limits."""
        with hot_state_guard():
            lease = self._client.hget(self.key("leases"), request_id)
        if lease is None:
            return False
        # The lease names its pool and with it the key; the script makes sure that it is still the same.
        pool = str(lease).split("|", 5)[5]
        return bool(_RELEASE.run(self._client, [self.meta, self.key("leases"), self.free_key(pool)], [self.epoch, request_id, pool]))

    def give_back(self, returned: Returned, keep_ms: int = 86_400_000) -> bool:
        """Give back what something committed held."""
        keys = [self.meta, self.key(f"b:{returned.name}"), self.free_key(returned.pool)]
        head: list[Argument] = [self.epoch, ",".join(map(str, returned.slots)), returned.cost_fen, keep_ms, returned.pool or ""]
        counts = (part for (kind, token), count in returned.places.items() for part in (count_field(kind, token), count))
        return bool(_GIVE_BACK.run(self._client, keys, [*head, *counts]))

    def add_pool(self, pool: Pool) -> bool:
        """Add a stock that this gate does not know, as SQL has it. False under another epoch."""
        arguments: list[Argument] = [self.epoch, pool.name, pool.capacity, pool.top, *pool.freed]
        return int(_ADD_POOL.run(self._client, [self.meta, self.free_key(pool.name)], arguments)) >= 0

    def expired_leases(self, now: datetime, most: int = 200) -> list[str]:
        """Requests whose lease has ended without a word. When there is none the gate notes when to look again."""
        return list(_ENDED.run(self._client, [self.meta, self.key("leases")], [self.epoch, to_millis(now), most]))

    def has_lease(self, request_id: str) -> bool:
        with hot_state_guard():
            return bool(self._client.hexists(self.key("leases"), request_id))

    def standing_epoch(self) -> int | None:
        """The epoch of the gate that stands, None without one."""
        with hot_state_guard():
            epoch = self._client.hget(self.meta, "epoch")
        return None if epoch is None else int(epoch)

    def tally(self) -> Tally | None:
        """The gate's own count, or None when there is no gate."""
        with hot_state_guard():
            epoch, used, names = self._client.hmget(self.meta, ["epoch", "budget_used", "pools"])
            if epoch is None:
                return None
            pools = [name for name in (names or "").split("\n") if name]
            pipe = self._client.pipeline(transaction=False)
            pipe.hlen(self.key("leases"))
            for pool in pools:
                pipe.hmget(self.meta, [f"cap:{pool}", f"next:{pool}"])
                pipe.zcard(self.free_key(pool))
            leases, *found = pipe.execute()
        counts = {pool: int(following) - int(free) for pool, (cap, following), free in zip(pools, found[::2], found[1::2], strict=True) if int(cap) >= 0}
        return Tally(int(epoch), counts, int(leases), int(used))

    def _keys(self, ask: Ask) -> list[str]:
        return [self.meta, self.request_key(ask.request_id), self.key("leases"), self.free_key(ask.pool)]

    def _head(self, ask: Ask, now_ms: int) -> list[Argument]:
        return [self.epoch, now_ms, ask.cost_fen, ask.pool or "", ask.quantity, ask.body_hash, ask.request_id]


def _limits(ask: Ask) -> list[Argument]:
    limits = ask.limits
    return [*(limit.field for limit in limits), *(limit.cap for limit in limits), *(limit.places for limit in limits)]


def _answer(raw: str, ask: Ask) -> Answer:
    code, _, detail = raw.partition(" ")
    if code == "ok":
        return Answer(code, slots=tuple(slot for slot in map(int, detail.split(",")) if slot >= 0) if detail else ())
    if code == "limit":
        return Answer(code, limit=ask.limits[int(detail) - 1].kind)
    if code == "sold_out":
        return Answer(code, left=int(float(detail)))
    if code == "epoch":
        return Answer(code, epoch=int(detail))
    return Answer(code)


ATTEMPT, TAKE, _CONFIRM, _RELEASE, _GIVE_BACK, _ADD_POOL, _ENDED = (
    Script(_SCRIPTS / f"{name}.lua") for name in ("attempt", "take", "confirm", "release", "give_back", "add_pool", "ended")
)
