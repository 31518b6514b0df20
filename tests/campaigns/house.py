"""A claim desk without HTTP: the real gate, store and book, a risk check that says what the test wants, a clock that the test turns."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import redis
from sqlalchemy import Connection, func, select

from campaigns.acting.desk import Desk
from campaigns.acting.model import CommandRequest, Done, Outcome
from campaigns.acting.settle import Settler
from campaigns.catalogue import Catalogue
from campaigns.gate.keeper import GateKeeper
from campaigns.gate.split import AnyGate
from campaigns.lifecycle import act, ask_resume, decide_resume
from campaigns.publishing import decide_publication, propose_campaign
from campaigns.rebates.settling import RebateSettler
from campaigns.rewards import find_reward, post_reward, void_reward
from campaigns.store.tables import campaigns, rewards, slots
from campaigns.withdrawals.paying import Payer, ShopChannel
from campaigns.withdrawals.sandbox import SandboxChannel
from core.access.idempotency import RequestKey
from core.access.principals import add_principal
from core.clock import TurnedClock
from core.db.engine import Database
from core.event import Event
from core.hotstate.clients import HotState
from core.ids import new_id
from core.privacy.vault import Vault
from fraud.book import DecisionBook
from fraud.decision import Decision

LEASE = timedelta(seconds=15)
KEEP = timedelta(hours=24)
_numbers = itertools.count(1)


@dataclass
class ScriptedRisk:
    """Allows everyone but those in `outcomes`; the same event gets the same decision. `before` runs between the first look and the gate."""

    clock: TurnedClock
    outcomes: dict[str, str] = field(default_factory=dict)
    made: dict[str, Decision] = field(default_factory=dict)
    before: Any = None

    def check(self, event: Event, scene: str, policy: str | None = None, deadline_ms: int | None = None) -> Decision:
        if self.before is not None:
            todo, self.before = self.before, None
            todo()
        return self.made.setdefault(event.id, self._decide(event, scene, policy or "p"))

    def preview(self, event: Event, scene: str, policy: str | None = None) -> Decision:
        return self._decide(event, scene, policy or "p")

    def _decide(self, event: Event, scene: str, policy: str) -> Decision:
        who = {"id": new_id("dec"), "merchant": event.merchant, "scene": scene, "event_id": event.id, "event_hash": "0" * 40}
        said = {"outcome": self.outcomes.get(event.user, "allow"), "score": 0, "reasons": (), "results": {}, "features": {}, "degraded": False}
        return Decision(**who, **said, campaign=event.campaign, policy=policy, policy_version="1", at=self.clock.now())


@dataclass
class House:
    """One merchant's desk. Claims get a fresh key unless one is given."""

    desk: Desk
    risk: ScriptedRisk
    clock: TurnedClock
    merchant: str
    people: tuple[str, str, str]

    @property
    def payer(self) -> Payer:
        return Payer(self.database, self.desk.vault, self.clock, {"sandbox": SandboxChannel(self.database, self.clock), "shop": ShopChannel()})

    @property
    def settler(self) -> Settler:
        return Settler(self.database, self.desk.risk, self.desk.book, self.desk.vault, self.clock)

    @property
    def rebates(self) -> RebateSettler:
        return RebateSettler(self.database, self.desk.risk, self.desk.book, self.desk.vault, self.clock)

    @property
    def database(self) -> Database:
        return self.desk.database

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def publish(self, source: str) -> str:
        """Propose and approve; like every process, this one notices within a second, which is skipped here."""
        maker, checker, _ = self.people
        with self.database.write() as connection:
            made = propose_campaign(connection, merchant=self.merchant, source=source.encode(), name="t.yaml", author=maker, note="", now=self.now)
            decide_publication(connection, approval_id=made.approval_id, approve=True, by=checker, reason="ok", now=self.now)
        self.desk.catalogue.forget()
        return made.campaign

    def act(self, campaign: str, name: str) -> None:
        with self.database.write() as connection:
            if name == "resume":
                asked = ask_resume(connection, merchant=self.merchant, campaign=campaign, actor=self.people[0], note="r", now=self.now)
                decide_resume(connection, approval_id=asked, approve=True, by=self.people[1], reason="r", now=self.now)
                return
            act(connection, merchant=self.merchant, campaign=campaign, name=name, actor=self.people[0], reason="r", now=self.now)

    def wish(self, campaign: str, user: str, key: str | None = None, **more: Any) -> CommandRequest:
        key = key or f"k{next(_numbers)}"
        facts = {name: more.pop(name) for name in ("registered_at", "order_count") if name in more}
        seen = {"campaign": campaign, "occurred_at": self.now, "received_at": self.now}
        event = Event(id=f"claim:{campaign}:{key}", type="coupon.claim", merchant=self.merchant, user=user, **seen, **more)
        return CommandRequest(campaign, "coupon", "claim", RequestKey(self.merchant, self.people[2], key, f"body-of-{user}"), event, **facts)

    def claim(self, campaign: str, user: str, key: str | None = None, **more: Any) -> Outcome:
        return self.desk.do(self.wish(campaign, user, key, **more))

    def code(self, campaign: str, user: str, key: str | None = None, **more: Any) -> str:
        """What became of a claim: the refusal's code, or `ok`."""
        return said(self.claim(campaign, user, key, **more))

    def crowd(self, wishes: list[CommandRequest], threads: int = 8) -> Counter[str]:
        with ThreadPoolExecutor(threads) as pool:
            return Counter(said(outcome) for outcome in pool.map(self.desk.do, wishes))

    def gate(self, campaign: str) -> AnyGate:
        return self.desk.keeper.gate(self.desk.catalogue.live(self.merchant, campaign, fresh=True))

    def epoch(self, campaign: str) -> int:
        query = select(campaigns.c.gate_epoch).where(campaigns.c.merchant == self.merchant, campaigns.c.id == campaign)
        with self.database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def tend(self, campaign: str) -> int:
        return self.desk.keeper.tend(self.desk.catalogue.live(self.merchant, campaign, fresh=True), self.now)

    def post(self, reward_id: str) -> None:
        with self.database.write() as connection:
            post_reward(connection, find_reward(connection, self.merchant, reward_id, lock=True), self.people[1], self.now)

    def void(self, reward_id: str) -> None:
        """As the review does it: SQL first, then the gate."""
        with self.database.write() as connection:
            reward = find_reward(connection, self.merchant, reward_id, lock=True)
            given = void_reward(connection, reward, self.people[1], self.now)
        self.desk.keeper.give_back_quietly(given)

    def standing(self) -> int:
        """How many rewards stand in SQL."""
        with self.database.read() as connection:
            query = select(func.count()).select_from(rewards).where(rewards.c.merchant == self.merchant, rewards.c.state != "void")
            return int(connection.execute(query).scalar_one())

    def taken(self, campaign: str, kind: str = "stock") -> list[int]:
        with self.database.read() as connection:
            query = select(slots.c.slot).where(slots.c.resource_id == f"{self.merchant}/{campaign}/{kind}").order_by(slots.c.slot)
            return list(connection.execute(query).scalars())

    def copy_hot(self) -> dict[bytes, bytes]:
        """Every key of the server, as a snapshot would hold it."""
        with self._raw() as raw:
            return {key: raw.dump(key) for key in raw.keys("*")}

    def restore_hot(self, copy: dict[bytes, bytes]) -> None:
        """The server as it was when the copy was made."""
        with self._raw() as raw:
            raw.flushall()
            for key, value in copy.items():
                raw.restore(key, 0, value)

    def _raw(self) -> Any:
        told = self.desk.keeper.client.connection_pool.connection_kwargs
        return redis.Redis(host=told["host"], port=told["port"])

    @contextmanager
    def at_commit(self, disturb: Any) -> Iterator[None]:
        """Run `disturb(connection)` once, inside the next claim's transaction when everything is written."""
        desk, todo = self.desk, [disturb]

        class Disturbed(DecisionBook):
            def record(self, connection: Connection, decision: object, subject: Any) -> None:
                super().record(connection, decision, subject)
                if todo:
                    todo.pop()(connection)

        self.desk = replace(desk, book=Disturbed(desk.database, desk.vault))
        try:
            yield
        finally:
            self.desk = desk


def said(outcome: Outcome) -> str:
    return "ok" if isinstance(outcome, Done) else outcome.code


def reward_of(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Done), outcome
    return dict(outcome.reply.body["reward"])


def open_house(database: Database, hot: HotState, vault: Vault, clock: TurnedClock, merchant: str = "shop-1") -> House:
    with database.write() as connection:
        names = ("marketer", "compliance", "shop")
        people = [add_principal(connection, merchant=merchant, kind="person", name=name, actor="system", now=clock.now()) for name in names]
    risk, book = ScriptedRisk(clock), DecisionBook(database, vault)
    settle = Settler(database, risk, book, vault, clock).settle
    desk = Desk(database, Catalogue(database), GateKeeper(database, hot, KEEP), risk, book, vault, clock, LEASE, KEEP, settle)
    return House(desk, risk, clock, merchant, (people[0], people[1], people[2]))
