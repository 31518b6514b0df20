"""`python -m bench gangs`: time and memory of one search for gangs, from sealed fields to groups, over made-up events."""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator

from core.privacy.vault import Vault, open_fields, seal_fields
from fraud.gangs.find import find_gangs
from fraud.gangs.record import Record

_KEY = bytes(32)
_KINDS = ("group_buy.join", "order.paid", "order.paid", "coupon.claim", "seckill.buy")
_WINDOW_SECONDS = 14 * 86_400


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench gangs", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    before, record, spent = _megabytes(), Record("bench", Vault(bytes(range(32)))), 0.0
    for kind, at, sealed, plain in _events(options.events, random.Random(options.seed)):
        begun = time.process_time()
        record.add(kind, at, open_fields(_KEY, sealed), plain)
        spent += time.process_time() - begun
    held, begun = _megabytes(), time.process_time()
    found = find_gangs(record)
    print(f"{len(record):,} events of {len(record.accounts):,} accounts: {spent:.1f} s to open and number them, {time.process_time() - begun:.1f} s to search")
    print(f"memory: {before} MB before, {held} MB with the record, {_megabytes()} MB at most; {len(found)} gangs")
    return 0


def _events(count: int, chance: random.Random) -> Iterator[tuple[str, int, bytes, dict[str, str | int]]]:
    """Five for each account, one in twenty on somebody else's device: nobody is a gang."""
    people = max(1, count // 5)
    for _ in range(count):
        who = chance.randrange(people)
        personal = {
            "user": f"u{who}",
            "device": f"d{who if chance.random() < 0.95 else chance.randrange(people)}",
            "ip": f"10.{who % 200}.{who // 200 % 250}.{who % 7}",
            "payment_account": f"p{who}",
            "address": f"浙江省杭州市西湖区文三路{who // 50 + 1}号{who % 50 + 1}幢501室",
        }
        plain: dict[str, str | int] = {"product": f"x{chance.randrange(300)}", "amount_fen": 100}
        yield chance.choice(_KINDS), chance.randrange(_WINDOW_SECONDS) * 1_000_000, seal_fields(_KEY, personal), plain


def _megabytes() -> int:
    """The most this process has had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
