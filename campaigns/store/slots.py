"""Slots in SQL: the taking that counts. A slot is a row whose primary key admits one holder; giving back deletes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from campaigns.store import firsts
from campaigns.store.tables import resources, slots
from core.db.engine import insert_ignore
from core.errors import Conflict
from core.text import Text

_CHUNK = 1000
STOCK, SEAT = "stock", "seat"
_CAPACITY = select(resources.c.capacity).where(resources.c.id == bindparam("named"))
_HELD = select(slots.c.slot).where(slots.c.resource_id == bindparam("of"), slots.c.token == bindparam("by"))


@dataclass(frozen=True, slots=True)
class Held:
    """A slot that was given back: of which kind of resource and which pool of it, for which limit token, and its number."""

    kind: str
    pool: str
    token: str
    slot: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What something gave back in SQL, with the epoch of the gate that may hand it out again: a gate rebuilt since has read it from SQL.

    `name` is the holder's, so that the gate is told once.
    """

    merchant: str
    campaign: str
    name: str
    epoch: int
    held: Sequence[Held]
    cost_fen: int


def resource_id(merchant: str, campaign: str, kind: str, pool: str = "") -> str:
    """The name of a stock's pool, of an instance's seats, or (without a pool) of a limit."""
    return f"{merchant}/{campaign}/{kind}" + (f"/{pool}" if pool and pool != kind else "")


def declare(connection: Connection, merchant: str, campaign: str, kind: str, capacity: int, pool: str = "", closes_at: datetime | None = None) -> bool:
    """Make the resource (True), or change its capacity. Raises `Conflict` when a taken slot lies beyond the new capacity."""
    name = resource_id(merchant, campaign, kind, pool)
    row = {"id": name, "merchant": merchant, "campaign": campaign, "kind": kind, "pool": pool, "capacity": capacity, "closes_at": closes_at}
    if insert_ignore(connection, resources, row):
        return True
    beyond = select(slots.c.slot).where(slots.c.resource_id == name, slots.c.slot >= capacity).limit(1)
    if connection.execute(beyond).first() is not None:
        text = Text(zh=f"{kind} 的上限不能低于已经发出的数量", en=f"the {kind} limit cannot go below what was already taken")
        raise Conflict("limit_below_taken", text, kind=kind, capacity=capacity)
    try:
        connection.execute(update(resources).where(resources.c.id == name).values(capacity=capacity))
    except IntegrityError as error:
        raise Conflict("limit_below_taken", Text(zh="上限不能低于已经发出的数量", en="the limit cannot go below what was taken")) from error
    return False


def seat(connection: Connection, merchant: str, campaign: str, capacity: int, holders: Sequence[str], now: datetime) -> None:
    """Fill the first slots of a new stock with those who hold a reward already. Raises `Conflict` when there are more of them than slots."""
    if len(holders) > capacity:
        raise Conflict(
            "limit_below_taken", Text(zh="上限不能低于已经发出的数量", en="the limit cannot go below what was taken"), kind="stock", capacity=capacity
        )
    common = {"resource_id": resource_id(merchant, campaign, "stock"), "token": "", "capacity": capacity, "taken_at": now}
    for start in range(0, len(holders), _CHUNK):
        rows = [{**common, "slot": slot, "holder": holder} for slot, holder in enumerate(holders[start : start + _CHUNK], start)]
        connection.execute(slots.insert(), rows)


def withdraw(connection: Connection, merchant: str, campaign: str, kind: str, pool: str = "") -> None:
    """A limit or stock that the new version no longer has counts nobody from now on."""
    name = resource_id(merchant, campaign, kind, pool)
    connection.execute(delete(slots).where(slots.c.resource_id == name))
    connection.execute(delete(resources).where(resources.c.id == name))


def pools_of(connection: Connection, merchant: str, campaign: str) -> list[str]:
    """The campaign's stocks, by name."""
    mine = (resources.c.merchant == merchant, resources.c.campaign == campaign, resources.c.kind == STOCK)
    return list(connection.execute(select(resources.c.pool).where(*mine).order_by(resources.c.pool)).scalars())


def limits_of(connection: Connection, merchant: str, campaign: str) -> list[str]:
    """The kinds of limit that the campaign counts."""
    mine = (resources.c.merchant == merchant, resources.c.campaign == campaign, resources.c.kind.not_in((STOCK, SEAT)))
    return list(connection.execute(select(resources.c.kind).where(*mine).order_by(resources.c.kind)).scalars())


def take(connection: Connection, resource: str, capacity: int, slot: int, holder: str, now: datetime, token: str = "") -> bool:
    """Take one numbered slot; False when another holds it."""
    row = {"resource_id": resource, "token": token, "slot": slot, "capacity": capacity, "holder": holder, "taken_at": now}
    return insert_ignore(connection, slots, row)


def take_nth(connection: Connection, resource: str, capacity: int, token: str, holder: str, now: datetime) -> int | None:
    """Take the token's lowest free slot; None when it holds `capacity` of them. A rival's insert is waited for and then stepped over."""
    for _ in range(capacity + 1):
        held = set(connection.execute(_HELD, {"of": resource, "by": token}).scalars())
        free = next((slot for slot in range(capacity) if slot not in held), None)
        if free is None:
            return None
        if take(connection, resource, capacity, free, holder, now, token):
            return free
    return None


def take_free(connection: Connection, resource: str, capacity: int, count: int, holder: str, now: datetime, token: str = "") -> list[int] | None:
    """Take the `count` lowest free slots, of a token or of an instance's seats; None when there are not so many."""
    taken: list[int] = []
    for _ in range(count):
        slot = take_nth(connection, resource, capacity, token, holder, now)
        if slot is None:
            return None
        taken.append(slot)
    return taken


def capacity_of(connection: Connection, resource: str) -> int | None:
    """The declared size of a resource, None where there is none."""
    found: int | None = connection.execute(_CAPACITY, {"named": resource}).scalar_one_or_none()
    return found


def taken_slots(connection: Connection, resource: str) -> list[int]:
    """The slots of a resource that somebody holds, in ascending order."""
    return list(connection.execute(select(slots.c.slot).where(slots.c.resource_id == resource).order_by(slots.c.slot)).scalars())


def release(connection: Connection, holder: str, kinds: Sequence[str]) -> list[Held]:
    """Delete the holder's slots of these kinds; returns what was held, for the gate."""
    held = [one for one in _held_by(connection, holder) if one.kind in kinds]
    ids = select(resources.c.id).join(slots, slots.c.resource_id == resources.c.id).where(slots.c.holder == holder, resources.c.kind.in_(kinds))
    connection.execute(delete(slots).where(slots.c.holder == holder, slots.c.resource_id.in_(ids)))
    return held


def give_back(connection: Connection, holder: str) -> list[Held]:
    """Delete every slot of the holder; returns what was held, for the gate."""
    held = _held_by(connection, holder)
    connection.execute(delete(slots).where(slots.c.holder == holder))
    if any(one.kind in firsts.NEW for one in held):
        firsts.give_up(connection, holder)
    return held


def _held_by(connection: Connection, holder: str) -> list[Held]:
    columns = (resources.c.kind, resources.c.pool, slots.c.token, slots.c.slot)
    query = select(*columns).join(resources, resources.c.id == slots.c.resource_id).where(slots.c.holder == holder).order_by(slots.c.slot)
    return [Held(*row) for row in connection.execute(query)]
