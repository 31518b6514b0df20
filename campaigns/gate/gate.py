"""The gate of one campaign in Redis: it hands out slots under leases and turns losers away. It may be lost or stale; SQL decides.

When Redis is away every method raises `Unavailable` (fails closed): a gate that cannot count must not let anyone through.
All keys of a campaign share one hash tag, so the gate runs unchanged on a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.clock import to_millis
from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.scripts import Script

_SCRIPTS = Path(__file__).parent / "scripts"
LIMIT_KINDS = ("user", "device", "phone")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `cap` for the holder of `token` (a keyed hash); `kind` is user, device or phone."""

    kind: str
    token: str
    cap: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One request at the gate. `request_id` makes retries harmless, `body_hash` tells another body under the same id."""

    request_id: str
    body_hash: str
    cost_fen: int
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate said. `slot` counts only with code "ok"; `limit` names the limit that was reached, `epoch` the gate's when it is another."""

    code: str
    slot: int | None = None
    limit: str | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a gate counts at one moment: slots that are out (leased or taken), live or ended leases, budget used in fen."""

    epoch: int
    limited: bool
    taken: int
    leases: int
    budget_used: int
    attempts: int


class Gate:
    """The gate of one campaign under one epoch. Cheap to make; holds no connection of its own."""

    def __init__(self, client: HotState, merchant: str, campaign: str, epoch: int, limit_kinds: tuple[str, ...] = LIMIT_KINDS) -> None:
        self._client = client
        self.merchant, self.campaign, self.epoch = merchant, campaign, epoch
        # In one fixed order, because a lease remembers the tokens of its limits by position.
        self._kinds = tuple(kind for kind in LIMIT_KINDS if kind in limit_kinds)
        self.tag = f"{{sd:g:{merchant}:{campaign}}}"
        self.meta = f"{self.tag}:meta"

    def at_epoch(self, epoch: int) -> Gate:
        """The same campaign's gate under another epoch."""
        other = copy(self)
        other.epoch = epoch
        return other

    def key(self, name: str) -> str:
        return f"{self.tag}:{self.epoch}:{name}"

    def limit_keys(self, kinds: Sequence[str]) -> list[str]:
        return [self.key(f"n:{kind}") for kind in kinds]

    def attempt(self, ask: Ask, now: datetime) -> Answer:
        """The first look. Codes: ok, seen, reused, sold_out, budget, limit, reclaim, absent, epoch."""
        keys = [self.meta, self.key(f"q:{ask.request_id}"), self.key("free"), self.key("leases"), *self._limit_keys(ask)]
        arguments: list[str | int] = [self.epoch, to_millis(now), ask.cost_fen, ask.body_hash, *_tokens_and_caps(ask)]
        return _answer(_ATTEMPT.run(self._client, keys, arguments), ask)

    def take(self, ask: Ask, now: datetime, lease_ms: int, keep_ms: int) -> Answer:
        """Take a slot until the lease ends. Codes as `attempt`, and `served` for a request that was confirmed before."""
        keys = [self.meta, self.key(f"q:{ask.request_id}"), self.key("free"), self.key("leases"), self.key("held"), *self._limit_keys(ask)]
        head: list[str | int] = [self.epoch, to_millis(now), ask.cost_fen, ask.body_hash, ask.request_id, lease_ms, keep_ms]
        return _answer(_TAKE.run(self._client, keys, [*head, *_tokens_and_caps(ask)]), ask)

    def confirm(self, request_id: str) -> bool:
        """Make the lease permanent, after the commit."""
        keys = [self.meta, self.key(f"q:{request_id}"), self.key("leases"), self.key("held")]
        return bool(_CONFIRM.run(self._client, keys, [self.epoch, request_id]))

    def release(self, request_id: str) -> bool:
        """Give a lease back, with its share of the budget and of the limits."""
        keys = [self.meta, self.key(f"q:{request_id}"), self.key("free"), self.key("leases"), self.key("held"), *self.limit_keys(self._kinds)]
        return bool(_RELEASE.run(self._client, keys, [self.epoch, request_id]))

    def give_back(self, reward_id: str, slot: int, cost_fen: int, tokens: dict[str, str], keep_ms: int = 86_400_000) -> bool:
        """Give back what a committed reward held; `tokens` maps the kind of a limit to the keyed hash it counted."""
        keys = [self.meta, self.key(f"b:{reward_id}"), self.key("free"), *self.limit_keys(LIMIT_KINDS)]
        arguments: list[str | int] = [self.epoch, slot, cost_fen, keep_ms, *(tokens.get(kind, "") for kind in LIMIT_KINDS)]
        return bool(_GIVE_BACK.run(self._client, keys, arguments))

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
            meta = self._client.hmget(self.meta, ["epoch", "capacity", "next", "budget_used", "attempts"])
            if meta[0] is None:
                return None
            freed, leases = (int(self._client.zcard(self.key(name))) for name in ("free", "leases"))
        return Tally(int(meta[0]), int(meta[1]) >= 0, int(meta[2]) - freed, leases, int(meta[3]), int(meta[4] or 0))

    def _limit_keys(self, ask: Ask) -> list[str]:
        return self.limit_keys([limit.kind for limit in ask.limits])


def _tokens_and_caps(ask: Ask) -> list[str | int]:
    return [part for limit in ask.limits for part in (limit.token, limit.cap)]


def _answer(raw: Sequence[str], ask: Ask) -> Answer:
    code, detail = raw
    if code == "ok" and detail:
        return Answer(code, slot=int(detail))
    if code == "limit":
        return Answer(code, limit=ask.limits[int(detail) - 1].kind)
    if code == "epoch":
        return Answer(code, epoch=int(detail))
    return Answer(code)


_ATTEMPT, _TAKE, _CONFIRM, _RELEASE, _GIVE_BACK, SWAP = (
    Script(_SCRIPTS / f"{name}.lua") for name in ("attempt", "take", "confirm", "release", "give_back", "swap")
)
