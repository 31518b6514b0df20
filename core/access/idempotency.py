"""Effect calls are answered once: the key's row is inserted first in the effect's own transaction, so reply and effect stand or fall together.

On PostgreSQL a rival's insert waits for ours to end (lock_timeout bounds it); on SQLite the write lock does the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.exc import OperationalError

from core.db.engine import Database, insert_ignore
from core.db.tables import idempotency
from core.errors import Conflict
from core.text import Text

IN_PROGRESS = 0
_ERASED_REPLY = b'{"state":"erased"}'
_NAMED = (idempotency.c.merchant == bindparam("of"), idempotency.c.principal_id == bindparam("by"), idempotency.c.key == bindparam("named"))
_FINISH = update(idempotency).where(*_NAMED).values(status=bindparam("final"), reply=bindparam("bytes"))


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Whose key, for which merchant, over which body (`body_hash` covers route and body)."""

    merchant: str
    principal_id: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What was or will be answered; `replayed` says that it is a stored one."""

    status: int
    body: Mapping[str, Any]
    replayed: bool = False


def stored_reply(connection: Connection, request: RequestKey) -> Reply | None:
    """The reply to an earlier request with this key, or None. Raises `Conflict` for another body or one still in progress."""
    row = connection.execute(select(idempotency).where(*_is(request))).mappings().one_or_none()
    if row is None:
        return None
    if row["body_hash"] != request.body_hash:
        raise Conflict(
            "idempotency_key_reused",
            Text(zh="同一个 Idempotency-Key 带来了不同的请求内容", en="this Idempotency-Key came before with another request"),
        )
    if row["status"] == IN_PROGRESS:
        raise _in_progress()
    return Reply(row["status"], json.loads(row["reply"]), replayed=True)


def begin(connection: Connection, request: RequestKey, now: datetime, keep: timedelta) -> Reply | None:
    """Insert the key's row; None means that the effect is ours to make. Otherwise the stored reply, or `Conflict`."""
    values = {
        "merchant": request.merchant,
        "principal_id": request.principal_id,
        "key": request.key,
        "body_hash": request.body_hash,
        "status": IN_PROGRESS,
        "reply": b"",
        "created_at": now,
        "expires_at": now + keep,
    }
    try:
        ours = insert_ignore(connection, idempotency, values)
    except OperationalError as error:
        # PostgreSQL's lock_timeout (SQLSTATE 55P03): the rival has not ended within the time that we wait.
        if getattr(error.orig, "sqlstate", None) == "55P03":
            raise _in_progress() from error
        raise
    return None if ours else stored_reply(connection, request)


def finish(connection: Connection, request: RequestKey, reply: Reply) -> None:
    """Store the reply, in the same transaction as the effect."""
    body = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")).encode()
    named = {"of": request.merchant, "by": request.principal_id, "named": request.key}
    connection.execute(_FINISH, {**named, "final": reply.status, "bytes": body})


def forget_expired(connection: Connection, now: datetime, most: int = 200) -> int:
    """Delete some rows whose time is over; returns how many."""
    old = select(idempotency.c.key, idempotency.c.principal_id, idempotency.c.merchant).where(idempotency.c.expires_at <= now).limit(most)
    rows = connection.execute(old).all()
    for row in rows:
        connection.execute(delete(idempotency).where(*_is(RequestKey(row.merchant, row.principal_id, row.key, ""))))
    return len(rows)


def blank_replies(database: Database, merchant: str, names: Sequence[str], most: int = 200) -> int:
    """Replies that name one of these ids say only that their words were erased; a retry still does nothing twice. Returns how many."""
    if not names:
        return 0
    holds = or_(*(_holds(database, name.encode()) for name in names))
    keys = (idempotency.c.principal_id, idempotency.c.key)
    # Looked for outside of a transaction that writes: it is the whole table.
    with database.read() as connection:
        found = [tuple(row) for row in connection.execute(select(*keys).where(idempotency.c.merchant == merchant, holds))]
    for start in range(0, len(found), most):
        with database.write() as connection:
            these = (idempotency.c.merchant == merchant, tuple_(*keys).in_(found[start : start + most]), idempotency.c.status != IN_PROGRESS)
            connection.execute(update(idempotency).where(*these).values(reply=_ERASED_REPLY))
    return len(found)


def _holds(database: Database, name: bytes) -> ColumnElement[bool]:
    """Whether a reply has these bytes in it, in either dialect."""
    sought = literal(name)
    found: Any = func.instr(idempotency.c.reply, sought) if database.is_sqlite else func.position(sought.op("IN")(idempotency.c.reply))
    return cast("ColumnElement[bool]", found > 0)


def _in_progress() -> Conflict:
    return Conflict("request_in_progress", Text(zh="同一请求正在处理中", en="the same request is still in progress"))


def _is(request: RequestKey) -> tuple[Any, ...]:
    columns = idempotency.c
    return (columns.merchant == request.merchant, columns.principal_id == request.principal_id, columns.key == request.key)
