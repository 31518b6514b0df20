"""This engine beside aswan's design on one Valkey, with the same rules over the same events. Before a time is shown both must find the same hits."""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys

from bench.market.judge import fresh_valkey
from bench.risk.aswan import Aswan
from bench.risk.curves import show
from bench.risk.inside import Inside
from bench.risk.policy import AskedRule, make_counters, make_policy, make_rules
from core.hotstate.clients import HotState

# Enough for windows to fill; not so many that some customer has more events in one than aswan's design keeps.
_WARM = 500
_COMPARED = 300


def measure(options: argparse.Namespace) -> int:
    counters = make_counters()
    rules = make_rules(100, counters)
    with fresh_valkey() as hot:
        ours, others = Inside(hot, "ours", make_policy(rules, counters)), _others(hot, rules)
        each = [Inside(hot, f"other{number}", ask=design.check) for number, design in enumerate(others.values())]
        for one in (ours, *each):
            one.warm(_WARM)
        different = _different(ours, each)
        turns = [[one.turn(max(20, options.checks // (1 if one is ours else 10))) for one in (ours, *each)] for _ in range(options.rounds)]
    print(f"\n{'100 rules, same hits':<28}{'checks/s':>9}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}{'python µs':>11}{'valkey µs':>11}{'with its i/o':>14}")
    for index, name in enumerate(("this engine", *others)):
        show(name, [turn[index] for turn in turns])
        if index:
            print(f"  this engine is {statistics.median(turn[0].rate / turn[index].rate for turn in turns):.1f} times as fast")
    if different:
        print(f"{different} of {_COMPARED} events were judged differently", file=sys.stderr)
    return 1 if different else 0


def _others(hot: HotState, rules: list[AskedRule]) -> dict[str, Aswan]:
    return {
        "aswan, one pipeline": Aswan(hot, rules, "a", together=True),
        "aswan, rule after rule": Aswan(hot, rules, "b", together=False),
    }


def _different(ours: Inside, others: list[Inside]) -> int:
    """How many events any of the others judges differently."""
    found = 0
    for event, *rest in zip(*(itertools.islice(one.coming(), _COMPARED) for one in (ours, *others)), strict=True):
        results = ours.check(event).results
        mine = sorted(int(rule.removeprefix("r-")) for rule, result in results.items() if result == "hit")
        found += any(one.ask(same) != mine for one, same in zip(others, rest, strict=True))
    return found
