"""What is measured, started for real in a folder of its own: Valkey, a database, and each application under the same granian settings."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from api.cli.server import api_command
from api.wiring import build_services
from campaigns.publishing import decide_publication, propose_campaign
from core.access.principals import add_principal, create_key
from core.config import Settings, load_settings
from core.db import migrate
from core.db.engine import open_database
from core.embedded.valkey import EmbeddedValkey
from fraud.rulesets.publishing import decide_policy, propose_policy
from rules.files.load import load_ruleset

ROOT = Path(__file__).resolve().parents[1]
MERCHANT = "bench"


@dataclass(frozen=True, slots=True)
class House:
    """Two servers over one Valkey: ours and the bare one."""

    settings: Settings
    bare_port: int
    key: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(database_url: str = "", policies: Sequence[bytes] = ()) -> Iterator[House]:
    """Start everything, with these files of policies live beside the shipped ones, and end it by pid."""
    folder = Path(tempfile.mkdtemp(prefix="sheepdog-bench-"))
    valkey = EmbeddedValkey(folder / "valkey", free_port())
    port, bare_port = free_port(), free_port()
    env = {
        "SHEEPDOG_DATA_DIR": str(folder),
        "SHEEPDOG_REDIS_URL": valkey.start(),
        "SHEEPDOG_DATABASE_URL": database_url,
        "SHEEPDOG_PORT": str(port),
        "SHEEPDOG_RATE_PER_MINUTE": "100000000",
    }
    settings = load_settings(env)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        key = _stock(settings, policies)
        ours = api_command(settings)
        at = ours.index("wsgi:app")
        bare = [*ours[:at], "bench.bare:app", *ours[at + 1 :]]
        bare[bare.index("--port") + 1] = str(bare_port)
        for argv in (ours, bare, [sys.executable, "-m", "api.cli", "clerk"]):
            processes.append(subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **env}, start_new_session=True, stdout=subprocess.DEVNULL))
        wait_for(f"http://127.0.0.1:{port}/readyz")
        wait_for(f"http://127.0.0.1:{bare_port}/")
        yield House(settings, bare_port, key)
    finally:
        for process in processes:
            end_group(process)
        valkey.stop()
        shutil.rmtree(folder, ignore_errors=True)


def end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(url: str, seconds: float = 30.0) -> None:
    """Until the address answers anything but a connection error."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError as error:
            if error.code != 503:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer")


def _stock(settings: Settings, policies: Sequence[bytes]) -> str:
    """Schema, people, and two live campaigns: one with plenty, one that is sold out at its first claim. Returns the shop's key."""
    database = open_database(settings.effective_database_url)
    migrate.upgrade(database)
    database.engine.dispose()
    services, now = build_services(settings), datetime.now(UTC)
    with services.database.write() as connection:
        people = [add_principal(connection, merchant=MERCHANT, kind="person", name=name, actor="bench", now=now) for name in ("maker", "checker", "shop")]
        _, key = create_key(connection, principal_id=people[2], scopes=["shop"], actor="bench", now=now)
        for name, total in (("plenty", 50_000_000), ("scarce", 1)):
            _publish(connection, people, name, _campaign(name, total), now)
        for name, stock in (("flash", 1000), ("again", 50_000_000), ("flood", 50_000_000)):
            _publish(connection, people, name, _sale(name, stock), now)
        for source in policies:
            loaded = load_ruleset(source, "bench.yaml")
            proposed = propose_policy(connection, merchant=MERCHANT, loaded=loaded, source=source, author=people[0], note="", now=now)
            decide_policy(connection, approval_id=proposed.approval_id, approve=True, by=people[1], reason="bench", now=now)
    services.database.engine.dispose()
    return key


def _publish(connection: Connection, people: list[str], name: str, source: bytes, now: datetime) -> None:
    made = propose_campaign(connection, merchant=MERCHANT, source=source, name=name, author=people[0], note="", now=now)
    decide_publication(connection, approval_id=made.approval_id, approve=True, by=people[1], reason="bench", now=now)


def _sale(name: str, stock: int) -> bytes:
    # One article for each sale: two that sell the same at the same time would not both go live.
    skus = f'skus: [{{sku: watch, list: "899.00", price: "199.00", stock: {stock}}}]'
    other = "" if name == "flash" else name
    head = f"campaign: {name}\nmechanic: seckill\ntitle: {{zh: 测, en: bench}}\nstarts: 2026-01-01\nends: 2099-01-01\nlimits: {{per_user: 1}}\n"
    return f"{head}seckill: {{pay_within: 7d, {skus.replace('watch', 'watch' + other)}}}\n".encode()


def _campaign(name: str, total: int) -> bytes:
    limits = f"limits: {{total: {total}, per_user: 1}}"
    coupon = 'coupon: {amount: "20.00", threshold: "99.00", valid_for: 7d}'
    return f"campaign: {name}\nmechanic: coupon\ntitle: {{zh: 测, en: bench}}\nstarts: 2026-01-01\nends: 2099-01-01\n{limits}\n{coupon}\n".encode()
