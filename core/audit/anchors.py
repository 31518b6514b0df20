"""Anchoring: the newest checkpoint is put outside this machine's database now and then, so that the log's end cannot be cut off unseen.

Each anchoring leaves an entry, which is also how every process knows when the next is due. Nothing of it holds up the sealer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from core.audit.checkpoints import checkpoint_line
from core.audit.log import append
from core.audit.store import last_seal
from core.clock import Clock
from core.db.engine import Database
from core.db.tables import audit_entries
from core.errors import Unavailable
from core.text import Text
from core.webhooks.send import Send

ACTION = "audit.anchored"
PLATFORM = "*"
_ACTOR = "clerk"


class Anchors:
    """Where checkpoints go: a file to which they are added, an address to which they are posted, both or none."""

    def __init__(self, database: Database, clock: Clock, send: Send, *, file: str, url: str, every: timedelta) -> None:
        self._database, self._clock, self._every = database, clock, every
        self._ways: dict[str, Callable[[bytes], str]] = {}
        if file:
            self._ways["anchor-file"] = lambda line: _add_line(Path(file), line)
        if url:
            self._ways["anchor-url"] = lambda line: send(url, {"Content-Type": "application/json"}, line).problem

    def anchor_once(self) -> int:
        """Anchor wherever it is due; returns at how many places. Raises `Unavailable` when one of them could not be reached, after trying all."""
        now, done, failed = self._clock.now(), 0, []
        for target, put in self._ways.items():
            with self._database.read() as connection:
                last, seal = anchored_at(connection, target), last_seal(connection)
            if seal is None or (last is not None and now - last < self._every):
                continue
            problem = put(checkpoint_line(seal))
            if problem:
                failed.append(f"{target}: {problem}")
                continue
            detail = {"seal": seal.head.number, "size": seal.head.size}
            with self._database.write() as connection:
                append(connection, merchant=PLATFORM, actor=_ACTOR, action=ACTION, target=target, now=now, detail=detail)
            done += 1
        if failed:
            said = "; ".join(failed)
            raise Unavailable("anchor_failed", Text(zh=f"检查点未能存到外部:{said}", en=f"a checkpoint could not be anchored: {said}"))
        return done

    def __bool__(self) -> bool:
        """Whether anything is to be anchored."""
        return bool(self._ways)

    def age_seconds(self) -> float:
        """Since the last time at the place that waits longest; infinite where it never was."""
        now = self._clock.now()
        with self._database.read() as connection:
            times = [anchored_at(connection, target) for target in self._ways]
        return max((math.inf if at is None else (now - at).total_seconds() for at in times), default=math.inf)


def anchored_at(connection: Connection, target: str) -> datetime | None:
    columns = audit_entries.c
    query = select(columns.at).where(columns.merchant == PLATFORM, columns.target == target, columns.action == ACTION).order_by(columns.id.desc()).limit(1)
    found: datetime | None = connection.execute(query).scalar_one_or_none()
    return found


def _add_line(path: Path, line: bytes) -> str:
    """Add a whole line or nothing; says what went wrong, "" when nothing did."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        return str(error.strerror)
    try:
        before = os.fstat(handle).st_size
        try:
            if os.write(handle, line) != len(line):
                raise OSError(28, "No space left on device")
            os.fsync(handle)
        except OSError as error:
            os.ftruncate(handle, before)
            return str(error.strerror)
    finally:
        os.close(handle)
    return ""
