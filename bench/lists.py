"""`python -m bench lists`: a million networks and a million values in memory: how long a look takes, beside looking through a plain set, and what it holds."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from fraud.lists.table import NO_END, ListTable, Row
from rules.windows.listed import hashed

_LOOKS = 20_000


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench lists", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    networks = sorted({_network(rng) for _ in range(options.entries)})
    _measure("networks", "cidr", "ip", networks, [str(ip_address(rng.getrandbits(32))) for _ in range(_LOOKS)])
    values = [hashed(str(number)) for number in range(options.entries)]
    _measure("hashed values", "hash", "device", values, [str(rng.randrange(2 * options.entries)) for _ in range(_LOOKS)])
    return 0


def _network(rng: random.Random) -> str:
    """Mostly what published lists hold: /16 to /32."""
    length = rng.choice((16, 18, 19, 20, 21, 22, 23, 24, 24, 24, 26, 28, 29, 32, 32))
    return f"{ip_address(rng.getrandbits(32) >> (32 - length) << (32 - length))}/{length}"


def _measure(name: str, match: str, field: str, entries: Sequence[str], asked: Sequence[str]) -> None:
    rows = [Row(entry, NO_END) for entry in entries]
    begun = time.perf_counter()
    table = ListTable(match, field).changed(rows, 1)
    built = time.perf_counter() - begun
    held = sum(len(part) * part.itemsize for numbers in table.groups.values() for part in (numbers.keys, numbers.ends))
    found = sum(table.holds(value, 0) for value in asked)
    plain = frozenset(entries)
    look = _each_us(lambda value: table.holds(value, 0), asked)
    bare = _each_us(lambda value: value in plain, asked)
    shares = f"{found / len(asked):.0%} are on the list; {len(table.groups)} lengths" if match == "cidr" else f"{found / len(asked):.0%} are on the list"
    print(f"{len(table):>9,} {name:<14} a look p50 {look[0]:5.1f} µs, p99 {look[1]:5.1f} µs ({shares}); a plain set of texts {bare[0]:.2f} µs")
    print(f"{'':>9} {'':<14} {held / len(table):.0f} bytes an entry, made in {built:.1f} s")


def _each_us(look: Callable[[str], object], asked: Sequence[str]) -> tuple[float, float]:
    times = []
    for value in asked:
        begun = time.perf_counter_ns()
        look(value)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]
