"""Where the one decision per (merchant, scene, event id) stands for a day, and the stream that carries decisions to SQL.

Answers and streams are spread over a few shards, whose hash tag both share: one script stores and appends atomically, also on a cluster.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.event import Event
from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.scripts import Argument, Call, Command, Script
from core.privacy.vault import Vault
from fraud.decision import Decision, from_record
from fraud.forks import afresh_in_child
from fraud.streamed import Streamed, read_message

SHARDS = 8
# Messages that a shard may hold while nobody drains it. One is usually 2 kB, so all shards together stay near 150 MB.
SHARD_MAX = 10_000
_GET = Command("GET")
_ARBITRATE = Script(Path(__file__).parent / "arbitrate.lua")


def stream_key(shard: int) -> str:
    return f"sd:d:{{{shard}}}:stream"


def places_key(shard: int) -> str:
    """Where each decision of the shard's stream stands in it, for as long as it waits there."""
    return f"sd:d:{{{shard}}}:places"


@dataclass(frozen=True, slots=True)
class Place:
    """The keys of one event's answer."""

    shard: int
    answer: str
    stream: str


class Answers:
    """Stores answers. `keep_seconds` is how long a retry of the event hears the same decision from here."""

    def __init__(self, client: HotState, vault: Vault, keep_seconds: int = 86_400, shard_max: int = SHARD_MAX) -> None:
        self._client = client
        self._vault = vault
        self._keep_ms = keep_seconds * 1000
        self._shard_max = shard_max
        self._numbers = Numbers()

    def place(self, event: Event, scene: str) -> Place:
        token = self._vault.token(event.merchant, f"answer:{scene}", event.id)
        shard = int(token[:8], 16) % SHARDS
        return Place(shard, f"sd:d:{{{shard}}}:{token}", stream_key(shard))

    def look(self, place: Place) -> Call:
        """The call that reads the stored decision's bytes."""
        return _GET, [place.answer], []

    def settle(self, place: Place, decision: Decision) -> Decision:
        """Store the decision; returns it, or the rival's that stood already."""
        raw = _ARBITRATE.run(self._client, [place.answer], [decision.record(), self._keep_ms])
        return _settled(decision, raw)

    def settle_and_stream(self, place: Place, decision: Decision, event: Event) -> Decision | None:
        """Store the decision and append it, with its event, to the stream; a rival's was appended by the rival.

        None when the stream is full: nothing is stored then.
        """
        sealed = base64.b64encode(self._vault.seal_transit(event.personal())).decode()
        carried = json.dumps({"sealed": sealed, "rest": event.impersonal(), "timing": decision.timing})
        number = self._numbers.take()
        appended = False
        try:
            arguments: list[Argument] = [decision.record(), self._keep_ms, number.process, number.count, carried, self._shard_max, decision.id]
            raw = _ARBITRATE.run(self._client, [place.answer, place.stream, places_key(place.shard)], arguments)
            appended = raw[0] == "stored"
        finally:
            if not appended:
                self._numbers.put_back(number)
        return None if raw[0] == "full" else _settled(decision, raw)

    def waiting(self, decision_id: str) -> Streamed | None:
        """The decision while it waits in the stream; None for one that never went there, has left it, or cannot be read. Raises `Unavailable`."""
        with hot_state_guard():
            pipe = self._client.pipeline(transaction=False)
            for shard in range(SHARDS):
                pipe.hget(places_key(shard), decision_id)
            found = [(shard, message) for shard, message in enumerate(pipe.execute()) if message is not None]
            for shard, message in found:
                for message_id, fields in self._client.xrange(stream_key(shard), message, message):
                    return read_message(self._vault, shard, message_id, fields)
        return None


@dataclass(frozen=True, slots=True)
class Number:
    process: str
    count: int


class Numbers:
    """Numbers of one process, 1, 2, 3 …: a number that never arrives is a decision that was lost. One not used is given out again."""

    def __init__(self) -> None:
        self._start()
        afresh_in_child(self._start)

    def take(self) -> Number:
        with self._lock:
            return self._unused.pop() if self._unused else Number(self._process, next(self._next))

    def put_back(self, number: Number) -> None:
        with self._lock:
            self._unused.append(number)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._process = secrets.token_hex(8)
        self._next = itertools.count(1)
        self._unused: list[Number] = []


def _settled(ours: Decision, raw: Sequence[str]) -> Decision:
    return ours if raw[0] == "stored" else from_record(raw[1])
