"""Rewards that post later are decided again when they post: the check runs outside of the transaction that writes what it said.

A reward of somebody who has paid is never refused by a machine alone: whatever is not allowed is held, and a person looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, select

from campaigns.acting.stage import After
from campaigns.mechanics import mechanic_named
from campaigns.orders.coupons import reverse_earlier_refunds
from campaigns.policies import policy_named
from campaigns.ports import Decision, DecisionBook, RiskCheck
from campaigns.rewards import Reward, change, find_reward, post_reward, tell
from campaigns.store.playing import parts
from campaigns.store.tables import rewards
from campaigns.versions import campaign_at
from core.clock import Clock
from core.db.engine import Database
from core.db.tables import subjects
from core.errors import SheepdogError
from core.event import Event
from core.privacy.subjects import Subject
from core.privacy.vault import Vault, open_fields

log = structlog.get_logger(__name__)
Write = Callable[[Connection, datetime], None]


@dataclass(frozen=True, slots=True)
class Settler:
    """Posts or holds rewards that are due."""

    database: Database
    risk: RiskCheck
    book: DecisionBook
    vault: Vault
    clock: Clock

    def settle(self, after: After) -> None:
        """Try at once what a commit made due; whatever fails is left to its timer. Reviews of what came to nothing are closed."""
        if after.moot or after.emptied:
            with self.database.write() as connection:
                self.book.close_reviews(connection, after.moot, self.clock.now())
                self.book.close_commission_reviews(connection, after.emptied, self.clock.now())
        for reward_id in after.due:
            try:
                self.settle_one(reward_id)
            except SheepdogError as error:
                log.warning("reward_left_to_timer", reward=reward_id, error=error.code)

    def settle_one(self, reward_id: str) -> None:
        """Decide and write. Raises `Unavailable` when a store is away."""
        write = self.prepare(reward_id)
        with self.database.write() as connection:
            write(connection, self.clock.now())

    def handler(self, reward_id: str) -> Callable[[Connection, str, datetime], None]:
        """The same for the timer that waits for this reward."""
        write = self.prepare(reward_id)
        return lambda connection, _, now: write(connection, now)

    def prepare(self, reward_id: str) -> Write:
        """Decide, outside of any transaction; returns what to write."""
        now = self.clock.now()
        with self.database.read() as connection:
            row = _due_row(connection, reward_id)
            if row is None:
                return _nothing
            campaign = campaign_at(connection, row.merchant, row.campaign, row.version)
            subject = _subject(connection, self.vault, row.merchant, row.subject_id)
        mechanic = mechanic_named(campaign.mechanic)
        scene = mechanic.post_scene
        if scene is None:
            raise ValueError(f"{campaign.mechanic} promises rewards for later and names no scene for them")
        who: dict[str, Any] = {"user": subject.id} if subject.key is None or row.actor is None else open_fields(subject.key, row.actor)
        seen = {
            "occurred_at": now,
            "received_at": now,
            "clock_flag": "unstated",
            "campaign": campaign.id,
            "order_id": row.order_id,
            "amount_fen": row.price_fen,
        }
        event = Event(id=f"post:{reward_id}", type=scene, merchant=row.merchant, **seen, **who)
        decision = self.risk.check(event, scene, policy_named(campaign, scene))
        return lambda connection, at: self._write(connection, row, decision, subject, who, at)

    def _write(self, connection: Connection, row: Any, decision: Decision, subject: Subject, who: Mapping[str, str], now: datetime) -> None:
        reward = find_reward(connection, row.merchant, row.id, lock=True)
        if reward.state != "reserved":
            return
        self.book.record(connection, decision, subject)
        change(connection, reward, now, decision_id=decision.id)
        if decision.outcome == "allow" and not row.doubted:
            posted = post_reward(connection, reward, "system", now, order_id=row.order_id)
            if row.order_id is not None and posted.kind == "discount":
                reverse_earlier_refunds(connection, posted, row.order_id, "system", now)
        else:
            self._hold(connection, reward, decision, who, now)

    def _hold(self, connection: Connection, reward: Reward, decision: Decision, who: Mapping[str, str], now: datetime) -> None:
        change(connection, reward, now, state="held")
        tell(connection, reward, "reward.held", "system", now, decision=decision.id)
        self.book.open_review(connection, decision, reward.id, reward.campaign, who, now)


def _nothing(_: Connection, __: datetime) -> None:
    """The reward was settled, or is no promise any more."""


def _due_row(connection: Connection, reward_id: str) -> Any:
    columns = (rewards.c.id, rewards.c.merchant, rewards.c.campaign, rewards.c.version, rewards.c.subject_id)
    query = select(*columns, parts.c.actor, parts.c.doubted, parts.c.order_id, parts.c.price_fen).join(parts, parts.c.id == rewards.c.part_id)
    return connection.execute(query.where(rewards.c.id == reward_id, rewards.c.state == "reserved")).one_or_none()


def _subject(connection: Connection, vault: Vault, merchant: str, subject_id: str) -> Subject:
    wrapped = connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == subject_id)).scalar_one()
    return Subject(subject_id, merchant, None if wrapped is None else vault.unwrap(wrapped))
