"""A quote in the process: a cart of twenty lines against a hundred campaigns, of which most apply."""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime

from campaigns.discounts import Offer
from campaigns.files.load import load_campaign
from campaigns.pricing.model import Candidate, Cart, CartLine
from campaigns.pricing.quote import Asked, Live, quote
from campaigns.pricing.rules import Coupon
from core.event import Event

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
_HEAD = "campaign: {name}\nmechanic: {mechanic}\ntitle: t\nstarts: 2026-11-01\nends: 2026-12-01\n{mechanic}: {block}\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench quotes", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args(arguments)
    live = [Live(load_campaign(_source(number).encode(), "bench").campaign, 1, "live") for number in range(options.campaigns)]
    rng, times = random.Random(1), []
    for _ in range(options.rounds):
        asked = _asked(rng, options.lines)
        begun = time.perf_counter()
        quote(asked, live)
        times.append(time.perf_counter() - begun)
    times.sort()
    p50, p95, p99 = (1000 * times[int(share * len(times))] for share in (0.5, 0.95, 0.99))
    print(f"{options.lines} lines, {options.campaigns} campaigns, 3 coupons: p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms")
    return 0


def _source(number: int) -> str:
    """A third of each kind; a few stack, a few exclude each other."""
    more = ["", ", stacks: true", ", group: sale"][number // 3 % 3]
    if number % 3 == 0:
        skus = ", ".join(f'{{sku: s{article}, price: "{50 + number % 40}.00"}}' for article in range(number % 7, 40, 7))
        return _HEAD.format(name=f"flash-{number}", mechanic="flash_discount", block=f"{{skus: [{skus}]}}")
    if number % 3 == 1:
        block = f'{{steps: [{{over: "{100 + number}.00", off: "{5 + number % 30}.00"}}, {{over: "{800 + number}.00", percent: 3}}]{more}}}'
        return _HEAD.format(name=f"full-{number}", mechanic="full_reduction", block=block)
    return _HEAD.format(name=f"ship-{number}", mechanic="free_shipping", block=f'{{over: "{number}.00", most: "{5 + number % 9}.00"}}')


def _asked(rng: random.Random, count: int) -> Asked:
    lines = (CartLine(f"s{rng.randrange(40)}", rng.choice(["home", "food"]), rng.randrange(3_000, 12_000), rng.randrange(1, 4)) for _ in range(count))
    event = Event("quote", "quote", "bench", NOW, NOW, "ann")
    coupons = tuple(Candidate("coupon", 1, Coupon(Offer(1_000 * number, 9_900)), f"rwd_{number}") for number in range(1, 4))
    return Asked(Cart(tuple(lines), 1_200, "浙江"), event, NOW, coupons=coupons)
