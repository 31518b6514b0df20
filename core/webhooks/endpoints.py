"""Endpoints of a merchant: registered, listed, switched, given a new secret. Every change is in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from core.audit.log import append
from core.db.engine import insert_ignore
from core.db.tables import outbox
from core.errors import Conflict, Malformed, NotFound
from core.ids import new_id
from core.text import Text
from core.webhooks.tables import webhook_endpoints

ENDPOINTS_MAX = 20
_TOPIC_CHARS = set("abcdefghijklmnopqrstuvwxyz0123456789._")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of `webhook_endpoints`."""

    id: str
    merchant: str
    url: str
    topics: str
    enabled: bool
    secret_number: int
    overlap_until: datetime | None
    cursor: int
    created_at: datetime

    def wants(self, topic: str) -> bool:
        return not self.topics or topic in self.topics.split(",")

    def secret_numbers(self, now: datetime) -> list[int]:
        """The secrets that count: the newest first, the one before while both do."""
        both = self.overlap_until is not None and now < self.overlap_until
        return [self.secret_number, *([self.secret_number - 1] if both else [])]

    def public(self) -> dict[str, Any]:
        overlap = None if self.overlap_until is None else self.overlap_until.isoformat()
        topics = self.topics.split(",") if self.topics else []
        return {"id": self.id, "url": self.url, "topics": topics, "enabled": self.enabled, "secret_number": self.secret_number} | {
            "overlap_until": overlap,
            "created_at": self.created_at.isoformat(),
        }


def register(connection: Connection, merchant: str, url: str, topics: Sequence[str], actor: str, now: datetime) -> Endpoint:
    """A new endpoint, which hears what is announced from now on. Raises `Conflict` for a URL that is registered, `Malformed` for strange topics.

    The URL was checked by the caller, who knows what is allowed.
    """
    named = ",".join(sorted(set(topics)))
    if len(named) > 2000 or any(not topic or set(topic) - _TOPIC_CHARS for topic in topics):
        raise Malformed("webhook_topics", Text(zh="主题名只含小写字母、数字、点和下划线", en="a topic has lower-case letters, digits, dots and underscores"))
    if connection.execute(select(func.count()).where(webhook_endpoints.c.merchant == merchant)).scalar_one() >= ENDPOINTS_MAX:
        raise Conflict("too_many_webhooks", Text(zh=f"最多 {ENDPOINTS_MAX} 个", en=f"there may be {ENDPOINTS_MAX} at most"))
    last = connection.execute(select(func.coalesce(func.max(outbox.c.seq), 0))).scalar_one()
    row = {"id": new_id("whe"), "merchant": merchant, "url": url, "topics": named, "enabled": True, "secret_number": 1, "cursor": last}
    if not insert_ignore(connection, webhook_endpoints, {**row, "author": actor, "created_at": now}):
        raise Conflict("webhook_exists", Text(zh="该网址已登记", en="this URL is registered already"))
    append(connection, merchant=merchant, actor=actor, action="webhook.registered", target=row["id"], now=now, detail={"url": url, "topics": named})
    return find(connection, merchant, row["id"])


def find(connection: Connection, merchant: str, endpoint_id: str) -> Endpoint:
    """Raises `NotFound`."""
    for one in endpoints_of(connection, merchant):
        if one.id == endpoint_id:
            return one
    raise NotFound("webhook_not_found", Text(zh="没有这个 webhook", en="there is no such webhook"))


def endpoints_of(connection: Connection, merchant: str | None = None) -> list[Endpoint]:
    """The merchant's endpoints in the order in which they were made; everybody's without one."""
    query = select(*(webhook_endpoints.c[name] for name in Endpoint.__slots__)).order_by(webhook_endpoints.c.id)
    if merchant is not None:
        query = query.where(webhook_endpoints.c.merchant == merchant)
    return [Endpoint(*row) for row in connection.execute(query)]


def switch(connection: Connection, merchant: str, endpoint_id: str, enabled: bool, actor: str, now: datetime) -> Endpoint:
    """Hold its deliveries, or let them go on."""
    found = find(connection, merchant, endpoint_id)
    if found.enabled != enabled:
        connection.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == found.id).values(enabled=enabled))
        action = "webhook.enabled" if enabled else "webhook.disabled"
        append(connection, merchant=merchant, actor=actor, action=action, target=found.id, now=now, detail={})
    return find(connection, merchant, endpoint_id)


def rotate(connection: Connection, merchant: str, endpoint_id: str, overlap: timedelta, actor: str, now: datetime) -> Endpoint:
    """A new secret; for `overlap` both sign, so that a receiver may change over in its own time."""
    found = find(connection, merchant, endpoint_id)
    same = (webhook_endpoints.c.id == found.id, webhook_endpoints.c.secret_number == found.secret_number)
    changed = update(webhook_endpoints).where(*same).values(secret_number=found.secret_number + 1, overlap_until=now + overlap)
    if connection.execute(changed).rowcount != 1:
        raise Conflict("webhook_moved", Text(zh="刚刚已被他人更换", en="somebody has just changed it"))
    detail = {"secret_number": found.secret_number + 1}
    append(connection, merchant=merchant, actor=actor, action="webhook.rotated", target=found.id, now=now, detail=detail)
    return find(connection, merchant, endpoint_id)


def remove(connection: Connection, merchant: str, endpoint_id: str, actor: str, now: datetime) -> None:
    """The endpoint goes, with what still waits for it."""
    found = find(connection, merchant, endpoint_id)
    connection.execute(delete(webhook_endpoints).where(webhook_endpoints.c.id == found.id))
    append(connection, merchant=merchant, actor=actor, action="webhook.removed", target=found.id, now=now, detail={"url": found.url})
