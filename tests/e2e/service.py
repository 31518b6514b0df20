"""A whole service for a test: its own Valkey, database, API processes and clerk; everything is started and ended by pid."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.cli.server import api_command
from api.wiring import Services, build_services
from campaigns.publishing import decide_publication, propose_campaign
from core.access.principals import add_principal, create_key, find_principal
from core.config import Settings, load_settings
from core.db import migrate
from core.db.engine import open_database
from core.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]
MERCHANT = "shop-1"


@dataclass(slots=True)
class Reply:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


class Client:
    """A keep-alive HTTP client for one thread."""

    def __init__(self, port: int, key: str, timeout_seconds: float = 30) -> None:
        self._port, self._key, self._timeout = port, key, timeout_seconds
        self._connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None, idempotency_key: str | None = None, **headers: str) -> Reply:
        """One call. Raises `OSError` when the server is away."""
        given = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **headers}
        if idempotency_key is not None:
            given["Idempotency-Key"] = idempotency_key
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        for fresh in (False, True):
            if self._connection is None or fresh:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
            try:
                self._connection.request(method, path, data, given)
                answer = self._connection.getresponse()
                raw = answer.read()
                return Reply(
                    answer.status,
                    json.loads(raw) if raw.startswith((b"{", b"[")) else {"raw": raw.decode()},
                    {name.lower(): value for name, value in answer.headers.items()},
                )
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                if fresh:
                    raise
        raise AssertionError("not reached")

    def get(self, path: str) -> Reply:
        return self.call("GET", path)

    def post(self, path: str, body: Any, key: str | None = None) -> Reply:
        return self.call("POST", path, body, key)


@dataclass(slots=True)
class Running:
    """A running service. `keys` maps scopes to keys of different principals."""

    settings: Settings
    services: Services
    valkey: EmbeddedValkey
    env: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def client(self, scope: str = "shop") -> Client:
        return Client(self.settings.port, self.keys[scope])

    def spawn(self, name: str, argv: list[str]) -> None:
        log = (self.settings.data_dir / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(argv, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True)

    def start_api(self) -> None:
        self.spawn("api", api_command(self.settings))
        self.wait_ready()

    def start_clerk(self) -> None:
        self.spawn("clerk", [sys.executable, "-m", "api.cli", "clerk"])

    def wait_ready(self, seconds: float = 60.0) -> None:
        """A start beside a crowd that asks all the time takes its time on a slow machine; one question that hangs must not use all of it."""
        end, said = time.monotonic() + seconds, "nothing"
        while time.monotonic() < end:
            try:
                answer = Client(self.settings.port, self.keys["shop"], timeout_seconds=3).get("/readyz")
                if answer.status == 200:
                    return
                said = f"{answer.status} {answer.body}"
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
            time.sleep(0.05)
        raise AssertionError(f"the API is not ready, it said {said}:\n" + (self.settings.data_dir / "api.log").read_text(errors="replace")[-3000:])

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a process and its group."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(20)

    def publish(self, source: str) -> str:
        """Propose and approve a campaign by two people; returns its id."""
        now = datetime.now(UTC)
        with self.services.database.write() as connection:
            maker, checker = (find_principal(connection, MERCHANT, name) for name in ("marketer", "compliance"))
            assert maker is not None
            assert checker is not None
            made = propose_campaign(connection, merchant=MERCHANT, source=source.encode(), name="t.yaml", author=maker["id"], note="", now=now)
            decide_publication(connection, approval_id=made.approval_id, approve=True, by=checker["id"], reason="ok", now=now)
        return made.campaign


def coupon(campaign: str, *, total: int | None = 100, per_user: int = 1, budget: str | None = None, amount: str = "20.00", extra: str = "") -> str:
    """A coupon campaign that runs now."""
    lines = [f"campaign: {campaign}", "mechanic: coupon", "title: {zh: 测试, en: Test}", "starts: 2026-01-01", "ends: 2099-01-01"]
    limits = [f"  per_user: {per_user}"] + ([f"  total: {total}"] if total else [])
    lines += ["limits:", *limits]
    if budget:
        lines += ["budget:", f'  total: "{budget}"']
    lines += ["coupon:", f'  amount: "{amount}"', '  threshold: "99.00"', "  valid_for: 7d", extra]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def running(folder: Path, database_url: str, **settings: str) -> Iterator[Running]:
    """Start API and clerk over the database; stop everything at the end."""
    valkey = EmbeddedValkey(folder / "valkey", port=0)
    given = {
        "SHEEPDOG_DATA_DIR": str(folder),
        "SHEEPDOG_DATABASE_URL": database_url,
        "SHEEPDOG_REDIS_URL": valkey.start(),
        "SHEEPDOG_PORT": str(free_port()),
        "SHEEPDOG_LOG_LEVEL": "warning",
        **{f"SHEEPDOG_{name.upper()}": value for name, value in settings.items()},
    }
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEEPDOG_")}
    loaded = load_settings(given)
    opened = open_database(database_url)
    migrate.upgrade(opened)
    opened.engine.dispose()
    service = Running(loaded, build_services(loaded), valkey, {**plain, **given, "PYTHONPATH": str(ROOT)})
    try:
        _people(service)
        service.start_api()
        service.start_clerk()
        yield service
    finally:
        for name in list(service.processes):
            service.kill(name, signal.SIGTERM)
        service.services.database.engine.dispose()
        valkey.stop()


def _people(service: Running) -> None:
    now = datetime.now(UTC)
    with service.services.database.write() as connection:
        for scope in ("marketer", "compliance", "shop", "admin"):
            who = add_principal(connection, merchant=MERCHANT, kind="person", name=scope, actor="system", now=now)
            _, service.keys[scope] = create_key(connection, principal_id=who, scopes=[scope], actor="system", now=now)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
