"""The search as a job: a timer for each merchant that reads the window, looks, keeps what it found, and sets itself again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select

from core.clock import Clock
from core.db.engine import Database
from core.db.tables import timers
from core.deeds import Deeds
from core.errors import Conflict
from core.jobs.timers import Handler, set_timer
from core.privacy.vault import Vault
from fraud.gangs.find import find_gangs
from fraud.gangs.keeping import keep_gangs
from fraud.gangs.model import Gang
from fraud.gangs.reading import merchants_with_events, read_record
from fraud.gangs.record import Record

log = structlog.get_logger(__name__)
TIMER = "gangs.search"
# Nobody else begins a merchant's search while one may be under way; one that was killed is tried again after it.
_LEASE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class GangSearch:
    """`every_hours` 0 searches only when asked."""

    database: Database
    vault: Vault
    clock: Clock
    window_days: int
    every_hours: int
    # What the other rooms keep of people's acts.
    deeds: Deeds | None = None

    def look(self, merchant: str, days: int | None = None) -> tuple[Record, list[Gang]]:
        """What a search of the merchant's last days finds; writes nothing."""
        now = self.clock.now()
        with self.database.read() as connection:
            record = read_record(connection, self.vault, merchant, now - timedelta(days=days or self.window_days), now, deeds=self.deeds)
        return record, find_gangs(record)

    def run(self, merchant: str) -> Handler:
        """The timer's work, done when this returns: it moves the timer itself, so what is left of it has nothing to do."""
        if self.every_hours:
            with self.database.write() as connection:
                self._set(connection, merchant, self.clock.now() + _LEASE)
            record, gangs = self.look(merchant)
            now = self.clock.now()
            with self.database.write() as connection:
                self._keep(connection, record, gangs, now)
                self._set(connection, merchant, now + timedelta(hours=self.every_hours))
        return lambda connection, ref, now: None

    def arm(self) -> int:
        """Set the timer of every merchant who has none that waits; returns how many."""
        if not self.every_hours:
            return 0
        with self.database.read() as connection:
            waiting = set(connection.execute(select(timers.c.ref).where(timers.c.kind == TIMER, timers.c.state == "pending")).scalars())
            known = {*merchants_with_events(connection), *(self.deeds.merchants(connection) if self.deeds else ())}
        missing = sorted(known - waiting)
        for merchant in missing:
            with self.database.write() as connection:
                self._set(connection, merchant, self.clock.now())
        return len(missing)

    def _set(self, connection: Connection, merchant: str, due_at: datetime) -> None:
        set_timer(connection, merchant=merchant, kind=TIMER, ref=merchant, due_at=due_at)

    def _keep(self, connection: Connection, record: Record, gangs: list[Gang], now: datetime) -> None:
        try:
            kept = keep_gangs(connection, record, gangs, now)
        except Conflict as error:
            # A person made a list of this name for something else: theirs stands, and the search goes on being told.
            log.warning("gangs_not_kept", merchant=record.merchant, code=error.code)
        else:
            log.info("gangs_searched", merchant=record.merchant, events=len(record), gangs=len(gangs), accounts=kept)
