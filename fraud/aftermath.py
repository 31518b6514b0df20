"""Redis was away, and the decision went to SQL alone: a retry that comes when Redis is back must hear the same, although Redis knows nothing of it.

So a process that recorded a degraded decision looks into SQL first for a while. A retry that comes later still, or to a process that was idle all the
while, is judged anew: both decisions are on record then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from core.errors import Unavailable
from core.event import Event
from core.ids import new_id
from fraud.decision import Decision

# Shops send again within moments what they got no reply to.
AFTERMATH_SECONDS = 30.0


class DirectWriter(Protocol):
    """Writes a decision to SQL before it returns, and returns the one that stands there."""

    def record_check(self, decision: Decision, event: Event) -> Decision: ...

    def standing_check(self, merchant: str, scene: str, event_id: str, event_hash: str) -> Decision | None: ...


class Aftermath:
    """One for each process; safe to share between threads."""

    def __init__(self, direct: DirectWriter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._direct = direct
        self._monotonic = monotonic
        self._until = 0.0

    def record(self, decision: Decision, event: Event) -> Decision:
        """Put a degraded decision on record; returns the one that stands. Raises `Unavailable`."""
        self._until = self._monotonic() + AFTERMATH_SECONDS
        # Under an id of its own: the verdict's may stand in the stream, only its reply lost, and come to SQL from there.
        return self._direct.record_check(replace(decision, id=new_id("dec")), event)

    def earlier(self, event: Event, scene: str, event_hash: str) -> Decision | None:
        """What was told of the event already, as far as it may be SQL alone that knows. Without SQL the check goes on."""
        if self._monotonic() >= self._until:
            return None
        try:
            return self._direct.standing_check(event.merchant, scene, event.id, event_hash)
        except Unavailable:
            return None
