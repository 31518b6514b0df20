"""The gate of one campaign in Redis: it hands out slots under leases and turns losers away. It may be lost or stale; SQL decides.

When Redis is away every method raises `Unavailable` (fails closed): a gate that cannot count must not let anyone through.
All keys of a campaign share one hash tag, so the gate runs unchanged on a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campaigns.portions import Draw
from core.clock import to_millis
from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.scripts import Argument, Script

_SCRIPTS = Path(__file__).parent / "scripts"
STOCK = "stock"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `cap` for the holder of `token` (a keyed hash), under the name `kind`; one request takes `places` of them."""

    kind: str
    token: str
    cap: int
    places: int = 1


@dataclass(frozen=True, slots=True)
class Ask:
    """One request at the gate: `quantity` pieces of `pool` (None: no stock), and places under each limit.

    `request_id` makes retries harmless, `body_hash` tells another body under the same id. `draws` are counted in SQL alone.
    """

    request_id: str
    body_hash: str
    cost_fen: int
    limits: tuple[Limit, ...]
    pool: str | None = STOCK
    quantity: int = 1
    draws: tuple[Draw, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate said. `slots` counts only with code "ok" (empty: the stock has no limit, or none was asked for); `limit` names the limit that
    was reached, `left` what a sold-out pool still has, `epoch` the gate's when it is another."""

    code: str
    slots: tuple[int, ...] = ()
    limit: str | None = None
    left: int | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a gate counts at one moment: slots that are out (leased or taken) of each limited pool, leases, budget used in fen, attempts."""

    epoch: int
    pools: Mapping[str, int]
    leases: int
    budget_used: int
    attempts: int

    @property
    def taken(self) -> int:
        """Slots that are out, of all pools together."""
        return sum(self.pools.values())


@dataclass(frozen=True, slots=True)
class Returned:
    """What something committed held and gives back: slots of a pool, budget, and places under limits by (kind, token). `name` makes it happen once."""

    name: str
    pool: str | None
    slots: tuple[int, ...]
    cost_fen: int
    places: Mapping[tuple[str, str], int]


class Gate:
    """The gate of one campaign under one epoch. Cheap to make; holds no connection of its own."""

    def __init__(self, client: HotState, merchant: str, campaign: str, epoch: int) -> None:
        self._client = client
        self.merchant, self.campaign, self.epoch = merchant, campaign, epoch
        self.tag = f"{{sd:g:{merchant}:{campaign}}}"
        self.meta = f"{self.tag}:meta"

    def at_epoch(self, epoch: int) -> Gate:
        """The same campaign's gate under another epoch."""
        other = copy(self)
        other.epoch = epoch
        return other

    def key(self, name: str) -> str:
        return f"{self.tag}:{self.epoch}:{name}"

    def free_key(self, pool: str | None) -> str:
        return self.key(f"free:{pool or ''}")

    def limit_keys(self, kinds: Sequence[str]) -> list[str]:
        return [self.key(f"n:{kind}") for kind in kinds]

    def attempt(self, ask: Ask, now: datetime) -> Answer:
        """The first look. Codes: ok, seen, reused, no_pool, sold_out, budget, limit, reclaim, absent, epoch."""
        keys = [self.meta, self.key(f"q:{ask.request_id}"), self.free_key(ask.pool), self.key("leases"), *self._keys_of(ask)]
        head: list[Argument] = [self.epoch, to_millis(now), ask.cost_fen, ask.body_hash, ask.pool or "", ask.quantity]
        return _answer(_ATTEMPT.run(self._client, keys, [*head, *(part for limit in ask.limits for part in (limit.token, limit.cap, limit.places))]), ask)

    def take(self, ask: Ask, now: datetime, lease_ms: int, keep_ms: int) -> Answer:
        """Take slots until the lease ends. Codes as `attempt`, and `served` for a request that was confirmed before."""
        keys = [self.meta, self.key(f"q:{ask.request_id}"), self.free_key(ask.pool), self.key("leases"), self.key("held"), *self._keys_of(ask)]
        head: list[Argument] = [self.epoch, to_millis(now), ask.cost_fen, ask.body_hash, ask.pool or "", ask.quantity, ask.request_id, lease_ms, keep_ms]
        limits = (part for limit in ask.limits for part in (limit.token, limit.cap, limit.places, limit.kind))
        return _answer(_TAKE.run(self._client, keys, [*head, *limits]), ask)

    def confirm(self, request_id: str) -> bool:
        """Make the lease permanent, after the commit."""
        keys = [self.meta, self.key(f"q:{request_id}"), self.key("leases"), self.key("held")]
        return bool(_CONFIRM.run(self._client, keys, [self.epoch, request_id]))

    def release(self, request_id: str) -> bool:
        """Give a lease back, with its share of the budget and of the limits."""
        with hot_state_guard():
            lease = self._client.hget(self.key("held"), request_id)
        if lease is None:
            return False
        # The lease names its keys; the script makes sure that it is still the same.
        *_, tokens, pool = str(lease).split("|", 3)
        kinds = [token.partition("=")[0] for token in tokens.split(",") if token]
        keys = [self.meta, self.key(f"q:{request_id}"), self.free_key(pool), self.key("leases"), self.key("held"), *self.limit_keys(kinds)]
        return bool(_RELEASE.run(self._client, keys, [self.epoch, request_id, lease]))

    def give_back(self, returned: Returned, keep_ms: int = 86_400_000) -> bool:
        """Give back what something committed held."""
        places = list(returned.places.items())
        keys = [self.meta, self.key(f"b:{returned.name}"), self.free_key(returned.pool), *self.limit_keys([kind for (kind, _), _ in places])]
        head: list[Argument] = [self.epoch, ",".join(map(str, returned.slots)), returned.cost_fen, keep_ms]
        return bool(_GIVE_BACK.run(self._client, keys, [*head, *(part for (_, token), count in places for part in (token, count))]))

    def add_pool(self, pool: str, capacity: int | None, taken: Sequence[int]) -> bool:
        """Add a pool that this gate does not know, with the slots that SQL says are taken, in ascending order. False under another epoch."""
        top = taken[-1] + 1 if taken else 0
        freed = sorted(set(range(top)).difference(taken))
        arguments: list[Argument] = [self.epoch, pool, -1 if capacity is None else capacity, top, *freed]
        return int(_ADD_POOL.run(self._client, [self.meta, self.free_key(pool)], arguments)) >= 0

    def expired_leases(self, now: datetime, most: int = 200) -> list[str]:
        """Requests whose lease has ended without a word."""
        with hot_state_guard():
            return list(self._client.zrangebyscore(self.key("leases"), "-inf", to_millis(now), start=0, num=most))

    def has_lease(self, request_id: str) -> bool:
        with hot_state_guard():
            return self._client.zscore(self.key("leases"), request_id) is not None

    def tally(self) -> Tally | None:
        """The gate's own count, or None when there is no gate."""
        with hot_state_guard():
            meta: dict[str, str] = self._client.hgetall(self.meta)
            if "epoch" not in meta:
                return None
            limited = [name[4:] for name, capacity in meta.items() if name.startswith("cap:") and int(capacity) >= 0]
            pipe = self._client.pipeline(transaction=False)
            pipe.zcard(self.key("leases"))
            for pool in limited:
                pipe.zcard(self.free_key(pool))
            leases, *freed = pipe.execute()
        pools = {pool: int(meta[f"next:{pool}"]) - int(free) for pool, free in zip(limited, freed, strict=True)}
        return Tally(int(meta["epoch"]), pools, int(leases), int(meta["budget_used"]), int(meta.get("attempts", 0)))

    def _keys_of(self, ask: Ask) -> list[str]:
        return self.limit_keys([limit.kind for limit in ask.limits])


def _answer(raw: Sequence[str], ask: Ask) -> Answer:
    code, detail = raw
    if code == "ok":
        return Answer(code, slots=tuple(slot for slot in map(int, detail.split(",")) if slot >= 0) if detail else ())
    if code == "limit":
        return Answer(code, limit=ask.limits[int(detail) - 1].kind)
    if code == "sold_out":
        return Answer(code, left=int(detail))
    if code == "epoch":
        return Answer(code, epoch=int(detail))
    return Answer(code)


_ATTEMPT, _TAKE, _CONFIRM, _RELEASE, _GIVE_BACK, _ADD_POOL, SWAP = (
    Script(_SCRIPTS / f"{name}.lua") for name in ("attempt", "take", "confirm", "release", "give_back", "add_pool", "swap")
)
