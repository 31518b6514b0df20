"""The real application behind a real server, and a server that fails on purpose."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sheepdog_client import Client
from sheepdog_client.transport import Transport
from werkzeug.serving import make_server

from core.clock import TurnedClock
from core.hotstate.clients import HotState
from tests.api.conftest import Shop, open_shop
from tests.conftest import sqlite_url


@dataclass
class Open:
    """A shop, the address under which it is served, and its client."""

    shop: Shop
    url: str
    client: Client


@pytest.fixture
def opened(tmp_path: Path, hot: HotState, valkey_url: str, clock: TurnedClock) -> Iterator[Open]:
    for shop in open_shop(tmp_path, sqlite_url(tmp_path), valkey_url, clock):
        server = make_server("127.0.0.1", 0, shop.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Open(shop, url, Client.at(url, shop.keys["shop"], language="en", sleep=lambda seconds: None))
        server.shutdown()
        thread.join(10)


@dataclass
class Faulty:
    """A server that answers from a list: a status with headers and body, or None, which hangs up after having heard everything."""

    answers: list[tuple[int, dict[str, str], Any] | None] = field(default_factory=list)
    heard: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    pauses: list[float] = field(default_factory=list)
    now: float = 0.0

    def client(self, **options: Any) -> Client:
        def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            self.now += seconds

        return Client(Transport(f"http://127.0.0.1:{self.port}", "shd_secret", sleep=sleep, monotonic=lambda: self.now, jitter=lambda: 1.0, **options))


@contextmanager
def faulty() -> Iterator[Faulty]:
    told = Faulty()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.heard.append((self.command, self.path, {name: value for name, value in self.headers.items()}, body))
            found = told.answers.pop(0) if told.answers else (200, {}, {"ok": True})
            if found is None:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, content = found
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def do_POST(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def broken() -> Iterator[Faulty]:
    with faulty() as told:
        yield told
