"""Deliveries: at least once, in order for each subject, tried again over hours, then laid aside as dead until somebody sends them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from core.db.engine import insert_ignore_all
from core.db.tables import outbox
from core.ids import new_id
from core.webhooks.endpoints import Endpoint, endpoints_of
from core.webhooks.tables import webhook_deliveries, webhook_endpoints

# After the n-th failure; the sum is about sixteen hours. Then the delivery is dead.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800))
LEASE = timedelta(seconds=60)
_earlier = webhook_deliveries.alias()


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in hand: what is sent, and where."""

    id: str
    endpoint_id: str
    message_id: str
    attempts: int
    message: dict[str, Any]


def spread(connection: Connection, batch: int = 200, now: datetime | None = None) -> int:
    """Make deliveries of messages that were numbered since each endpoint was looked at last; returns how many messages were looked at."""
    done = 0
    for endpoint in endpoints_of(connection):
        rows = connection.execute(
            select(outbox).where(outbox.c.merchant == endpoint.merchant, outbox.c.seq > endpoint.cursor).order_by(outbox.c.seq).limit(batch)
        ).all()
        if not rows:
            continue
        wanted = [_row(endpoint, message, now or message.created_at) for message in rows if endpoint.wants(message.topic)]
        if wanted:
            insert_ignore_all(connection, webhook_deliveries, wanted)
        mine = (webhook_endpoints.c.id == endpoint.id, webhook_endpoints.c.cursor < rows[-1].seq)
        connection.execute(update(webhook_endpoints).where(*mine).values(cursor=rows[-1].seq))
        done += len(rows)
    return done


def waiting(connection: Connection, now: datetime) -> list[str]:
    """Endpoints that have something to be sent."""
    query = select(webhook_deliveries.c.endpoint_id).distinct().where(_due(now)).order_by(webhook_deliveries.c.endpoint_id)
    return list(connection.execute(query).scalars())


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the one that waits longest is due."""
    found: datetime | None = connection.execute(select(func.min(webhook_deliveries.c.next_at)).where(_due(now))).scalar_one()
    return found


def take(connection: Connection, endpoint_id: str, now: datetime) -> Due | None:
    """Take the endpoint's next delivery under a lease. None when nothing is due, or somebody else took it first."""
    columns = (*webhook_deliveries.c, outbox.c.merchant.label("of"), outbox.c.body, outbox.c.created_at)
    query = select(*columns).join(outbox, outbox.c.id == webhook_deliveries.c.message_id)
    row = connection.execute(query.where(webhook_deliveries.c.endpoint_id == endpoint_id, _due(now)).order_by(webhook_deliveries.c.seq).limit(1)).first()
    if row is None:
        return None
    free = or_(webhook_deliveries.c.leased_until.is_(None), webhook_deliveries.c.leased_until <= now)
    mine = update(webhook_deliveries).where(webhook_deliveries.c.id == row.id, webhook_deliveries.c.state == "pending", free)
    if connection.execute(mine.values(leased_until=now + LEASE)).rowcount != 1:
        return None
    message = {"id": row.message_id, "topic": row.topic, "ref": row.ref, "merchant": row.of, "at": row.created_at.isoformat(), "seq": row.seq}
    return Due(row.id, row.endpoint_id, row.message_id, row.attempts, {**message, "body": row.body})


def settle(connection: Connection, due: Due, status: int | None, error: str, good: bool, now: datetime, jitter: float) -> None:
    """Write how an attempt ended. `jitter` in [0, 1) spreads what failed together. One that somebody settled meanwhile stays as it is."""
    mine = (webhook_deliveries.c.id == due.id, webhook_deliveries.c.state == "pending", webhook_deliveries.c.attempts == due.attempts)
    attempts = due.attempts + 1
    values: dict[str, Any] = {"attempts": attempts, "leased_until": None, "last_status": status, "last_error": error[:200] or None}
    if good:
        values |= {"state": "delivered", "delivered_at": now}
    elif attempts > len(PAUSES):
        values |= {"state": "dead"}
    else:
        values |= {"next_at": now + PAUSES[attempts - 1] * (1 + 0.2 * jitter)}
    connection.execute(update(webhook_deliveries).where(*mine).values(**values))


def replay(connection: Connection, merchant: str, *conditions: ColumnElement[bool], now: datetime) -> int:
    """Send again what these conditions name, from the first attempt on; returns how many."""
    mine = update(webhook_deliveries).where(webhook_deliveries.c.merchant == merchant, webhook_deliveries.c.state != "pending", *conditions)
    done = connection.execute(mine.values(state="pending", attempts=0, next_at=now, leased_until=None, delivered_at=None))
    return int(done.rowcount)


def listed(connection: Connection, merchant: str, endpoint_id: str, state: str | None, after: str, most: int) -> list[dict[str, Any]]:
    """Deliveries of an endpoint in the order in which they were made, after the id `after`."""
    query = select(webhook_deliveries).where(webhook_deliveries.c.merchant == merchant, webhook_deliveries.c.endpoint_id == endpoint_id)
    query = query.where(webhook_deliveries.c.id > after)
    if state is not None:
        query = query.where(webhook_deliveries.c.state == state)
    return [_public(row) for row in connection.execute(query.order_by(webhook_deliveries.c.id).limit(most))]


def counted(connection: Connection) -> dict[str, int]:
    """How many deliveries are in each state that somebody should know of."""
    query = select(webhook_deliveries.c.state, func.count()).where(webhook_deliveries.c.state != "delivered").group_by(webhook_deliveries.c.state)
    return {"pending": 0, "dead": 0} | {state: int(count) for state, count in connection.execute(query)}


def _due(now: datetime) -> ColumnElement[bool]:
    """Pending, its time has come, nobody has it, and nothing earlier about the same subject is still to be sent to the same place."""
    mine = webhook_deliveries.c
    before = and_(_earlier.c.endpoint_id == mine.endpoint_id, _earlier.c.ref == mine.ref, _earlier.c.seq < mine.seq, _earlier.c.state == "pending")
    enabled = exists(select(webhook_endpoints.c.id).where(webhook_endpoints.c.id == mine.endpoint_id, webhook_endpoints.c.enabled))
    free = or_(mine.leased_until.is_(None), mine.leased_until <= now)
    return and_(mine.state == "pending", mine.next_at <= now, free, enabled, ~exists(select(_earlier.c.id).where(before)))


def _row(endpoint: Endpoint, message: Any, now: datetime) -> dict[str, Any]:
    what = {"id": new_id("whd"), "merchant": endpoint.merchant, "endpoint_id": endpoint.id, "message_id": message.id, "seq": message.seq}
    return what | {"topic": message.topic, "ref": message.ref, "state": "pending", "attempts": 0, "next_at": now}


def _public(row: Any) -> dict[str, Any]:
    names: Sequence[str] = ("id", "endpoint_id", "message_id", "seq", "topic", "ref", "state", "attempts", "last_status", "last_error")
    at = {name: None if row._mapping[name] is None else row._mapping[name].isoformat() for name in ("next_at", "delivered_at")}
    return {**{name: row._mapping[name] for name in names}, **at}
