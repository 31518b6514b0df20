"""Timers are rows: whatever must happen later stands in SQL, so a lost queue loses nothing. RQ only wakes; a sweeper re-enqueues what is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, select, update

from core.db.engine import insert_ignore
from core.db.tables import timers
from core.ids import new_id

ATTEMPTS_MAX = 12
# What a handler returns must follow the commit; the composition root knows how.
Handler = Callable[[Connection, str, datetime], Any]


@dataclass(frozen=True, slots=True)
class Timer:
    id: str
    merchant: str
    kind: str
    ref: str
    due_at: datetime
    attempts: int


class Handlers:
    """What each kind of timer does. A kind is registered once; every handler is idempotent and runs in the timer's own transaction."""

    def __init__(self) -> None:
        self._by_kind: dict[str, Handler] = {}
        self._prepared: dict[str, Callable[[str], Handler]] = {}

    def register(self, kind: str, handler: Handler) -> None:
        if kind in self._by_kind:
            raise ValueError(f"timer kind {kind} is registered twice")
        self._by_kind[kind] = handler

    def register_prepared(self, kind: str, prepare: Callable[[str], Handler]) -> None:
        """For what must look elsewhere first: `prepare` runs outside of the transaction and returns the handler."""
        self.register(kind, lambda connection, ref, now: prepare(ref)(connection, ref, now))
        self._prepared[kind] = prepare

    def ready(self, kind: str, ref: str) -> Handler:
        """The handler of a timer that is about to fire. Call it outside of any transaction."""
        return self._prepared[kind](ref) if kind in self._prepared else self._by_kind[kind]

    def kinds(self) -> frozenset[str]:
        return frozenset(self._by_kind)

    def __getitem__(self, kind: str) -> Handler:
        return self._by_kind[kind]


def set_timer(connection: Connection, *, merchant: str, kind: str, ref: str, due_at: datetime) -> None:
    """Set the one timer of this kind for `ref`; a timer that stands is moved and armed again."""
    values = {"id": new_id("tmr"), "merchant": merchant, "kind": kind, "ref": ref, "due_at": due_at, "state": "pending", "attempts": 0}
    if not insert_ignore(connection, timers, values):
        same = (timers.c.kind == kind, timers.c.ref == ref)
        connection.execute(update(timers).where(*same).values(due_at=due_at, state="pending", attempts=0, last_error=None))


def due_timers(connection: Connection, now: datetime, most: int = 200) -> list[Timer]:
    """Pending timers whose time has come, oldest first."""
    query = select(*_columns()).where(timers.c.state == "pending", timers.c.due_at <= now).order_by(timers.c.due_at).limit(most)
    return [Timer(*row) for row in connection.execute(query)]


def fire(connection: Connection, timer_id: str, handlers: Handlers, now: datetime) -> bool:
    """Run a due timer once, in this transaction; False when it is done, moved or gone. A failing handler's error goes up, see `postpone`."""
    return fire_with(connection, timer_id, lambda timer: handlers[timer.kind], now)[0]


def fire_with(connection: Connection, timer_id: str, handler_of: Callable[[Timer], Handler], now: datetime) -> tuple[bool, Any]:
    """The same with the handler that `handler_of` gives; beside it, what the handler returned."""
    # Marked first: on PostgreSQL the row lock keeps a second worker waiting, and then it finds the timer done.
    claim = update(timers).where(timers.c.id == timer_id, timers.c.state == "pending", timers.c.due_at <= now)
    if connection.execute(claim.values(state="done")).rowcount != 1:
        return False, None
    timer = find_timer(connection, timer_id)
    return True, handler_of(timer)(connection, timer.ref, now)


def find_timer(connection: Connection, timer_id: str) -> Timer:
    return Timer(*connection.execute(select(*_columns()).where(timers.c.id == timer_id)).one())


def postpone(connection: Connection, timer_id: str, error: str, now: datetime) -> None:
    """After a failure: try again with a doubling pause (2 s to 1 h); after the last attempt the timer is dead and shown as such.

    A timer that somebody moved into the future meanwhile keeps its new time.
    """
    attempts = connection.execute(select(timers.c.attempts).where(timers.c.id == timer_id)).scalar_one() + 1
    pause = timedelta(seconds=min(3600, 2**attempts))
    state = "dead" if attempts >= ATTEMPTS_MAX else "pending"
    values = {"attempts": attempts, "due_at": now + pause, "state": state, "last_error": error[:200]}
    still_due = (timers.c.id == timer_id, timers.c.state == "pending", timers.c.due_at <= now)
    connection.execute(update(timers).where(*still_due).values(**values))


def _columns() -> list[Column[Any]]:
    return [timers.c[name] for name in Timer.__slots__]
