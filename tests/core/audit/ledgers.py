"""Logs to test with: entries and decisions, sealed, and the attacker who has SQL rights and no key."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from core.audit.keys import SigningKeys
from core.audit.log import append
from core.audit.sealer import seal_once
from core.audit.source import DatabaseSource
from core.audit.verify import Report, verify
from core.db.engine import Database
from core.ids import new_id
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from core.text import Text
from fraud.decision import Decision
from fraud.store.rows import insert_decision
from rules.evidence import Evidence, Reason

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TABLES = ("audit_entries", "decisions", "audit_seals", "audit_nodes")


class Log:
    """A database with a log and its key."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.keys = SigningKeys(folder)
        self.now = NOW

    def entry(self, target: str = "x", merchant: str = "m") -> str:
        _next_millisecond()
        with self.database.write() as connection:
            return append(connection, merchant=merchant, actor="a", action="t", target=target, now=self.now, before="b" * 64, detail={"数": target})

    def decision(self, event_id: str, outcome: str = "allow") -> str:
        _next_millisecond()
        with self.database.write() as connection:
            person = subject_for(connection, Vault(bytes(range(32))), "m", "u1", self.now)
            return insert_decision(connection, decision_about(event_id, outcome, self.now), person)

    def seal(self, batch: int = 200) -> int:
        self.now += timedelta(seconds=1)
        return seal_once(self.database, self.now, self.keys, batch)

    def filled(self, count: int = 6, batch: int = 200) -> Log:
        """So many records, entries and decisions in turn, and all of them sealed."""
        for number in range(count):
            _ = self.decision(f"e{number}") if number % 2 else self.entry(f"x{number}")
        while self.seal(batch):
            pass
        return self

    def verify(self, **options: Any) -> Report:
        return verify(DatabaseSource(self.database.read), **options)

    @contextlib.contextmanager
    def attack(self) -> Iterator[Connection]:
        """As somebody with SQL rights: the triggers are gone, nothing else is."""
        with self.database.write() as connection:
            for table in TABLES:
                for act in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{act}" + ("" if self.database.is_sqlite else f" ON {table}")))
            yield connection

    def sql(self, statement: str, **values: Any) -> None:
        with self.attack() as connection:
            connection.execute(text(statement), values)

    def one(self, query: str, **values: Any) -> Any:
        with self.database.read() as connection:
            return connection.execute(text(query), values).scalar_one()

    def table_of(self, seq: int) -> str:
        """Which table the record at this place is in."""
        return "audit_entries" if self.one("SELECT count(*) FROM audit_entries WHERE seq = :seq", seq=seq) else "decisions"

    def id_at(self, seq: int) -> str:
        return str(self.one(f"SELECT id FROM {self.table_of(seq)} WHERE seq = :seq", seq=seq))


def _next_millisecond() -> None:
    """Ids sort by the millisecond they were made in, and the sealer goes by them."""
    began = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == began:
        pass


def decision_about(event_id: str, outcome: str, at: datetime) -> Decision:
    reason = Reason("velocity", Text(zh="太快", en="too fast"), "fast", 40, (Evidence("claims_1h", 7, ">", 5, 3600),))
    return Decision(
        id=new_id("dec"),
        merchant="m",
        scene="coupon.claim",
        event_id=event_id,
        event_hash="k" * 40,
        campaign="new-user",
        outcome=outcome,
        score=40 if outcome != "allow" else 1,
        reasons=(reason,) if outcome != "allow" else (),
        results={"fast": "hit" if outcome != "allow" else "no_hit"},
        features={"claims_1h": 7},
        policy="claims",
        policy_version="sha256:" + "c" * 12,
        degraded=False,
        at=at,
    )
