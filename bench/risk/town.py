"""The customers whose events are checked: flats and network addresses are shared, a few people are seen much more often than the rest."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.risk.policy import SCENE
from core.event import Event

PEOPLE = 500
MERCHANT = "bench"
# Five events of everybody within a day.
_STEP = timedelta(seconds=86_400 / (5 * PEOPLE))
_START = datetime(2026, 11, 1, tzinfo=UTC)


def events(hot_share: float = 0.0, seed: int = 1) -> Iterator[Event]:
    """Without end, in the order of time. `hot_share` of them come from one customer on one device."""
    rng = random.Random(seed)
    number = 0
    while True:
        who = 0 if hot_share and rng.random() < hot_share else rng.randrange(PEOPLE)
        yield event_of(number, who, rng.randrange(1, 20_000))
        number += 1


def event_of(number: int, who: int, amount_fen: int) -> Event:
    at = _START + number * _STEP
    return Event(
        id=f"e-{number}",
        type=SCENE,
        merchant=MERCHANT,
        occurred_at=at,
        received_at=at,
        user=f"user-{who}",
        session=f"session-{number}",
        device=f"device-{who}",
        ip=f"10.0.{who // 20 // 250}.{who // 20 % 250}",
        phone=f"138{who:08d}",
        payment_account=f"pay-{who // 2}",
        email=f"u{who}@example.com",
        address=f"浙江省杭州市西湖区文三路 {who // 3} 号",
        campaign="spring",
        order_id=f"order-{number}",
        amount_fen=amount_fen,
    )
