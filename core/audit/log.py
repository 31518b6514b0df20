"""The append-only audit log. Many writers append without order; the stored canonical bytes are the record, the columns are for finding it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from core.canon import canonical
from core.clock import to_micros
from core.db.engine import insert
from core.db.tables import audit_entries
from core.ids import new_id


def append(
    connection: Connection,
    *,
    merchant: str,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    before: str | None = None,
    after: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Add an entry in the caller's own transaction, so that it stands exactly when the act stands; returns its id.

    `before` and `after` are content hashes; `detail` must hold no personal data, since the bytes are kept for good.
    """
    row = entry_row(merchant=merchant, actor=actor, action=action, target=target, now=now, before=before, after=after, detail=detail)
    insert(connection, audit_entries, row)
    return str(row["id"])


def entry_row(
    *,
    merchant: str,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    before: str | None = None,
    after: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The row of an entry, for writers that insert many at once."""
    columns: dict[str, Any] = {
        "id": new_id("aud"),
        "merchant": merchant,
        "actor": actor,
        "action": action,
        "target": target,
        "before_hash": before,
        "after_hash": after,
    }
    body = canonical({**columns, "at": to_micros(now), "detail": dict(detail or {})})
    return {**columns, "at": now, "body": body}
