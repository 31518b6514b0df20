"""The drainer: from the decision streams to SQL, at most 200 rows in a transaction, acknowledged after the commit.

A kill between commit and acknowledgement brings the batch again; rows are unique by event, so nothing is written twice.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError
from sqlalchemy import Connection, select, text

from core.audit.log import append
from core.clock import Clock, to_millis
from core.db.engine import Database
from core.db.tables import audit_entries
from core.errors import Unavailable
from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.scripts import Call, Script, run_together
from core.privacy.vault import Vault
from core.text import Text
from fraud.answers import SHARDS, places_key, stream_key
from fraud.numbers import GRACE_MS, SeenNumbers
from fraud.store.bulk import insert_streamed
from fraud.streamed import Streamed, read_message

GROUP = "drain"
BATCH_ROWS = 200
DEAD_MAX = 10_000
TARGET = "decision-stream"
PLATFORM = "*"
_ACTOR = "drainer"
_ACKNOWLEDGE = Script(Path(__file__).parent / "acknowledge.lua")
_LOCK = 0xD2A15
_Raw = tuple[int, str, dict[str, str]]


def last_state(connection: Connection) -> tuple[dict[str, Any] | None, int]:
    """The numbers seen as the last batch left them, None before the first, and how many decisions never came out of the stream."""
    columns = audit_entries.c
    mine = (columns.merchant == PLATFORM, columns.target == TARGET, columns.action == "decisions.drained")
    body = connection.execute(select(columns.body).where(*mine).order_by(columns.id.desc()).limit(1)).scalar_one_or_none()
    if body is None:
        return None, 0
    detail = json.loads(body)["detail"]
    return detail["numbers"], detail.get("missing", 0)


class Drainer:
    """One consumer of all shards. `metrics` counts drained, repeated, unreadable and missing decisions since the start."""

    def __init__(
        self,
        client: HotState,
        database: Database,
        vault: Vault,
        clock: Clock,
        *,
        consumer: str | None = None,
        stale_ms: int = 30_000,
        gap_grace_ms: int = GRACE_MS,
    ) -> None:
        self._client = client
        self._database = database
        self._vault = vault
        self._clock = clock
        self._consumer = consumer or f"drainer-{secrets.token_hex(6)}"
        self._stale_ms = stale_ms
        self._gap_grace_ms = gap_grace_ms
        self._own_first = True
        self._seen: SeenNumbers | None = None
        self.metrics: Counter[str] = Counter()

    def drain_once(self, most: int = BATCH_ROWS) -> int:
        """Drain one batch; returns how many messages left the stream. Raises `Unavailable` when a store is away: nothing is lost then."""
        raw, now = self._read(most), self._clock.now()
        if not raw:
            self._own_first = False
            self._report_gaps(now)
            return 0
        # Until the commit stands, the next try begins with what was already handed to us.
        self._own_first = True
        good = [one for one in (read_message(self._vault, *each) for each in raw) if one is not None]
        refused = self._commit_or_sort_out(good, now)
        if refused is None:
            return 0
        kept = {(one.shard, one.message_id) for one in good} - {(one.shard, one.message_id) for one in refused}
        bad = [one for one in raw if one[:2] not in kept]
        # First, because it makes room: in a Redis that is full nothing can be set aside before something has left.
        self._acknowledge([one for one in raw if one[:2] in kept])
        self._set_aside(bad, now)
        self._acknowledge(bad)
        self._own_first = False
        return len(raw)

    def _commit_or_sort_out(self, messages: Sequence[Streamed], now: datetime) -> list[Streamed] | None:
        """Commit the batch, or each message alone when one spoils it; returns those SQL will never take, None when it is another's turn."""
        try:
            return [] if self._commit(messages, now) else None
        except Unavailable:
            raise
        except Exception:
            return [one for one in messages if not self._fits(one, now)]

    def _fits(self, message: Streamed, now: datetime) -> bool:
        try:
            if not self._commit([message], now):
                raise Unavailable("another_drainer", Text(zh="另一个进程正在写入", en="another drainer has its turn"))
        except Unavailable:
            raise
        except Exception:
            return False
        return True

    def _set_aside(self, raw: Sequence[_Raw], now: datetime) -> None:
        """Keep what could not be written where an engineer finds it, and say so in the audit."""
        if not raw:
            return
        with hot_state_guard():
            for shard, message_id, fields in raw:
                entry: dict[Any, Any] = {**fields, "message_id": message_id}
                self._client.xadd(f"{stream_key(shard)}:dead", entry, maxlen=DEAD_MAX)
        with self._database.write() as connection:
            detail = {"messages": [f"{shard}:{message_id}" for shard, message_id, _ in raw]}
            self._audit(connection, "decisions.unreadable", detail, now)
        self.metrics["unreadable"] += len(raw)

    def _read(self, most: int) -> list[_Raw]:
        found: list[_Raw] = []
        for shard in range(SHARDS):
            if len(found) < most:
                found += self._read_shard(shard, most - len(found))
        return found

    def _read_shard(self, shard: int, most: int) -> list[_Raw]:
        key = stream_key(shard)
        with hot_state_guard():
            try:
                messages = self._messages(key, most)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._make_group(key)
                messages = self._messages(key, most)
        return [(shard, message_id, fields or {}) for message_id, fields in messages]

    def _messages(self, key: str, most: int) -> list[tuple[str, dict[str, str] | None]]:
        if self._own_first:
            own = self._read_group(key, "0", most)
            if own:
                return own
        stale = self._client.xautoclaim(key, GROUP, self._consumer, min_idle_time=self._stale_ms, start_id="0-0", count=most)
        claimed: list[tuple[str, dict[str, str] | None]] = list(stale[1])
        return claimed or self._read_group(key, ">", most)

    def _read_group(self, key: str, start: str, most: int) -> list[tuple[str, dict[str, str] | None]]:
        answer: Any = self._client.xreadgroup(GROUP, self._consumer, {key: start}, count=most)
        return list(answer[0][1]) if answer else []

    def _make_group(self, key: str) -> None:
        try:
            self._client.xgroup_create(key, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _commit(self, messages: Sequence[Streamed], now: datetime) -> bool:
        with self._database.write() as connection:
            if not self._sole_drainer(connection):
                return False
            hashes = insert_streamed(connection, self._vault, messages, now)
            before, lost = last_state(connection)
            seen = SeenNumbers(before)
            seen.add(((one.process, one.number) for one in messages), to_millis(now))
            missing = self._note_gaps(connection, seen, now)
            # A batch that comes again after a kill changes nothing, so it leaves no second entry.
            if hashes or seen.state() != (before or {}):
                detail = {"hashes": hashes, "numbers": seen.state(), "missing": lost + missing}
                self._audit(connection, "decisions.drained", detail, now)
        self._seen = seen
        self.metrics.update(drained=len(hashes), repeated=len(messages) - len(hashes), missing=missing)
        return True

    def _report_gaps(self, now: datetime) -> None:
        """Without new messages holes still grow old."""
        if self._seen is None or not SeenNumbers(self._seen.state()).overdue(to_millis(now), self._gap_grace_ms):
            return
        self._commit([], now)

    def _note_gaps(self, connection: Connection, seen: SeenNumbers, now: datetime) -> int:
        gaps = seen.overdue(to_millis(now), self._gap_grace_ms)
        for gap in gaps:
            detail = {"process": gap.process, "first": gap.first, "last": gap.last, "count": gap.count}
            self._audit(connection, "decisions.gap", detail, now)
        return sum(gap.count for gap in gaps)

    def _audit(self, connection: Connection, action: str, detail: dict[str, Any], now: datetime) -> None:
        append(connection, merchant=PLATFORM, actor=_ACTOR, action=action, target=TARGET, now=now, detail=detail)

    def _sole_drainer(self, connection: Connection) -> bool:
        # SQLite's BEGIN IMMEDIATE is the lock itself.
        locked = self._database.is_sqlite or connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar_one()
        return bool(locked)

    def _acknowledge(self, raw: Sequence[_Raw]) -> None:
        if not raw:
            return
        run_together(self._client, [_acknowledging(shard, [one for one in raw if one[0] == shard]) for shard in {one[0] for one in raw}])


def _acknowledging(shard: int, raw: Sequence[_Raw]) -> Call:
    ids = [name for _, message_id, fields in raw for name in (message_id, fields.get("id", ""))]
    return _ACKNOWLEDGE, [stream_key(shard), places_key(shard)], [GROUP, *ids]
