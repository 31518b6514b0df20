"""The market before the live engine, event by event in time order, as production feeds it: told events are observed, the others checked.

Whoever was refused at a gate does not come to the next ones. Where a machine alone refuses nobody (a paid order, a commission), a rejection holds.
Days pass in seconds here, so only what windows forget is forgotten, and nothing by the server's own expiry.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.market.model import Act, Market, Record
from bench.market.searched import PeriodicSearch
from core.clock import TurnedClock, from_micros
from core.embedded.valkey import EmbeddedValkey
from core.event import DEVICE_FLAGS, PERSONAL_FIELDS, PLAIN_FIELDS, Event
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from fraud.decision import Decision
from fraud.engine import RiskEngine
from fraud.lists.live import NO_LISTS
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from rules.model import severity

PASSED, TOLD, UNREACHED = "allow", "told", "unreached"
# See docs/adr/0010: a rejection here goes to a person, as a review does.
HELD_AT_MOST = frozenset({"group_buy.success", "bargain.pay", "seckill.pay", "promoter.accrue", "promoter.settle"})
_SAME_NAME = ("id", "type", "merchant", *PERSONAL_FIELDS, *PLAIN_FIELDS)
_MASTER = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one act: the outcome as the shop would apply it, and the codes of the reasons. A told or unreached act has none."""

    act: Act
    outcome: str
    codes: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdicts:
    """What came of the market: of each act, the worst that befell each gain, and how many decisions fell back."""

    acts: list[Judged] = field(default_factory=list)
    gains: dict[str, str] = field(default_factory=dict)
    degraded: int = 0


@contextlib.contextmanager
def fresh_valkey() -> Iterator[HotState]:
    """An empty server of our own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sheepdog-market-") as folder:
        server = EmbeddedValkey(Path(folder), 0)
        client = connect(server.start(), timeout_seconds=10.0)
        try:
            yield client
        finally:
            client.close()
            server.stop()


def judge(market: Market, policies: Policies, hot: HotState, *, gangs: bool = True) -> Verdicts:
    """Let the engine see it all, and the search for gangs what was, every six hours. `hot` must be empty: what it holds of another market would count."""
    verdicts = Verdicts(gains=dict.fromkeys(market.gains, PASSED))
    clock = TurnedClock(from_micros(int(market.acts[0].record["at"])))
    # A generous deadline: the question is what the rules say, not how fast the machine is.
    vault = Vault(_MASTER)
    search = PeriodicSearch(vault, market.acts[0].record, clock.now()) if gangs else None
    engine = RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000, lists=search.lists if search else lambda: NO_LISTS)
    for act in market.acts:
        event = event_of(act.record)
        clock.turn(seconds=(event.received_at - clock.now()).total_seconds())
        if search is not None:
            search.run_if_due(clock.now())
        seen = True
        if act.guards and all(verdicts.gains[gain] == "reject" for gain in act.guards):
            verdicts.acts.append(Judged(act, UNREACHED))
            seen = False
        elif act.judged:
            decision = engine.check(event, event.type)
            _apply(verdicts, act, decision)
            # As the service reads it: what was refused was no act.
            seen = decision.outcome != "reject"
        else:
            engine.observe(event)
            verdicts.acts.append(Judged(act, TOLD))
        if search is not None and seen:
            search.saw(event)
    return verdicts


def _apply(verdicts: Verdicts, act: Act, decision: Decision) -> None:
    outcome = "review" if decision.outcome == "reject" and decision.scene in HELD_AT_MOST else decision.outcome
    verdicts.acts.append(Judged(act, outcome, tuple(reason.code for reason in decision.reasons)))
    verdicts.degraded += decision.degraded
    for gain in act.guards:
        verdicts.gains[gain] = max(verdicts.gains[gain], outcome, key=severity)


def event_of(record: Record) -> Event:
    """The record as the engine takes it, received when it happened."""
    at, opened, amount = (record.get(name) for name in ("at", "session_started_at", "amount"))
    said = {name: str(record[name]) for name in _SAME_NAME if name in record}
    moment, probed = from_micros(int(at or 0)), any(f"device_{flag}" in record for flag in DEVICE_FLAGS)
    return Event(
        **said,  # type: ignore[arg-type]
        occurred_at=moment,
        received_at=moment,
        session_started_at=None if opened is None else from_micros(int(opened)),
        amount_fen=None if amount is None else int(amount),
        device_flags=tuple(flag for flag in DEVICE_FLAGS if record[f"device_{flag}"]) if probed else None,
    )
