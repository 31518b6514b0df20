"""The outbox: what the world must hear, written in the effect's own transaction. A numberer orders the rows, so that a reader can follow by cursor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, text, update

from core.canon import canonical
from core.db.engine import Database, insert
from core.db.tables import outbox
from core.ids import new_id

_NUMBERER_LOCK = 0x0B0C5


def announce(connection: Connection, *, merchant: str, topic: str, ref: str, body: Mapping[str, Any], now: datetime) -> None:
    """Add a message about `ref`. The body holds ids and amounts, no personal data."""
    values = {"id": new_id("msg"), "merchant": merchant, "topic": topic, "ref": ref, "body": canonical(body), "created_at": now}
    insert(connection, outbox, values)


def number_once(database: Database, batch: int = 200) -> int:
    """Number one batch of messages; returns how many. Numbers follow commits, so a reader past number n never misses one below n."""
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _NUMBERER_LOCK})
        rows = connection.execute(select(outbox.c.id).where(outbox.c.seq.is_(None)).order_by(outbox.c.id).limit(batch)).all()
        if not rows:
            return 0
        last = connection.execute(select(func.coalesce(func.max(outbox.c.seq), 0))).scalar_one()
        numbers = [{"message": row.id, "number": last + offset} for offset, row in enumerate(rows, 1)]
        connection.execute(update(outbox).where(outbox.c.id == bindparam("message")).values(seq=bindparam("number")), numbers)
        return len(rows)


def feed(connection: Connection, merchant: str, after: int, most: int) -> list[dict[str, Any]]:
    """The merchant's messages numbered above `after`, in order."""
    query = select(outbox).where(outbox.c.merchant == merchant, outbox.c.seq > after).order_by(outbox.c.seq).limit(most)
    return [
        {"seq": row.seq, "id": row.id, "topic": row.topic, "ref": row.ref, "at": row.created_at.isoformat(), "body": json.loads(row.body)}
        for row in connection.execute(query)
    ]
