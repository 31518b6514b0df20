"""The requests that are measured, as bytes on the wire. Each is an event of its own; checks come from a town of people, claims from a new person each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.house import House
from bench.load import Request

PEOPLE = 20_000
_STAMP = "2026-11-24T08:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint: its name in the table, where it listens, its requests and the only status that counts as good."""

    name: str
    port: int
    request: Request
    status: int


def targets(house: House) -> list[Target]:
    """The bare endpoint first: the others are shown as a share of it."""
    ours = house.settings.port
    return [
        Target("bare endpoint", house.bare_port, lambda n: wire("/check", _bare(n)), 200),
        Target("risk check", ours, lambda n: wire("/v1/risk/checks", check_body(n), house.key), 200),
        Target("claim, paid", ours, lambda n: wire("/v1/campaigns/plenty/claims", _claim(n), house.key, f"k-{n}"), 201),
        Target("claim, sold out", ours, lambda n: wire("/v1/campaigns/scarce/claims", _claim(n), house.key, f"s-{n}"), 409),
    ]


def wire(path: str, body: Mapping[str, Any], key: str = "", idempotency_key: str = "") -> bytes:
    """One HTTP/1.1 POST."""
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"Idempotency-Key: {idempotency_key}"] if idempotency_key else []
    return "\r\n".join([*lines, "", ""]).encode() + content


def _bare(n: int) -> dict[str, Any]:
    texts = {f"text_{i}": f"value-{n}-{i}" for i in range(15)}
    return {**texts, **{f"number_{i}": n + i for i in range(8)}, "time_0": _STAMP, "time_1": _STAMP}


def actor(n: int) -> dict[str, Any]:
    """One of a town of people."""
    n %= PEOPLE
    address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
    who = {"user": f"user-{n}", "session": f"session-{n}", "device": f"device-{n}", "ip": address, "phone": f"138{n % 10**8:08d}"}
    return {**who, "email": f"u{n}@example.com", "address": "浙江省杭州市西湖区文三路 1 号", "payment_account": f"pay-{n}"}


def check_body(n: int) -> dict[str, Any]:
    order = {"campaign": "plenty", "order_id": f"order-{n}", "amount_fen": 9900, "deadline_ms": 5000}
    return {"id": f"check-{n}", "scene": "coupon.claim", **actor(n), **order}


def _claim(n: int) -> dict[str, Any]:
    return {**actor(n), "user": f"claimer-{n}", "device": f"own-{n}", "registered_at": _STAMP, "order_count": 0}
