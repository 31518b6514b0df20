"""Who is calling. A key that was good moments ago is believed for two seconds, so that a revoked one stops within that time and SQL rests."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from flask import request

from core.access.principals import Caller, authenticate, hash_key
from core.clock import Clock
from core.db.engine import Database
from core.errors import Unauthenticated
from core.text import Text

BELIEVED_SECONDS = 2.0
_KEYS_MAX = 4096


class Keys:
    """Callers by the hash of their key, for a short time."""

    def __init__(self, database: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Caller]] = {}
        self._lock = Lock()

    def caller(self, key: str) -> Caller:
        """Raises `Unauthenticated`. A bad key is never remembered, so a new one works at once."""
        hashed, now = hash_key(key), self._monotonic()
        known = self._known.get(hashed)
        if known is not None and now - known[0] < BELIEVED_SECONDS:
            return known[1]
        with self._database.read() as connection:
            caller = authenticate(connection, key, self._clock.now())
        with self._lock:
            if len(self._known) >= _KEYS_MAX:
                self._known.clear()
            self._known[hashed] = (now, caller)
        return caller


def given_key() -> str | None:
    """The key of the request: `Authorization: Bearer …`, or `X-Api-Key`."""
    return key_of(request.headers.get("Authorization", ""), request.headers.get("X-Api-Key"))


def key_of(authorization: str, x_api_key: str | None) -> str | None:
    """The key in these headers."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return x_api_key or None


def require_key() -> str:
    """The key, or `Unauthenticated`."""
    key = given_key()
    if key is None:
        text = Text(zh="缺少 API 密钥:Authorization: Bearer …", en="no API key: send Authorization: Bearer …")
        raise Unauthenticated("key_missing", text)
    return key
