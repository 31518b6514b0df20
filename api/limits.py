"""Rate limits per key, counted in Redis by flask-limiter. When Redis is away each process counts for itself: a limit never becomes an error.

A process takes from Redis what a caller may use in blocks, since a round trip for every request costs a fifth of a risk check's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, g, request
from flask_limiter import Limiter

from api.auth import given_key
from core.config import Settings

# The limiter may cost a request little time, and none when Redis hangs. Its stub knows only strings and whole numbers.
_FAST: dict[str, Any] = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}
# A stranger without a key is counted by address, and more strictly.
STRANGER_PER_MINUTE = 600


# A block is at most this share of a minute's limit, so that what idle processes hold back is no loss; small limits are counted one by one.
BLOCK_SHARE = 1000
BLOCK_MAX = 64
BLOCK_SECONDS = 1.0
_CALLERS_MAX = 4096


class Blocks:
    """What this process may still let through without asking Redis, for each caller and at most a second long."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left: dict[str, tuple[int, float]] = {}
        self._lock = Lock()

    def take(self, who: str) -> bool:
        """Use one, if one is left."""
        now = self._monotonic()
        with self._lock:
            left, until = self._left.get(who, (0, 0.0))
            if left == 0 or now >= until:
                self._left.pop(who, None)
                return False
            self._left[who] = left - 1, until
            return True

    def put(self, who: str, count: int) -> None:
        """Keep what was counted in Redis beyond the request at hand."""
        with self._lock:
            if len(self._left) >= _CALLERS_MAX:
                self._left.clear()
            self._left[who] = count, self._monotonic() + BLOCK_SECONDS


def block_of(per_minute: int) -> int:
    """How many requests are counted at once under a limit."""
    return max(1, min(BLOCK_MAX, per_minute // BLOCK_SHARE))


class InBlocks(Limiter):
    """Asks Redis only when this process holds no block of the caller any more."""

    def __init__(self, *arguments: Any, per_minute: Callable[[], int], **options: Any) -> None:
        self._per_minute = per_minute
        self.blocks = Blocks()
        super().__init__(*arguments, **options)

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if not request.path.startswith("/v1/") or request.path == "/v1/openapi.json":
            return
        g.limit_who = who = _who()
        if self.blocks.take(who):
            return
        super()._check_request_limit(callable_name, in_middleware)
        if (count := block_of(self._per_minute())) > 1:
            self.blocks.put(who, count - 1)


def install(app: Flask, settings: Settings) -> InBlocks:
    """Count every request but health, metrics and documents."""

    def per_minute() -> int:
        return settings.rate_per_minute if given_key() else STRANGER_PER_MINUTE

    return InBlocks(
        lambda: str(g.limit_who),
        app=app,
        per_minute=per_minute,
        storage_uri=storage_uri(settings.effective_redis_url),
        storage_options={**_FAST},
        strategy="fixed-window",
        application_limits=[lambda: f"{per_minute()} per minute"],
        application_limits_cost=lambda: block_of(per_minute()),
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        headers_enabled=False,
        key_prefix="sd:limit",
    )


def storage_uri(url: str) -> str:
    """Our URL as the limiter's storage spells it."""
    parts = urlsplit(url)
    if parts.scheme == "sentinel":
        return f"redis+sentinel://{parts.netloc}/{parse_qs(parts.query).get('service', ['mymaster'])[0]}"
    return url


def _who() -> str:
    return caller_name(given_key(), request.remote_addr or "unknown")


def caller_name(key: str | None, address: str) -> str:
    """Under what name a caller is counted: the key's hash, or the address of a stranger."""
    if key is None:
        return f"a:{address}"
    return "k:" + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
