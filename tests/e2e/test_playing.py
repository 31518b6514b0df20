"""The mechanics on a real server, from operating-system processes, with the API, the clerk and the store of gates killed in the middle."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.store.playing import instances, parts
from campaigns.store.tables import refund_instructions
from tests.e2e.invariants import check_invariants
from tests.e2e.kinds import ON_POSTGRES, ON_SQLITE
from tests.e2e.service import MERCHANT, Client, Running
from tests.playing import check_playing

SALE = """\
campaign: rush
mechanic: seckill
title: rush
starts: 2026-11-01
ends: 2036-11-01
limits: {per_user: 2}
seckill:
  pay_within: 1h
  skus: [{sku: watch, list: "899.00", price: "199.00", stock: 100}]
"""
GROUPS = """\
campaign: trio
mechanic: group_buy
title: trio
starts: 2026-11-01
ends: 2036-11-01
limits: {per_user: 2}
group_buy:
  size: 3
  pay_within: 1h
  skus: [{sku: tea, list: "99.00", group_price: "49.50", stock: 60}]
"""


def persist(client: Client, path: str, body: dict[str, Any], key: str | None, until: float) -> Any:
    """Send it, and again with the same key, until somebody answers for good."""
    while True:
        try:
            reply = client.post(path, body, key)
        except OSError:
            reply = None
        if reply is not None and reply.status != 503:
            return reply
        if time.monotonic() > until:
            return reply
        time.sleep(0.1)


def buyers(port: int, api_key: str, customers: list[int], patience: float, threads: int = 10) -> list[tuple[str, str | None]]:
    """One process of a crowd: each customer takes a piece and pays for it, twice at once."""
    random.Random(customers[0]).shuffle(customers)
    local, until = threading.local(), time.monotonic() + patience

    def one(number: int) -> tuple[str, str | None]:
        if not hasattr(local, "client"):
            local.client = Client(port, api_key)
        body = {"user": f"u{number}", "sku": "watch", "order_id": f"o{number}"}
        reply = persist(local.client, "/v1/campaigns/rush/purchases", body, f"k{number}", until)
        if reply is None or reply.status != 201:
            return ("away" if reply is None else str(reply.body.get("code")), None)
        paid = {"type": "order.paid", "user": f"u{number}", "order_id": f"o{number}", "amount_fen": 19_900}
        if number % 3:
            for call in range(2):
                persist(local.client, "/v1/events", {"id": f"pay-{number}-{call}", **paid}, None, until)
        return "ok", reply.body["part"]["id"]

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, customers))


def rush(service: Running, customers: int, meanwhile: Any = None, processes: int = 4, threads: int = 10) -> list[tuple[str, str | None]]:
    shares = [list(range(start, customers, processes)) for start in range(processes)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        crowd = pool.starmap_async(buyers, [(service.settings.port, service.keys["shop"], share, 60.0, threads) for share in shares])
        if meanwhile is not None:
            time.sleep(1.5)
            meanwhile()
        return list(itertools.chain.from_iterable(crowd.get(timeout=150)))


def check(service: Running, told: list[tuple[str, str | None]]) -> None:
    """Nothing oversold, every good reply has its row, payments served once."""
    with service.services.database.read() as connection:
        standing = set(connection.execute(select(parts.c.id)).scalars())
        assert {part for _, part in told if part is not None} <= standing
        check_playing(connection, MERCHANT)
    check_invariants(service.services.database)


@ON_SQLITE
@pytest.mark.parametrize("threads", [10, pytest.param(50, marks=pytest.mark.soak)])
def test_a_hundred_pieces_go_to_a_hundred_buyers_who_pay_twice_at_once(service: Running, threads: int) -> None:
    service.publish(SALE)
    told = rush(service, 400, threads=threads)
    assert Counter(code for code, _ in told) == {"ok": 100, "sold_out": 300}
    check(service, told)


@ON_POSTGRES
def test_killed_servers_and_a_lost_store_oversell_nothing(service: Running) -> None:
    service.publish(SALE)

    def sabotage() -> None:
        service.kill("api", signal.SIGKILL)
        service.start_api()
        # The store of gates is killed and comes back empty.
        service.valkey.kill()
        shutil.rmtree(service.settings.data_dir / "valkey")
        service.valkey.start()

    told = rush(service, 260, sabotage)
    counted = Counter(code for code, _ in told)
    assert counted["ok"] == 100, counted
    with service.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(parts).where(parts.c.live)).scalar_one() == 100
    check(service, told)


@pytest.mark.parametrize("groups", [12])
def test_a_crowd_fills_groups_and_overfills_none(service: Running, groups: int) -> None:
    service.publish(GROUPS)
    client = service.client()
    opened = []
    for number in range(groups):
        reply = client.post("/v1/campaigns/trio/groups", {"user": f"lead{number}", "sku": "tea", "order_id": f"lead{number}"}, f"g{number}")
        opened.append(reply.body["instance"]["id"])
        client.post("/v1/events", {"id": f"lead{number}", "type": "order.paid", "user": f"lead{number}", "order_id": f"lead{number}", "amount_fen": 4950})
    local = threading.local()

    def join(number: int) -> str:
        if not hasattr(local, "client"):
            local.client = service.client()
        body = {"user": f"u{number}", "order_id": f"o{number}"}
        reply = persist(local.client, f"/v1/campaigns/trio/groups/{opened[number % groups]}/join", body, f"k{number}", time.monotonic() + 60)
        if reply.status != 201:
            return str(reply.body["code"])
        paid = {"id": f"p{number}", "type": "order.paid", "user": f"u{number}", "order_id": f"o{number}", "amount_fen": 4950}
        persist(local.client, "/v1/events", paid, None, time.monotonic() + 60)
        return "ok"

    with ThreadPoolExecutor(16) as pool:
        told = Counter(pool.map(join, range(groups * 6)))
    assert told["ok"] == groups * 2, told
    with service.services.database.read() as connection:
        check_playing(connection, MERCHANT)
    states = [client.get(f"/v1/instances/{group}").body["state"] for group in opened]
    assert states == ["succeeded"] * groups


def _unfilled(service: Running, groups: int) -> list[str]:
    """Groups of three with two payments each, which their deadline will find unfilled; returns the orders that were paid."""
    client, paid = service.client(), []
    for number in range(groups):
        opened = client.post("/v1/campaigns/trio/groups", {"user": f"lead{number}", "sku": "tea", "order_id": f"lead{number}"}, f"g{number}")
        assert opened.status == 201, opened.body
        path = f"/v1/campaigns/trio/groups/{opened.body['instance']['id']}/join"
        for user in (f"lead{number}", f"join{number}"):
            if user.startswith("join"):
                assert client.post(path, {"user": user, "order_id": user}, f"k-{user}").status == 201
            fact = {"id": f"pay-{user}", "type": "order.paid", "user": user, "order_id": user, "amount_fen": 4950}
            assert client.post("/v1/events", fact).status == 200
            paid.append(user)
    return paid


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_deadlines_met_by_killed_workers_and_an_old_store_give_everybody_back_once(service: Running) -> None:
    service.publish(GROUPS.replace("size: 3", "size: 3\n  life: 20s").replace("pay_within: 1h", "pay_within: 15s"))
    service.spawn("worker", [sys.executable, "-m", "api.cli", "worker"])
    copy = service.settings.data_dir / "copy"
    service.valkey.stop()
    shutil.copytree(service.settings.data_dir / "valkey", copy)
    service.valkey.start()
    paid = _unfilled(service, 10)
    # Back to the store as it was before any group; the workers die again and again while deadlines pass.
    service.valkey.stop()
    shutil.rmtree(service.settings.data_dir / "valkey")
    shutil.copytree(copy, service.settings.data_dir / "valkey")
    service.valkey.start()
    end = time.monotonic() + 150
    while time.monotonic() < end and _given_back(service) < len(paid):
        for name, command in (("worker", "worker"), ("clerk", "clerk")):
            service.kill(name, signal.SIGKILL)
            service.spawn(name, [sys.executable, "-m", "api.cli", command])
        time.sleep(6)
    with service.services.database.read() as connection:
        told = list(connection.execute(select(refund_instructions.c.order_id, refund_instructions.c.amount_fen)))
        assert sorted(told) == sorted((order, 4950) for order in paid)
        assert set(connection.execute(select(instances.c.state)).scalars()) == {"failed"}
        check_playing(connection, MERCHANT)
    check_invariants(service.services.database)


def _given_back(service: Running) -> int:
    with service.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(refund_instructions)).scalar_one())
