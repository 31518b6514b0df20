"""Effect calls that are one SQL transaction: the idempotency key's row first, the effect, the stored reply; all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from api.endpoint import Context
from core.access import idempotency
from core.access.idempotency import Reply, RequestKey


def once(ctx: Context, act: Callable[[Connection], dict[str, Any]], status: int = 200, key: RequestKey | None = None) -> Reply:
    """Do `act` once for the request's key, or another; a retry hears the stored reply. Errors store nothing, so a retry may succeed."""
    request = key or ctx.request_key()
    with ctx.services.database.write() as connection:
        earlier = idempotency.begin(connection, request, ctx.services.clock.now(), ctx.keep)
        if earlier is not None:
            return earlier
        reply = Reply(status, act(connection))
        idempotency.finish(connection, request, reply)
        return reply
