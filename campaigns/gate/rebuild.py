"""Rebuilding a gate from SQL under a new epoch. Raising the epoch waits for transactions that still use the old one, so the copy is exact."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from campaigns.gate.gate import LIMIT_KINDS, SWAP, Gate
from campaigns.store.budgets import OPEN_FEN
from campaigns.store.tables import budgets, campaigns, resources, rewards, slots
from core.db.engine import Database
from core.errors import Unavailable
from core.hotstate.clients import HotState, hot_state_guard
from core.text import Text

_CHUNK = 1000
_BUILD_MS_MAX = 10_000
_WAIT_SECONDS = 1.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Truth:
    """What SQL says of a campaign's scarce things at the moment its epoch was raised. -1 means without limit."""

    epoch: int
    capacity: int
    taken: tuple[int, ...]
    counts: dict[str, dict[str, int]]
    budget_cap: int
    budget_used: int
    served: tuple[tuple[str, str], ...]


def rebuild(database: Database, client: HotState, merchant: str, campaign: str, now: datetime, stale_epoch: int | None, keep: timedelta) -> int:
    """Raise the epoch, fill a new gate and swap it in; returns the epoch that now stands.

    `stale_epoch` is the epoch that was found wrong: when SQL is past it already and the gate stands there, nothing is done.
    Somebody else's build is waited for; `Unavailable` when it takes longer than a customer should wait.
    """
    lock = Gate(client, merchant, campaign, 0).key("build")
    with hot_state_guard():
        ours = client.set(lock, "1", nx=True, px=_BUILD_MS_MAX)
    if not ours:
        _await_other(client, lock)
        with database.read() as connection:
            return _epoch(connection, merchant, campaign)
    try:
        standing = _standing_epoch(client, merchant, campaign)
        with database.read() as connection:
            current = _epoch(connection, merchant, campaign)
        if standing == current and stale_epoch != current:
            return current
        with database.write() as connection:
            truth = _raise_and_read(connection, merchant, campaign, now - keep)
        _fill(client, Gate(client, merchant, campaign, truth.epoch), truth, keep)
        return truth.epoch
    finally:
        with hot_state_guard():
            client.delete(lock)


def _await_other(client: HotState, lock: str) -> None:
    for _ in range(int(_WAIT_SECONDS / _POLL_SECONDS)):
        time.sleep(_POLL_SECONDS)
        with hot_state_guard():
            if not client.exists(lock):
                return
    raise Unavailable("gate_rebuilding", Text(zh="活动闸口正在重建,请稍后重试。", en="The gate is being rebuilt; try again shortly."))


def raise_epoch(connection: Connection, merchant: str, campaign: str) -> int:
    """Make every lease and the standing gate void, in the caller's transaction; returns the new epoch."""
    statement = update(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign)
    connection.execute(statement.values(gate_epoch=campaigns.c.gate_epoch + 1))
    return _epoch(connection, merchant, campaign)


def _epoch(connection: Connection, merchant: str, campaign: str) -> int:
    query = select(campaigns.c.gate_epoch).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign)
    return int(connection.execute(query).scalar_one())


def _standing_epoch(client: HotState, merchant: str, campaign: str) -> int | None:
    with hot_state_guard():
        epoch: Any = client.hget(Gate(client, merchant, campaign, 0).meta, "epoch")
    return None if epoch is None else int(epoch)


def _raise_and_read(connection: Connection, merchant: str, campaign: str, since: datetime) -> Truth:
    epoch = raise_epoch(connection, merchant, campaign)
    mine = (resources.c.merchant == merchant, resources.c.campaign == campaign)
    stock = connection.execute(select(resources.c.id, resources.c.capacity).where(*mine, resources.c.kind == "stock")).one_or_none()
    taken = () if stock is None else tuple(connection.execute(select(slots.c.slot).where(slots.c.resource_id == stock.id).order_by(slots.c.slot)).scalars())
    held = (
        select(resources.c.kind, slots.c.token, func.count())
        .join(slots, slots.c.resource_id == resources.c.id)
        .where(*mine, resources.c.kind.in_(LIMIT_KINDS))
        .group_by(resources.c.kind, slots.c.token)
    )
    counts: dict[str, dict[str, int]] = {kind: {} for kind in LIMIT_KINDS}
    for kind, token, count in connection.execute(held):
        counts[kind][token] = count
    budget = connection.execute(
        select(budgets.c.cap_fen, budgets.c.used_fen).where(budgets.c.merchant == merchant, budgets.c.campaign == campaign)
    ).one_or_none()
    return Truth(
        epoch,
        -1 if stock is None else stock.capacity,
        taken,
        counts,
        -1 if budget is None or budget.cap_fen == OPEN_FEN else budget.cap_fen,
        0 if budget is None else budget.used_fen,
        _served(connection, merchant, campaign, since),
    )


def _served(connection: Connection, merchant: str, campaign: str, since: datetime) -> tuple[tuple[str, str], ...]:
    """Requests that were served within the time that replies are kept, each with the hash of its body."""
    query = select(rewards.c.request_id, rewards.c.body_hash).where(
        rewards.c.merchant == merchant, rewards.c.campaign == campaign, rewards.c.created_at > since
    )
    return tuple((row.request_id, row.body_hash) for row in connection.execute(query))


def _fill(client: HotState, gate: Gate, truth: Truth, keep: timedelta) -> None:
    """Write the new epoch's keys, then put them in place with one script; the old epoch's keys go."""
    top = truth.taken[-1] + 1 if truth.taken else 0
    freed = set(range(top)).difference(truth.taken)
    keep_ms = int(keep / timedelta(milliseconds=1))
    with hot_state_guard():
        _send(client, (("ZADD", gate.key("free"), slot, slot) for slot in sorted(freed)))
        for kind in LIMIT_KINDS:
            key = gate.key(f"n:{kind}")
            _send(client, (("HSET", key, token, count) for token, count in truth.counts[kind].items()))
        _send(client, (("SET", gate.key(f"q:{request}"), f"S|-1|{body}", "PX", keep_ms) for request, body in truth.served))
    arguments = [truth.epoch, truth.capacity, top, truth.budget_cap, truth.budget_used]
    stood = int(SWAP.run(client, [gate.meta], arguments))
    _drop(client, gate, gone=truth.epoch if stood == -1 else stood)


def _drop(client: HotState, gate: Gate, gone: int) -> None:
    old = gate.at_epoch(gone)
    with hot_state_guard():
        client.unlink(*(old.key(name) for name in ("free", "leases", "held")), *old.limit_keys(LIMIT_KINDS))


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
