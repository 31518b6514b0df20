"""Commissions settle while their promoters withdraw them, and every process is killed with -9 again and again: each fen leaves once, and every 201 has its row."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.rebates.binding import Place, become_promoter, bind
from campaigns.rebates.tables import rebate_orders
from campaigns.store import ledger
from campaigns.withdrawals.model import Withdrawal, list_withdrawals
from campaigns.withdrawals.money import paid_out, paying
from campaigns.withdrawals.tables import sandbox_transfers, withdrawals
from core.privacy.subjects import subject_for
from tests.e2e.invariants import check_invariants
from tests.e2e.kinds import ON_POSTGRES
from tests.e2e.service import MERCHANT, Client, Running, running

REBATE = """\
campaign: friends
mechanic: rebate
title: t
starts: 2026-01-01
ends: 2099-01-01
rebate: {tiers: ["10"], freeze: 1s, without_receipt: 1s}
"""
PAYOUTS = """\
campaign: payouts
mechanic: withdrawal
title: t
starts: 2026-01-01
ends: 2099-01-01
withdrawal: {fee: {percent: "0.6"}, regime: prize, approve_above: "100.00"}
"""
ORDERS, ORDER_FEN, ASKS = 3, 10_000, 4
EARNED = ORDERS * ORDER_FEN // 10


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with running(tmp_path, database_url, payout_channel="sandbox") as started:
        started.spawn("worker", [sys.executable, "-m", "api.cli", "worker"])
        yield started


@ON_POSTGRES
@pytest.mark.parametrize("people", [8, pytest.param(1_450, marks=pytest.mark.soak)])
@pytest.mark.timeout(3000)
def test_settlements_and_withdrawals_of_killed_processes_pay_every_fen_once(service: Running, people: int) -> None:
    subjects = _market(service, people)
    over = threading.Event()
    killer = threading.Thread(target=_kill_and_start, args=(service, over, 2.5 if people < 100 else 8.0))
    killer.start()
    try:
        paid = _crowd(service, [("pay", person, number) for person in range(people) for number in range(ORDERS)])
        # Each asks for a third of it four times: settlements are under way meanwhile.
        asked = _crowd(service, [("ask", person, number) for person in range(people) for number in range(ASKS)])
    finally:
        over.set()
        killer.join()
    assert Counter(status for _, status, _ in paid) == {200: people * ORDERS}
    _settled(service, people)
    _at_rest(service)
    # Those that came too early ask again, with the same key.
    late = [wish for wish, status, _ in asked if status == 409]
    asked = [one for one in asked if one[1] != 409] + _crowd(service, late)
    _at_rest(service)
    assert Counter(status for _, status, _ in asked) == {201: people * 3, 409: people * (ASKS - 3)}
    _check(service, subjects, {name for _, status, name in asked if status == 201})


def _check(service: Running, subjects: list[str], told: set[str]) -> None:
    check_invariants(service.services.database)
    with service.services.database.read() as connection:
        rows = {row.id: row for row in _all(connection)}
        assert set(rows) == told
        assert {row.state for row in rows.values()} == {"paid"}
        book = connection.execute(select(sandbox_transfers.c.bill_no, sandbox_transfers.c.amount_fen, sandbox_transfers.c.state)).all()
        assert sorted(book) == sorted((row.bill_no, row.net_fen, "paid") for row in rows.values())
        for subject in subjects:
            mine = [row for row in rows.values() if row.subject_id == subject]
            balances = [ledger.balance(connection, MERCHANT, account) for account in (ledger.commission(subject), paying(subject), paid_out(subject))]
            assert balances == [EARNED - sum(row.gross_fen for row in mine), 0, sum(row.net_fen for row in mine)]
            assert balances[0] == EARNED - 3 * (EARNED // 3)


def _market(service: Running, people: int) -> list[str]:
    """Promoters, each with a customer of their own."""
    service.publish(REBATE)
    service.publish(PAYOUTS)
    now, vault = datetime.now(UTC), service.services.vault
    terms = service.services.catalogue.live(MERCHANT, "friends").campaign.terms
    found = []
    with service.services.database.write() as connection:
        place = Place(connection, MERCHANT, "friends", terms, "test", now)
        for person in range(people):
            promoter, customer = (subject_for(connection, vault, MERCHANT, f"{kind}{person}", now) for kind in "pc")
            become_promoter(place, promoter, {"user": f"p{person}", "device": f"d{person}"}, level=None, appointed=False)
            bind(place, customer, promoter.id, None, doubted=False)
            found.append(promoter.id)
    return found


def _kill_and_start(service: Running, over: threading.Event, pause: float) -> None:
    """One process after the other dies at some moment, and comes again as a supervisor would see to it."""
    for name in itertools.cycle(["clerk", "api", "worker"]):
        if over.wait(pause):
            return
        service.kill(name, signal.SIGKILL)
        if name == "api":
            service.start_api()
        else:
            service.spawn(name, [sys.executable, "-m", "api.cli", name])


def _crowd(service: Running, wishes: list[tuple[str, int, int]]) -> list[tuple[tuple[str, int, int], int, str]]:
    """(wish, status, id) of each, from processes with threads."""
    shares = [wishes[start::3] for start in range(3)]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        parts = pool.starmap(_work, [(service.settings.port, service.keys["shop"], share) for share in shares])
    return [one for part in parts for one in part]


def _work(port: int, key: str, wishes: list[tuple[str, int, int]]) -> list[tuple[tuple[str, int, int], int, str]]:
    clients: dict[int, Client] = {}

    def one(wish: tuple[str, int, int]) -> tuple[tuple[str, int, int], int, str]:
        client = clients.setdefault(threading.get_ident(), Client(port, key))
        path, body, name = _call(*wish)
        end = time.monotonic() + 60
        while True:
            try:
                reply = client.post(path, body, name)
            except OSError:
                reply = None
            if reply is not None and reply.status != 503:
                return wish, reply.status, str(reply.body.get("id", reply.body.get("code", "")))
            if time.monotonic() > end:
                return wish, 0, ""
            time.sleep(0.05)

    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(one, wishes))


def _call(kind: str, person: int, number: int) -> tuple[str, dict[str, Any], str]:
    if kind == "pay":
        return f"/v1/orders/o-{person}-{number}/pay", {"user": f"c{person}", "device": f"e{person}", "amount_fen": ORDER_FEN}, f"pay-{person}-{number}"
    body = {"user": f"p{person}", "device": f"d{person}", "campaign": "payouts", "amount_fen": EARNED // 3, "receiver": f"wx{person}"}
    return "/v1/withdrawals", body, f"ask-{person}-{number}"


def _settled(service: Running, people: int) -> None:
    def done() -> bool:
        with service.services.database.read() as connection:
            query = select(func.count()).select_from(rebate_orders).where(rebate_orders.c.settled_at.is_not(None))
            return bool(connection.execute(query).scalar_one() == people * ORDERS)

    _wait(done, service)


def _at_rest(service: Running) -> None:
    def done() -> bool:
        with service.services.database.read() as connection:
            under_way = select(func.count()).select_from(withdrawals).where(withdrawals.c.state.in_(("approved", "paying")))
            return bool(connection.execute(under_way).scalar_one() == 0)

    _wait(done, service)


def _wait(done: Any, service: Running) -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.2)
    raise AssertionError("never at rest:\n" + (service.settings.data_dir / "clerk.log").read_text(errors="replace")[-3000:])


def _all(connection: Any) -> list[Withdrawal]:
    return list_withdrawals(connection, MERCHANT, after="", most=10**6, filters={})
