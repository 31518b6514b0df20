"""What an entity takes of Valkey's memory after 10, 100 and 1,000 events, for each kind of series that features keep."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bench.market.judge import fresh_valkey
from bench.risk.inside import Inside
from bench.risk.policy import SCENE
from bench.risk.town import event_of
from core.hotstate.clients import HotState
from rules.files.load import load_ruleset

COUNTS = (10, 100, 1_000)
_FEATURES: dict[str, dict[str, Any]] = {
    "count, cap 100": {"count": "events", "by": "device", "window": "7d", "cap": 100},
    "count, cap 1,000": {"count": "events", "by": "device", "window": "7d", "cap": 1_000},
    "distinct, cap 100": {"distinct": "order_id", "by": "device", "window": "7d", "cap": 100},
    "sum, exact": {"sum": "amount", "by": "device", "window": "7d"},
    "distinct of orders, any day": {"distinct": "order_id", "by": "device", "window": "24h", "any_window": "6d"},
    "time since": {"time_since": "events", "by": "device", "window": "7d"},
}


def measure(options: argparse.Namespace) -> int:
    del options
    with fresh_valkey() as hot:
        found = {name: _bytes(hot, number, feature) for number, (name, feature) in enumerate(_FEATURES.items())}
    print(f"\n{'bytes of one device':<28}" + "".join(f"{count:>9,} events" for count in COUNTS))
    for name, sizes in found.items():
        print(f"{name:<28}" + "".join(f"{size:>16,}" for size in sizes))
    return 0


def _bytes(hot: HotState, number: int, feature: dict[str, Any]) -> list[int]:
    document = {"policy": "sized", "scene": SCENE, "features": {"asked": feature}, "rules": [], "bands": {"review": 1}, "when_unavailable": "hold"}
    inside = Inside(hot, f"sized{number}", load_ruleset(json.dumps(document).encode(), "sized.yaml").ruleset)
    sizes = []
    for step in range(COUNTS[-1]):
        inside.check(event_of(step, 0, 1_000))
        if step + 1 in COUNTS:
            # What holds decisions for retries is no part of the entity.
            sizes.append(sum(int(hot.memory_usage(key, samples=0)) for key in hot.scan_iter(match=f"sd:f:*sized{number}:*", count=1_000)))
    return sizes
