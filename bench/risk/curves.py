"""Checks inside one process: 100 rules first, and beside them fewer and more rules, other windows, and one customer who makes many of the checks."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from bench.market.judge import fresh_valkey
from bench.risk.inside import Inside, Turn
from bench.risk.policy import make_counters, make_policy, make_rules
from core.hotstate.clients import HotState


def measure(options: argparse.Namespace) -> int:
    with fresh_valkey() as hot:
        engines = _engines(hot)
        for one in engines.values():
            one.warm()
        turns = [[one.turn(options.checks) for one in engines.values()] for _ in range(options.rounds)]
    print(f"\n{'in one process':<28}{'checks/s':>9}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}{'python µs':>11}{'valkey µs':>11}{'with its i/o':>14}")
    for index, name in enumerate(engines):
        show(name, [turn[index] for turn in turns])
    return 0


def show(name: str, turns: Sequence[Turn]) -> None:
    """The middle of the turns, figure by figure."""
    rows = [(t.rate, *map(t.percentile_ms, (0.5, 0.95, 0.99)), t.python_us, t.valkey_us, t.valkey_cpu_us) for t in turns]
    rate, p50, p95, p99, python, valkey, cpu = (statistics.median(values) for values in zip(*rows, strict=True))
    print(f"{name:<28}{rate:>9.0f}{p50:>8.2f}{p95:>8.2f}{p99:>8.2f}{python:>11.0f}{valkey:>11.0f}{cpu:>14.0f}", flush=True)


def _engines(hot: HotState) -> dict[str, Inside]:
    """Each for a shop of its own, so that none finds what another recorded."""
    usual = make_counters()
    found = {"100 rules, 10m and 24h": Inside(hot, "usual", make_policy(make_rules(100, usual), usual))}
    found |= {f"{count:,} rules": Inside(hot, f"rules{count}", make_policy(make_rules(count, usual), usual)) for count in (10, 1_000)}
    for short, long in (("1m", "10m"), ("24h", "7d")):
        counters = make_counters(short, long)
        found[f"100 rules, {short} and {long}"] = Inside(hot, f"windows{long}", make_policy(make_rules(100, counters), counters))
    found |= {f"100 rules, {share:.0%} one customer": Inside(hot, f"hot{share}", hot_share=share) for share in (0.1, 0.5)}
    return found
