"""Changing the master key: every subject's key is wrapped anew, a batch at a time, while the service goes on; a kill in between costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from core.audit.log import append
from core.db.engine import Database
from core.db.tables import subjects
from core.errors import Conflict
from core.privacy.vault import Vault
from core.text import Text

BATCH_ROWS = 200
PLATFORM = "*"
# Where it is still as it was read: who was erased meanwhile stays erased.
_REWRAP = (
    update(subjects)
    .where(subjects.c.id == bindparam("whose"), subjects.c.wrapped_key == bindparam("was"))
    .values(wrapped_key=bindparam("is"))
    .execution_options(preserve_rowcount=True)
)


def rotate(database: Database, vault: Vault, actor: str, now: datetime, progress: Callable[[int, int], None]) -> int:
    """Wrap all keys under the current master key; returns how many were under an older one. `progress` hears (done, of).

    Raises `Unreadable` for a key that none of the master keys opens.
    """
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(subjects).where(subjects.c.wrapped_key.is_not(None))).scalar_one()
    done, changed, last = 0, 0, ""
    while True:
        seen, moved, last = _batch(database, vault, last)
        done, changed = done + seen, changed + moved
        progress(done, max(total, done))
        if seen < BATCH_ROWS:
            break
    with database.write() as connection:
        detail = {"key": vault.name, "subjects": done, "rewrapped": changed}
        append(connection, merchant=PLATFORM, actor=actor, action="privacy.key_rotated", target="master-key", now=now, detail=detail)
    return changed


def require_rotated(database: Database, vault: Vault) -> None:
    """Raises `Conflict` while a key is under an older master key, which the next one would put out of reach."""
    last = ""
    while True:
        query = select(subjects.c.id, subjects.c.wrapped_key).where(subjects.c.id > last, subjects.c.wrapped_key.is_not(None))
        with database.read() as connection:
            rows = connection.execute(query.order_by(subjects.c.id).limit(BATCH_ROWS)).all()
        if any(vault.rewrapped(row.wrapped_key) is not None for row in rows):
            text = Text(zh="上次换钥尚未完成,请先运行 sheepdog privacy rotate-key", en="the last change is not done; run sheepdog privacy rotate-key first")
            raise Conflict("rotation_unfinished", text)
        if len(rows) < BATCH_ROWS:
            return
        last = rows[-1].id


def _batch(database: Database, vault: Vault, after: str) -> tuple[int, int, str]:
    query = select(subjects.c.id, subjects.c.wrapped_key).where(subjects.c.id > after, subjects.c.wrapped_key.is_not(None))
    moved = 0
    with database.write() as connection:
        rows = connection.execute(query.order_by(subjects.c.id).limit(BATCH_ROWS)).all()
        anew = [{"whose": row.id, "was": row.wrapped_key, "is": made} for row in rows if (made := vault.rewrapped(row.wrapped_key)) is not None]
        if anew:
            moved = connection.execute(_REWRAP, anew).rowcount
    return len(rows), moved, rows[-1].id if rows else after
