"""Policies and people for the tests of publication: a maker and a checker of one merchant, and files that differ in a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.access.approvals import Approval
from core.access.principals import add_principal
from core.clock import TurnedClock
from core.db import migrate
from core.db.engine import Database, open_database
from fraud.rulesets.publishing import Proposed, decide_policy, propose_policy, rollback_policy
from fraud.rulesets.tables import policies, policy_generation, policy_versions
from rules.files.load import load_ruleset
from tests.conftest import sqlite_url

MERCHANT = "shop-1"


def policy_file(threshold: int = 3, *, policy: str = "claims", scene: str = "coupon.claim", features: str = "", extra: str = "") -> str:
    """A policy that rejects the account that comes as number `threshold` on its device."""
    return f"""
policy: {policy}
scene: {scene}
features:
  accounts: {{distinct: user, by: device, window: 24h}}
{features}
rules:
  - {{id: farm, when: accounts >= {threshold}, score: 100, reason: {{code: farm, zh: 多个账号, en: several accounts}}}}
{extra}
bands: {{review: 40, reject: 80}}
when_unavailable: hold
tests:
  - {{name: first, given: {{device: d}}, events: [{{at: +0s, user: a}}], expect: {{decision: allow}}}}
"""


@dataclass
class Shelf:
    """Publishes as two people of a merchant would."""

    database: Database
    clock: TurnedClock
    maker: str
    checker: str
    merchant: str = MERCHANT

    def propose(self, source: str, **more: Any) -> Proposed:
        given = {"merchant": self.merchant, "author": self.maker, "note": "n", "now": self.clock.now(), **more}
        loaded = load_ruleset(source.encode(), "p.yaml")
        with self.database.write() as connection:
            return propose_policy(connection, loaded=loaded, source=source.encode(), **given)

    def decide(self, approval_id: str, by: str | None = None, approve: bool = True) -> Approval:
        with self.database.write() as connection:
            return decide_policy(connection, approval_id=approval_id, approve=approve, by=by or self.checker, reason="r", now=self.clock.now())

    def publish(self, source: str, **more: Any) -> Proposed:
        made = self.propose(source, **more)
        self.decide(made.approval_id)
        return made

    def rollback(self, policy: str, to_version: int) -> Proposed:
        given = {"author": self.maker, "note": "back", "now": self.clock.now()}
        with self.database.write() as connection:
            return rollback_policy(connection, merchant=self.merchant, policy=policy, to_version=to_version, **given)

    def states(self, policy: str = "claims") -> list[str]:
        """The state of each version, in order."""
        return [row.state for row in self.rows(policy)]

    def rows(self, policy: str = "claims") -> list[Any]:
        of_it = (policy_versions.c.merchant == self.merchant, policy_versions.c.policy == policy)
        with self.database.read() as connection:
            return list(connection.execute(select(policy_versions).where(*of_it).order_by(policy_versions.c.version)))

    def live(self, policy: str = "claims") -> int | None:
        with self.database.read() as connection:
            query = select(policies.c.live_version).where(policies.c.merchant == self.merchant, policies.c.id == policy)
            return connection.execute(query).scalar_one_or_none()

    def generation(self) -> int:
        with self.database.read() as connection:
            return connection.execute(select(policy_generation.c.generation)).scalar_one_or_none() or 0

    def later(self, **delta: float) -> datetime:
        """An instant that lies ahead of the clock."""
        ahead = TurnedClock(self.clock.now())
        ahead.turn(**delta)
        return ahead.now()


def open_shelf(database: Database, clock: TurnedClock, merchant: str = MERCHANT) -> Shelf:
    with database.write() as connection:
        names = ("maker", "checker")
        maker, checker = (add_principal(connection, merchant=merchant, kind="person", name=name, actor="system", now=clock.now()) for name in names)
    return Shelf(database, clock, maker, checker, merchant)


def sqlite_in(folder: Path) -> Database:
    """A SQLite database of its own, at the newest schema."""
    opened = open_database(sqlite_url(folder))
    migrate.upgrade(opened)
    return opened
