"""An application in this process, over SQLite (or PostgreSQL) and a real Valkey, with keys of four people."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.jobs.clerk import Clerk
from api.wiring import Services, build_services
from core.access.principals import add_principal, create_key
from core.clock import TurnedClock
from core.config import load_settings
from core.db import migrate
from core.hotstate.clients import HotState
from tests.conftest import fresh_postgres, sqlite_url

MERCHANT = "shop-1"
_numbers = itertools.count(1)


@dataclass
class Shop:
    """Calls the API as one of the people; keeps the clock that the service lives by."""

    app: Flask
    http: FlaskClient
    services: Services
    clock: TurnedClock
    keys: dict[str, str]

    def call(self, method: str, path: str, body: Any = None, who: str = "shop", key: str | None = None, **headers: str) -> Any:
        """The response; effect calls get a fresh Idempotency-Key unless one is given."""
        given = {"Authorization": f"Bearer {self.keys[who]}", "Idempotency-Key": key or f"auto-{next(_numbers)}", **headers}
        data = body if isinstance(body, bytes | str) else None if body is None else json.dumps(body)
        return self.http.open(path, method=method, data=data, content_type="application/json", headers=given)

    def get(self, path: str, who: str = "shop", **headers: str) -> Any:
        return self.call("GET", path, who=who, **headers)

    def post(self, path: str, body: Any, who: str = "shop", key: str | None = None, **headers: str) -> Any:
        return self.call("POST", path, body, who, key, **headers)

    def publish(self, source: str) -> str:
        """Propose as marketer, approve as compliance, whatever the law asks for first."""
        made = self.post("/v1/campaigns", {"source": source}, "marketer")
        assert made.status_code == 201, made.json
        for approval_id in [*(one["approval_id"] for one in made.json["further_approvals"]), made.json["approval_id"]]:
            done = self.post(f"/v1/approvals/{approval_id}/approve", {"reason": "checked"}, "compliance")
            assert done.status_code == 200, done.json
        return str(made.json["campaign"])

    def claim(self, campaign: str, user: str, key: str | None = None, **body: Any) -> Any:
        return self.post(f"/v1/campaigns/{campaign}/claims", {"user": user, **body}, key=key)

    def clerk(self) -> Clerk:
        return Clerk(self.services)

    def now(self) -> datetime:
        return self.clock.now()


@pytest.fixture
def shop(tmp_path: Path, hot: HotState, valkey_url: str, clock: TurnedClock) -> Iterator[Shop]:
    yield from open_shop(tmp_path, sqlite_url(tmp_path), valkey_url, clock)


@pytest.fixture
def postgres_shop(tmp_path: Path, hot: HotState, valkey_url: str, postgres_url: str, clock: TurnedClock) -> Iterator[Shop]:
    with fresh_postgres(postgres_url) as url:
        yield from open_shop(tmp_path, url, valkey_url, clock)


@pytest.fixture
def sandbox_shop(tmp_path: Path, hot: HotState, valkey_url: str, clock: TurnedClock) -> Iterator[Shop]:
    """Withdrawals go to the sandbox channel."""
    yield from open_shop(tmp_path, sqlite_url(tmp_path), valkey_url, clock, payout_channel="sandbox")


def open_shop(
    folder: Path, database_url: str, valkey_url: str, clock: TurnedClock, queue_url: str = "", payout_channel: str = "shop", law_merchants: str = ""
) -> Iterator[Shop]:
    """A shop over an empty database of either kind. A cluster needs a queue elsewhere."""
    given = {"SHEEPDOG_DATA_DIR": str(folder), "SHEEPDOG_DATABASE_URL": database_url, "SHEEPDOG_REDIS_URL": valkey_url, "SHEEPDOG_LANG": "en"}
    # A busy machine must not make decisions degraded: tests that want that take Redis away.
    given |= {"SHEEPDOG_PAYOUT_CHANNEL": payout_channel, "SHEEPDOG_RISK_DEADLINE_MS": "5000", "SHEEPDOG_LAW_MERCHANTS": law_merchants}
    settings = load_settings({**given, **({"SHEEPDOG_QUEUE_URL": queue_url} if queue_url else {})})
    services = build_services(settings, clock)
    # Tests turn the clock by days; the catalogue's second of real time would hide what they publish meanwhile.
    services = replace(services, catalogue=services.catalogue)
    migrate.upgrade(services.database)
    keys = {}
    with services.database.write() as connection:
        for scope in ("marketer", "compliance", "shop", "admin"):
            who = add_principal(connection, merchant=MERCHANT, kind="person", name=scope, actor="system", now=clock.now())
            _, keys[scope] = create_key(connection, principal_id=who, scopes=[scope], actor="system", now=clock.now())
        other = add_principal(connection, merchant="shop-2", kind="service", name="other", actor="system", now=clock.now())
        _, keys["other"] = create_key(connection, principal_id=other, scopes=["shop", "compliance", "marketer"], actor="system", now=clock.now())
    app = create_app(settings, lambda: services)
    yield Shop(app, app.test_client(), services, clock, keys)
    services.database.engine.dispose()
