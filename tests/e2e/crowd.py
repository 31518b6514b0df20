"""A crowd of customers: operating-system processes, each with threads, that claim at once and report what they were told."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.e2e.service import Client


@dataclass(frozen=True, slots=True)
class Wish:
    """One claim: which campaign, by whom, with which key."""

    campaign: str
    user: str
    key: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a customer was told at last; status 0 when the server stayed away."""

    wish: Wish
    status: int
    code: str
    reward: str | None


def crowd(port: int, api_key: str, wishes: Sequence[Wish], processes: int = 4, threads: int = 10, patience_seconds: float = 30.0) -> list[Told]:
    """Let the crowd claim; 503 and broken connections are retried with the same key until patience ends."""
    shares = [list(wishes[start::processes]) for start in range(processes)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        parts = pool.starmap(_work, [(port, api_key, share, threads, patience_seconds) for share in shares])
    return [told for part in parts for told in part]


def counts(told: Sequence[Told]) -> Counter[str]:
    return Counter(f"{one.status} {one.code}".strip() for one in told)


def _work(port: int, api_key: str, wishes: list[Wish], threads: int, patience: float) -> list[Told]:
    random.Random(repr(wishes[:1])).shuffle(wishes)
    clients: dict[int, Client] = {}

    def one(wish: Wish) -> Told:
        import threading

        client = clients.setdefault(threading.get_ident(), Client(port, api_key))
        return _claim(client, wish, patience)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, wishes))


def _claim(client: Client, wish: Wish, patience: float) -> Told:
    body: dict[str, Any] = {"user": wish.user, "registered_at": "2026-11-01T00:00:00Z", "order_count": 0}
    if wish.device is not None:
        body["device"] = wish.device
    end = time.monotonic() + patience
    while True:
        try:
            reply = client.post(f"/v1/campaigns/{wish.campaign}/claims", body, wish.key)
        except OSError:
            reply = None
        if reply is not None and reply.status != 503:
            reward = reply.body.get("reward") or {}
            return Told(wish, reply.status, reply.body.get("code", ""), reward.get("id"))
        if time.monotonic() > end:
            return Told(wish, 0 if reply is None else reply.status, "" if reply is None else reply.body.get("code", ""), None)
        time.sleep(0.1)
