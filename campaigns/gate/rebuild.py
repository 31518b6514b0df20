"""Rebuilding a gate from SQL under a new epoch. Raising the epoch waits for transactions that still use the old one, so the copy is exact."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from campaigns.gate.build import Truth
from campaigns.gate.model import STOCK, Pool
from campaigns.gate.split import AnyGate, build_all
from campaigns.store.budgets import OPEN_FEN
from campaigns.store.playing import parts
from campaigns.store.slots import SEAT
from campaigns.store.tables import budgets, campaigns, resources, rewards, slots
from core.db.engine import Database
from core.errors import Unavailable
from core.hotstate.clients import HotState, hot_state_guard
from core.text import Text

_BUILD_MS_MAX = 10_000
_WAIT_SECONDS = 1.0
_POLL_SECONDS = 0.01


def rebuild(database: Database, client: HotState, gate: AnyGate, now: datetime, stale_epoch: int | None, keep: timedelta) -> int:
    """Raise the epoch, fill a new gate and swap it in; returns the epoch that now stands.

    `stale_epoch` is the epoch that was found wrong: when SQL is past it already and the gate stands there, nothing is done.
    Somebody else's build is waited for; `Unavailable` when it takes longer than a customer should wait.
    """
    merchant, campaign = gate.merchant, gate.campaign
    lock = gate.build_lock
    with hot_state_guard():
        ours = client.set(lock, "1", nx=True, px=_BUILD_MS_MAX)
    if not ours:
        _await_other(client, lock)
        with database.read() as connection:
            return _epoch(connection, merchant, campaign)
    try:
        standing = gate.standing_epoch()
        with database.read() as connection:
            current = _epoch(connection, merchant, campaign)
        if standing == current and stale_epoch != current:
            return current
        with database.write() as connection:
            truth = _raise_and_read(connection, merchant, campaign, now - keep)
        build_all(client, gate.at_epoch(truth.epoch), truth, int(keep / timedelta(milliseconds=1)))
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


def _raise_and_read(connection: Connection, merchant: str, campaign: str, since: datetime) -> Truth:
    epoch = raise_epoch(connection, merchant, campaign)
    mine = (resources.c.merchant == merchant, resources.c.campaign == campaign)
    held = (
        select(resources.c.kind, slots.c.token, func.count())
        .join(slots, slots.c.resource_id == resources.c.id)
        .where(*mine, resources.c.kind.not_in((STOCK, SEAT)))
        .group_by(resources.c.kind, slots.c.token)
    )
    counts: dict[str, dict[str, int]] = {}
    for kind, token, count in connection.execute(held):
        counts.setdefault(kind, {})[token] = count
    budget = connection.execute(
        select(budgets.c.cap_fen, budgets.c.used_fen).where(budgets.c.merchant == merchant, budgets.c.campaign == campaign)
    ).one_or_none()
    return Truth(
        epoch,
        _pools(connection, merchant, campaign, since),
        counts,
        -1 if budget is None or budget.cap_fen == OPEN_FEN else budget.cap_fen,
        0 if budget is None else budget.used_fen,
        _served(connection, merchant, campaign, since),
    )


def _pools(connection: Connection, merchant: str, campaign: str, since: datetime) -> tuple[Pool, ...]:
    """Every stock of the campaign that may still be asked for; those of sessions that closed long ago are left out."""
    mine = (resources.c.merchant == merchant, resources.c.campaign == campaign, resources.c.kind == STOCK)
    open_still = resources.c.closes_at.is_(None) | (resources.c.closes_at > since)
    found = []
    for row in connection.execute(select(resources.c.id, resources.c.pool, resources.c.capacity).where(*mine, open_still)).all():
        taken = connection.execute(select(slots.c.slot).where(slots.c.resource_id == row.id).order_by(slots.c.slot)).scalars()
        found.append(Pool(row.pool, row.capacity, tuple(taken)))
    return tuple(found)


def _served(connection: Connection, merchant: str, campaign: str, since: datetime) -> tuple[tuple[str, str], ...]:
    """Requests that were served within the time that replies are kept, each with the hash of its body."""
    found: dict[str, str] = {}
    for table in (rewards, parts):
        query = select(table.c.request_id, table.c.body_hash).where(table.c.merchant == merchant, table.c.campaign == campaign, table.c.created_at > since)
        found |= {row.request_id: row.body_hash for row in connection.execute(query)}
    return tuple(found.items())
