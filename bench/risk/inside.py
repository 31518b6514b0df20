"""Checks inside one process on a warm Valkey: how many a second, how long they take, and what of it is Python's and what Valkey's own time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bench.risk.policy import make_counters, make_policy, make_rules
from bench.risk.town import events
from core.clock import TurnedClock
from core.event import Event
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.answers import SHARDS, places_key, stream_key
from fraud.decision import Decision
from fraud.engine import RiskEngine
from fraud.rulesets.bundle import always
from rules.model import Ruleset

# A day of the town, so that the windows of a day are full.
WARM = 2_500
_MASTER = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Turn:
    """Latencies in seconds, sorted. Of each check in µs: this process's time, Valkey's in scripts, and its processor time with reading and writing."""

    seconds: float
    latencies: list[float]
    python_us: float
    valkey_us: float
    valkey_cpu_us: float

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        return 1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class Inside:
    """One engine, for one shop, whose clock is its events'. `ask` measures something else than this engine."""

    def __init__(self, hot: HotState, shop: str, policy: Ruleset | None = None, hot_share: float = 0.0, ask: Callable[[Event], object] | None = None) -> None:
        counters = make_counters()
        self._hot, self._shop = hot, shop
        self._events = events(hot_share)
        self._clock = TurnedClock(next(events()).received_at)
        live = always([policy or make_policy(make_rules(100, counters), counters)])
        self._engine = RiskEngine(hot, Vault(_MASTER), live, self._clock, deadline_ms=10_000)
        self.ask: Callable[[Event], object] = ask or self.check

    def check(self, event: Event) -> Decision:
        """As the endpoint does it."""
        self._turn_to(event)
        event = replace(event, merchant=self._shop)
        return self._engine.check_and_stream(event, event.type)

    def coming(self) -> Iterator[Event]:
        return self._events

    def warm(self, count: int = WARM) -> None:
        for event in itertools.islice(self._events, count):
            self.ask(event)
        self._drain()

    def turn(self, count: int) -> Turn:
        """Measure `count` checks. What they put into the stream is taken out before the next turn."""
        latencies = []
        before = (time.process_time() * 1e6, *spent_us(self._hot))
        begun = time.perf_counter()
        for event in itertools.islice(self._events, count):
            start = time.perf_counter()
            self.ask(event)
            latencies.append(time.perf_counter() - start)
        seconds = time.perf_counter() - begun
        after = (time.process_time() * 1e6, *spent_us(self._hot))
        self._drain()
        python, scripts, commands, cpu = ((end - start) / count for start, end in zip(before, after, strict=True))
        # The time of a script holds that of its commands, so these are counted only where no script ran.
        return Turn(seconds, sorted(latencies), python, scripts or commands, cpu)

    def _turn_to(self, event: Event) -> None:
        self._clock.turn(seconds=(event.received_at - self._clock.now()).total_seconds())

    def _drain(self) -> None:
        self._hot.delete(*(key(shard) for shard in range(SHARDS) for key in (stream_key, places_key)))


def spent_us(hot: HotState) -> tuple[float, float, float]:
    """What the server has spent so far in µs: in scripts, in commands on sets, and of its processor's time."""
    commands, cpu = hot.info("commandstats"), hot.info("cpu")
    scripts, sets = (float(sum(one["usec"] for name, one in commands.items() if name.startswith(begin))) for begin in ("cmdstat_eval", "cmdstat_z"))
    return scripts, sets, 1e6 * (cpu["used_cpu_user"] + cpu["used_cpu_sys"])
