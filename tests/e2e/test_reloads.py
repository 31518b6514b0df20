"""Publications under load: two servers judge without a pause, and within two seconds of a commit none of them judges by the old version."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event as Flag

from api.cli.server import api_command
from core.access.principals import find_principal
from fraud.rulesets.gate import ready_file
from fraud.rulesets.publishing import decide_policy, propose_policy
from tests.e2e.kinds import ON_SQLITE
from tests.e2e.service import MERCHANT, Client, Running, free_port
from tests.fraud.rulesets.shelf import policy_file

SEEN_WITHIN_SECONDS = 2.0
PUBLICATIONS = 3
THREADS_EACH = 2


@dataclass(frozen=True)
class Said:
    """One answer: which server, when the request was sent (monotonic), and by which version it was judged."""

    port: int
    sent: float
    status: int
    version: str


@ON_SQLITE
def test_two_servers_take_publications_up_without_dropping_a_request(service: Running) -> None:
    _publish(service, 2)
    committed: list[tuple[float, str]] = []
    with _second_server(service) as other, ThreadPoolExecutor() as pool:
        stop = Flag()
        ports = [service.settings.port, other]
        threads = [pool.submit(_judge, port, service.keys["shop"], f"{port}-{number}", stop) for port in ports for number in range(THREADS_EACH)]
        try:
            for number in range(PUBLICATIONS):
                version = _publish(service, 3 + number)
                committed.append((time.monotonic(), version))
                time.sleep(SEEN_WITHIN_SECONDS + 0.5)
        finally:
            stop.set()
        said = [one for thread in threads for one in thread.result()]
    assert {one.status for one in said} == {200}
    for at, version in committed:
        after = [one for one in said if at + SEEN_WITHIN_SECONDS < one.sent < at + SEEN_WITHIN_SECONDS + 0.4]
        assert {one.port for one in after} == set(ports)
        assert {one.version for one in after} == {version}


def _judge(port: int, key: str, name: str, stop: Flag) -> list[Said]:
    """One connection that is kept and never made anew: a dropped request is an error here."""
    connection, said = http.client.HTTPConnection("127.0.0.1", port, timeout=30), []
    connection.connect()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for number in range(100_000):
        if stop.is_set():
            break
        body = {"id": f"{name}-{number}", "scene": "coupon.claim", "policy": "claims", "user": f"u{name}-{number}", "device": f"d{name}-{number}"}
        sent = time.monotonic()
        connection.request("POST", "/v1/risk/checks", json.dumps(body), headers)
        reply = connection.getresponse()
        said.append(Said(port, sent, reply.status, json.loads(reply.read()).get("policy_version", "")))
        time.sleep(0.01)
    connection.close()
    return said


def _publish(service: Running, threshold: int) -> str:
    """By two people, in this process: the servers learn of it from SQL alone."""
    now = datetime.now(UTC)
    ready = ready_file(policy_file(threshold).encode(), "claims.yaml")
    with service.services.database.write() as connection:
        maker, checker = (find_principal(connection, MERCHANT, name) for name in ("marketer", "compliance"))
        assert maker is not None
        assert checker is not None
        made = propose_policy(connection, merchant=MERCHANT, loaded=ready.loaded, source=ready.source, author=maker["id"], note="", now=now)
        decide_policy(connection, approval_id=made.approval_id, approve=True, by=checker["id"], reason="ok", now=now)
    return made.content_hash


@contextmanager
def _second_server(service: Running) -> Iterator[int]:
    port = free_port()
    service.spawn("api-2", api_command(replace(service.settings, port=port)))
    client = Client(port, service.keys["shop"])
    for _ in range(400):
        try:
            if client.get("/readyz").status == 200:
                break
        except OSError:
            time.sleep(0.05)
    yield port
