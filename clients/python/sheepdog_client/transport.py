"""Requests over connections that are kept, one for each thread; retried only where the service absorbs a repetition."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sheepdog_client.errors import Away, Problem

_AGAIN = (429, 502, 503, 504)
_PAUSE_FIRST, _PAUSE_MAX = 0.2, 5.0


@dataclass
class Transport:
    """`deadline` bounds a whole call with its retries, in seconds; `timeout` every single wait. The key is shown nowhere."""

    base_url: str
    api_key: str = field(repr=False)
    timeout: float = 10.0
    deadline: float = 30.0
    language: str = "zh"
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)
    _local: threading.local = field(default_factory=threading.local, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url begins with http:// or https://")
        self._scheme, self._host, self._prefix = parts.scheme, parts.hostname, parts.path.rstrip("/")
        self._port = parts.port or (443 if parts.scheme == "https" else 80)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None) -> dict[str, Any]:
        """The reply's JSON. Raises `Problem`, and `Away` when the deadline passes without an answer.

        The bytes are made once, so that every attempt sends the same.
        """
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = self._headers(content, key)
        end, attempts = self.monotonic() + self.deadline, 0
        while True:
            attempts += 1
            pause, failed = self._attempt(method, path, content, headers, attempts)
            if isinstance(failed, dict):
                return failed
            if self.monotonic() + pause >= end:
                raise failed if isinstance(failed, Problem) else Away(attempts, failed)
            self.sleep(pause)

    def _attempt(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str], attempts: int
    ) -> tuple[float, dict[str, Any] | Problem | Exception]:
        """The reply, or what to wait and for what reason. Raises a `Problem` that no repetition would change."""
        usual = min(_PAUSE_MAX, _PAUSE_FIRST * 2 ** (attempts - 1)) * (0.5 + self.jitter() / 2)
        try:
            status, given, raw = self._send(method, path, content, headers)
        except (OSError, http.client.HTTPException) as error:
            return usual, error
        try:
            read = json.loads(raw) if raw else {}
        except ValueError:
            read = {"code": "not_json", "detail": raw[:200].decode("utf-8", "replace")}
        reply: dict[str, Any] = read if isinstance(read, dict) else {"code": "not_json"}
        if status < 400:
            return 0.0, reply
        problem = Problem(status, reply, _seconds(given.get("Retry-After")))
        # A rival with the same key is still at work: its reply will be ours.
        if status in _AGAIN or problem.code == "request_in_progress":
            return max(usual, problem.retry_after or 0.0), problem
        raise problem

    def _headers(self, content: bytes | None, key: str | None) -> dict[str, str]:
        found = {"Authorization": f"Bearer {self.api_key}", "Accept-Language": self.language, "User-Agent": "sheepdog-client/0.1"}
        found |= {} if content is None else {"Content-Type": "application/json"}
        return found if key is None else found | {"Idempotency-Key": key}

    def _send(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
        kept: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        connection = kept or self._connect()
        try:
            connection.request(method, self._prefix + path, content, dict(headers))
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._local.connection = None
            raise
        self._local.connection = None if answer.will_close else connection
        return answer.status, answer.headers, raw

    def _connect(self) -> http.client.HTTPConnection:
        if self._scheme == "https":
            return http.client.HTTPSConnection(self._host, self._port, timeout=self.timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(self._host, self._port, timeout=self.timeout)


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None
