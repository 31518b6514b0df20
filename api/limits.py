"""Rate limits per key, counted in Redis by flask-limiter. When Redis is away each process counts for itself: a limit never becomes an error."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, request
from flask_limiter import Limiter

from api.auth import given_key
from core.config import Settings

# The limiter may cost a request little time, and none when Redis hangs. Its stub knows only strings and whole numbers.
_FAST: dict[str, Any] = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}
# A stranger without a key is counted by address, and more strictly.
STRANGER_PER_MINUTE = 600


def install(app: Flask, settings: Settings) -> Limiter:
    """Count every request but health, metrics and documents."""
    limiter = Limiter(
        _who,
        app=app,
        storage_uri=storage_uri(settings.effective_redis_url),
        storage_options={**_FAST},
        strategy="fixed-window",
        application_limits=[lambda: f"{settings.rate_per_minute if given_key() else STRANGER_PER_MINUTE} per minute"],
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        headers_enabled=False,
        key_prefix="sd:limit",
    )
    limiter.request_filter(lambda: not request.path.startswith("/v1/") or request.path == "/v1/openapi.json")
    return limiter


def storage_uri(url: str) -> str:
    """Our URL as the limiter's storage spells it."""
    parts = urlsplit(url)
    if parts.scheme == "sentinel":
        return f"redis+sentinel://{parts.netloc}/{parse_qs(parts.query).get('service', ['mymaster'])[0]}"
    return url


def _who() -> str:
    key = given_key()
    if key is None:
        return f"a:{request.remote_addr or 'unknown'}"
    return "k:" + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
