"""The policy that is measured: features over six entities, and rules that each ask a window and the amount. Plain data, which other designs read too.

Rules come in one order for a seed: a thousand of them begin with the hundred. About one in fifty holds for a customer of the town.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from rules.files.load import load_ruleset
from rules.model import Ruleset

SCENE = "coupon.claim"
# What else an entity is seen with: whose different values are counted.
_SEEN_WITH = {"user": "device", "device": "user", "ip": "user", "phone": "user", "payment_account": "user", "address": "user"}
ENTITIES = tuple(_SEEN_WITH)
_CAP = 100


@dataclass(frozen=True, slots=True)
class Counter:
    """How many events, or how many different values of `of`, the entity `by` had in the window."""

    name: str
    by: str
    of: str | None
    window: str

    @property
    def document(self) -> dict[str, Any]:
        counted = {"count": "events"} if self.of is None else {"distinct": self.of}
        return {**counted, "by": self.by, "window": self.window, "cap": _CAP}


@dataclass(frozen=True, slots=True)
class AskedRule:
    """Holds when the counter reaches `least` and the amount reaches `least_fen`."""

    counter: Counter
    least: int
    least_fen: int

    @property
    def source(self) -> str:
        return f"{self.counter.name} >= {self.least} and amount >= ¥{self.least_fen // 100}.{self.least_fen % 100:02d}"


def make_counters(short: str = "10m", long: str = "24h") -> list[Counter]:
    """Twenty: a count over each window and a distinct count for each entity, and two distinct counts more."""
    found = [Counter(f"events_of_{by}_{window}", by, None, window) for by in ENTITIES for window in (short, long)]
    found += [Counter(f"others_of_{by}_{long}", by, of, long) for by, of in _SEEN_WITH.items()]
    return [*found, Counter(f"ips_of_user_{long}", "user", "ip", long), Counter(f"devices_of_ip_{short}", "ip", "device", short)]


def make_rules(count: int, counters: list[Counter], seed: int = 1) -> list[AskedRule]:
    rng = random.Random(seed)
    return [AskedRule(rng.choice(counters), rng.randrange(3, 99), rng.randrange(0, 20_000)) for _ in range(count)]


def make_policy(rules: list[AskedRule], counters: list[Counter]) -> Ruleset:
    return load_ruleset(make_source(rules, counters), "measured.yaml").ruleset


def make_source(rules: list[AskedRule], counters: list[Counter], name: str = "measured", scene: str = SCENE) -> bytes:
    """The policy's file: JSON is YAML too."""
    document = {
        "policy": name,
        "scene": scene,
        "features": {one.name: one.document for one in counters},
        "rules": [
            {"id": f"r-{index}", "when": rule.source, "score": 1, "reason": {"code": f"r_{index}", "zh": "测", "en": "measured"}}
            for index, rule in enumerate(rules)
        ],
        "bands": [{"needs": [], "review": 40, "reject": 80}],
        "when_unavailable": "hold",
    }
    return json.dumps(document).encode()
