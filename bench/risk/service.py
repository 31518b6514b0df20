"""Checks over HTTP beside the bare endpoint, from one load generator in turns: the shipped policy, 10, 100 and 1,000 rules, and a busy customer."""

from __future__ import annotations

import argparse
from typing import Any

from bench.endpoints import good, rounds_of, show
from bench.house import House, running
from bench.risk.policy import make_counters, make_rules, make_source
from bench.targets import Target, actor, check_body, targets, wire

_RULES = (10, 100, 1_000)


def measure(options: argparse.Namespace) -> int:
    counters = make_counters()
    with running(policies=[make_source(make_rules(count, counters), counters, f"rules-{count}", _scene(count)) for count in _RULES]) as house:
        chosen = _targets(house)
        rounds = rounds_of(chosen, options.rounds, options.seconds, options.connections)
    print()
    show(chosen, rounds)
    return 0 if good(chosen, rounds) else 1


def _targets(house: House) -> list[Target]:
    bare, shipped = targets(house)[:2]
    found = [bare, shipped]
    found += [Target(f"{count:,} rules", house.settings.port, lambda n, count=count: _asked(house, n, count, n), 200) for count in _RULES]  # type: ignore[misc]
    # Every second check comes from one customer on one device.
    return [*found, Target("100, half one", house.settings.port, lambda n: _asked(house, n, 100, n * (n % 2)), 200)]


def _asked(house: House, number: int, rules: int, who: int) -> bytes:
    body: dict[str, Any] = {**check_body(number), **actor(who), "scene": _scene(rules), "id": f"c{rules}-{number}"}
    return wire("/v1/risk/checks", body, house.key)


def _scene(rules: int) -> str:
    # One for each, so that none records what another counts.
    return f"bench.rules{rules}"
