"""One request to one checked address: bounded in time and size, no redirect is followed."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from core.errors import Malformed
from core.webhooks.addresses import Resolve, addresses_of, parse_target

TIMEOUT_SECONDS, WHOLE_SECONDS = 5.0, 15.0
_REPLY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Sent:
    """How it ended: a status, or what went wrong before there was one."""

    status: int | None
    error: str = ""

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """What went wrong in a word; "" when nothing did."""
        return "" if self.good else self.error or f"HTTP {self.status}"


class Send(Protocol):
    """Delivers a body; never raises."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent: ...


def sender(allow_private: bool = False, resolve: Resolve | None = None, whole_seconds: float = WHOLE_SECONDS) -> Send:
    """The way to the world. `allow_private` is for development."""

    def send(url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        try:
            target = parse_target(url, allow_private)
            address = addresses_of(target, allow_private, resolve)[0]
            raw = socket.create_connection((address, target.port), TIMEOUT_SECONDS)
            return _ask(raw, target.host, target.port, target.scheme, target.path, headers, body, whole_seconds)
        except Malformed as refused:
            return Sent(None, refused.code)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Sent(None, type(error).__name__)

    return send


def _ask(raw: socket.socket, host: str, port: int, scheme: str, path: str, headers: Mapping[str, str], body: bytes, whole_seconds: float) -> Sent:
    connection = http.client.HTTPSConnection(host, port) if scheme == "https" else http.client.HTTPConnection(host, port)
    # A peer that sends a byte now and then keeps every single read within its time, so the whole has one too.
    over = threading.Event()

    def end() -> None:
        over.set()
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(whole_seconds, end)
    timer.daemon = True
    timer.start()
    try:
        with raw:
            connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host) if scheme == "https" else raw
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            answer.read(_REPLY_BYTES)
            # What was cut off may look like an answer.
            return Sent(None, "TimeoutError") if over.is_set() else Sent(answer.status)
    finally:
        timer.cancel()
