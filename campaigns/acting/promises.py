"""Rewards of parts: promised with the part, posted when they are due and the risk engine agrees, reversed when their order is undone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from campaigns.acting.stage import Stage
from campaigns.mechanics.moves import Award, Post, Promise, Reverse
from campaigns.rewards import Reward, find_reward, post_reward, reverse_reward, tell
from campaigns.store.playing import instances, parts
from campaigns.store.tables import rewards
from core.db.engine import insert, insert_ignore
from core.ids import new_id
from core.jobs.timers import set_timer

DUE = "reward.post"


def make_reward(stage: Stage, promise: Promise, *, part_id: str | None, order_id: str | None, reward_id: str | None = None) -> None:
    """The reward of the caller. One that is given now is posted or held by this command's own decision."""
    by = stage.by
    if by.decision is None:
        raise ValueError("a command that promises a reward asks the risk engine")
    held = promise.now and by.doubted(promise.fen)
    row = _row(stage, promise, reward_id or new_id("rwd"), part_id, by.subject.id, by.decision.id, by.request_id, by.request.body_hash)
    row["state"] = "held" if held else "reserved"
    row["given_for"] = by.given_for
    insert(stage.connection, rewards, row)
    reward = Reward(**{name: _as_read(row[name]) for name in Reward.__slots__})
    stage.reward_id = reward.id
    if held:
        tell(stage.connection, reward, "reward.held", stage.actor, stage.now, decision=by.decision.id)
        stage.review_id = by.book.open_review(stage.connection, by.decision, reward.id, stage.campaign_id, by.personal, stage.now)
    elif promise.now:
        post_reward(stage.connection, reward, stage.actor, stage.now, order_id=order_id)
        stage.tell("reward.posted", reward=reward.id, amount_fen=reward.face_fen)
    else:
        tell(stage.connection, reward, "reward.reserved", stage.actor, stage.now)


def post(stage: Stage, move: Post) -> None:
    """The part's reward is due; who did it and where from is known, so it is decided again before it posts."""
    part = stage.situation.part(move.part)
    if part.reward_id is not None:
        _due(stage, part.reward_id)


def award(stage: Stage, move: Award) -> None:
    """A further reward for the part's customer, out of what the instance holds; the same (part, why) is awarded once."""
    part = stage.connection.execute(select(parts).where(parts.c.id == move.part)).one()
    row = _row(stage, move.promise, new_id("rwd"), part.id, part.subject_id, part.decision_id, f"{part.id}:{move.why}", part.body_hash)
    if not insert_ignore(stage.connection, rewards, row):
        return
    held = update(instances).where(instances.c.id == stage.instance_id, instances.c.hold_fen >= move.promise.fen)
    if stage.connection.execute(held.values(hold_fen=instances.c.hold_fen - move.promise.fen)).rowcount != 1:
        raise ValueError("an award is paid from what the instance holds")
    tell(stage.connection, find_reward(stage.connection, stage.merchant, row["id"]), "reward.reserved", stage.actor, stage.now, why=move.why)
    _due(stage, row["id"])


def reverse(stage: Stage, move: Reverse) -> None:
    """Take back what the part's posted reward gave, and give its budget back."""
    reward_id = _award_id(stage, move) if move.why else stage.situation.part(move.part).reward_id
    if reward_id is None:
        return
    reward = find_reward(stage.connection, stage.merchant, reward_id, lock=True)
    if reward.state == "posted":
        stage.after.given.append(reverse_reward(stage.connection, reward, stage.actor, stage.now))
        stage.tell("reward.reversed", reward=reward.id, amount_fen=reward.posted_fen - reward.reversed_fen)


def _award_id(stage: Stage, move: Reverse) -> str | None:
    named = (rewards.c.part_id == move.part, rewards.c.request_id == f"{move.part}:{move.why}")
    found: str | None = stage.connection.execute(select(rewards.c.id).where(*named)).scalar_one_or_none()
    return found


def _due(stage: Stage, reward_id: str) -> None:
    state = stage.connection.execute(select(rewards.c.state).where(rewards.c.id == reward_id)).scalar_one()
    if state != "reserved":
        return
    # The timer makes sure of it; whoever commits this tries at once.
    set_timer(stage.connection, merchant=stage.merchant, kind=DUE, ref=reward_id, due_at=stage.now)
    stage.after.due.append(reward_id)


def _row(stage: Stage, promise: Promise, reward_id: str, part_id: str | None, subject: str, decision: str, request_id: str, body_hash: str) -> dict[str, Any]:
    what = {"id": reward_id, "merchant": stage.merchant, "campaign": stage.campaign_id, "version": stage.version, "mechanic": stage.mechanic.name}
    who = {"kind": promise.kind, "part_id": part_id, "subject_id": subject, "decision_id": decision, "request_id": request_id, "body_hash": body_hash}
    state = {"state": "reserved", "use_state": "available", "posted_fen": 0, "reversed_fen": 0, "face_fen": promise.fen, "currency": "CNY"}
    terms = {"threshold_fen": 0, "valid_from": stage.now, "valid_until": stage.now, "lock_for_seconds": 0, "terms": None, "used_fen": None}
    terms |= promise.terms
    return what | who | state | terms | {"order_id": None, "locked_until": None, "created_at": stage.now, "updated_at": stage.now}


def _as_read(value: Any) -> Any:
    """As the database gives it back: instants are in UTC."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
