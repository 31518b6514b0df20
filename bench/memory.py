"""`python -m bench memory`: the bytes that one entity takes in Redis (MEMORY USAGE of all its keys), by how its feature is kept and how many events it had."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from os import urandom

from bench.market.judge import fresh_valkey
from core.event import Event
from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.vault import Vault
from fraud.features.read import FeatureReader
from rules.files.load import load_ruleset
from rules.model import Ruleset

# Kept as → the feature, over events half a minute apart, every one of another device.
FEATURES = {
    "count": "count: events, by: user, window: 24h, cap: 1000",
    "distinct": "distinct: device, by: user, window: 24h, cap: 1000",
    "log: times": "gap_cv: events, by: user, window: 24h",
    "log: amounts": "percentile: amount, rank: 90, by: user, window: 24h",
    "newest": "time_since: events, by: user, window: 24h",
    "bucketed count": "count: events, by: user, window: 24h, mode: bucketed, bucket: 1h",
    "bucketed sum": "sum: amount, by: user, window: 24h, mode: bucketed, bucket: 1h",
    "bucketed distinct": "distinct: device, by: user, window: 24h, mode: bucketed, bucket: 1h",
}
SIZES = (10, 100, 1_000)
_START = datetime(2026, 11, 20, 4, tzinfo=UTC)
_APART = timedelta(seconds=30)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench memory", description=__doc__)
    parser.parse_args(arguments)
    print("| kept as | " + " | ".join(f"{size:,} events" for size in SIZES) + " |")
    print("|---|" + "---|" * len(SIZES))
    with fresh_valkey() as hot:
        for name, feature in FEATURES.items():
            print(f"| {name} | " + " | ".join(f"{bytes_of(hot, feature, size):,}" for size in SIZES) + " |")
    return 0


def bytes_of(hot: HotState, feature: str, events: int) -> int:
    """All keys of one user after so many events, with a fresh server state before and after."""
    hot.flushall()
    policy, vault = _policy(feature), Vault(urandom(32))
    reader = FeatureReader(vault, [policy], 86_400)
    for number in range(events):
        at = _START + number * _APART
        one = Event(f"e{number}", policy.scene, "demo", at, at, "u1", device=f"device-{number}", amount_fen=1_000 + number % 500)
        run_together(hot, reader.prepare(one, policy.scene, policy).calls)
    taken = sum(hot.memory_usage(key, samples=0) for key in hot.scan_iter("sd:f:*"))
    hot.flushall()
    return taken


def _policy(feature: str) -> Ruleset:
    source = f"policy: one\nscene: coupon.claim\nfeatures:\n  f: {{{feature}}}\nrules: []\nbands: {{review: 1, reject: 2}}\nwhen_unavailable: hold\n"
    return load_ruleset(source.encode(), "one.yaml").ruleset
