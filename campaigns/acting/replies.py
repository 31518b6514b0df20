"""What a command answers: the instance and the part as they stand now, the reward, the decision, and the effects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.acting.snapshot import of_instance, of_part_alone
from campaigns.acting.stage import Stage, public_effects
from campaigns.mechanics.base import Mechanic
from campaigns.mechanics.situation import Part, Situation
from campaigns.ports import Decision
from campaigns.refunds import bill_no
from campaigns.rewards import find_reward
from core.access.idempotency import Reply


def reply_of(stage: Stage, decision: Decision | None) -> Reply:
    """201 where something came to be, 202 where its reward waits for a person, 200 where only something ended."""
    situation = _now(stage)
    part = None if stage.part_id is None else situation.part(stage.part_id)
    reward = None if stage.reward_id is None else find_reward(stage.connection, stage.merchant, stage.reward_id).public()
    body = {
        "instance": None if situation.instance is None else instance_view(stage.mechanic, situation),
        "part": None if part is None else part_view(stage.merchant, part),
        "reward": reward,
        "decision": None if decision is None else dict(decision.public()),
        "review_id": stage.review_id,
        "effects": public_effects(stage.effects),
    }
    made = part is not None or reward is not None
    return Reply(202 if stage.review_id is not None else 201 if made else 200, body)


def instance_view(mechanic: Mechanic, situation: Situation) -> dict[str, Any]:
    """An instance for its merchant: JSON-able, no personal data."""
    instance = situation.instance
    if instance is None:
        raise ValueError("there is no instance to show")
    common = {"id": instance.id, "campaign": situation.campaign.id, "mechanic": mechanic.name, "owner": instance.owner, "state": instance.state}
    when = {"deadline": _iso(instance.deadline), "created_at": _iso(instance.created_at)}
    return {**common, **when, **mechanic.view(situation)}


def part_view(merchant: str, part: Part) -> dict[str, Any]:
    """A part for its merchant: JSON-able, no personal data. Whoever reports its payment may name `bill_no`, and is refused with another."""
    names = ("id", "subject", "role", "state", "seat", "quantity", "price_fen", "list_fen", "order_id", "paid_fen", "reward_id", "reward_state")
    shown: Mapping[str, Any] = {name: getattr(part, name) for name in names}
    bill = None if part.order_id is None else bill_no("PB", merchant, part.order_id)
    return {**shown, "bill_no": bill, "pay_by": _iso(part.pay_by), "created_at": _iso(part.created_at), "data": dict(part.data)}


def _now(stage: Stage) -> Situation:
    if stage.instance_id is not None:
        return of_instance(stage.connection, stage.merchant, stage.campaign_id, stage.instance_id, stage.now).situation
    if stage.part_id is not None:
        return Situation(stage.situation.campaign, stage.now, None, of_part_alone(stage.connection, stage.part_id))
    return stage.situation


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
