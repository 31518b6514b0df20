"""What follows from outside a command: an order of a part was paid or undone, a review refused its reward, a deadline passed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from campaigns.acting.carry_out import carry_out
from campaigns.acting.snapshot import Found, hold_campaign, of_instance, of_part
from campaigns.acting.stage import After, Stage
from campaigns.mechanics import mechanic_named
from campaigns.mechanics.base import Moves
from campaigns.mechanics.situation import Part
from campaigns.store.playing import instances, parts

SYSTEM = "system"
Effects = list[dict[str, Any]]


def part_paid(connection: Connection, merchant: str, part_id: str, actor: str, now: datetime, after: After) -> Effects:
    """The part's order was paid, as its row says by now."""
    return _react(connection, merchant, part_id, actor, now, after, lambda stage, part: stage.mechanic.reactions.paid(stage.situation, part))


def part_undone(connection: Connection, merchant: str, part_id: str, actor: str, now: datetime, after: After) -> Effects:
    """The part's order was cancelled or wholly refunded."""
    return _react(connection, merchant, part_id, actor, now, after, lambda stage, part: stage.mechanic.reactions.undone(stage.situation, part))


def reward_refused(connection: Connection, merchant: str, reward_id: str, part_id: str, actor: str, now: datetime, after: After) -> Effects:
    """A review voided a reward of the part. An award that is void takes nothing else with it."""

    def moves_of(stage: Stage, part: Part) -> Moves:
        return stage.mechanic.reactions.refused(stage.situation, part) if part.reward_id == reward_id else ()

    return _react(connection, merchant, part_id, actor, now, after, moves_of)


def order_of_part(connection: Connection, part_id: str | None) -> str | None:
    """The order that the part's discount belongs to."""
    return None if part_id is None else connection.execute(select(parts.c.order_id).where(parts.c.id == part_id)).scalar_one()


def part_unpaid(connection: Connection, part_id: str, now: datetime) -> After:
    """The timer `part.unpaid`: its payment did not come in time."""
    merchant = connection.execute(select(parts.c.merchant).where(parts.c.id == part_id)).scalar_one()
    after = After()
    _react(connection, merchant, part_id, SYSTEM, now, after, lambda stage, part: stage.mechanic.alarms["unpaid"](stage.situation, part))
    return after


def instance_deadline(connection: Connection, instance_id: str, now: datetime) -> After:
    """The timer `instance.deadline`."""
    row = connection.execute(select(instances.c.merchant, instances.c.campaign).where(instances.c.id == instance_id)).one()
    hold_campaign(connection, row.merchant, row.campaign)
    found = of_instance(connection, row.merchant, row.campaign, instance_id, now, lock=True)
    after = After()
    stage = _stage(connection, row.merchant, found, SYSTEM, now, after, instance_id)
    carry_out(stage, stage.mechanic.alarms["deadline"](found.situation, None))
    return after


def _react(connection: Connection, merchant: str, part_id: str, actor: str, now: datetime, after: After, moves_of: Callable[[Stage, Part], Moves]) -> Effects:
    found = of_part(connection, merchant, part_id, now)
    instance = found.situation.instance
    stage = _stage(connection, merchant, found, actor, now, after, None if instance is None else instance.id)
    stage.part_id = part_id
    carry_out(stage, moves_of(stage, found.situation.part(part_id)))
    return stage.effects


def _stage(connection: Connection, merchant: str, found: Found, actor: str, now: datetime, after: After, instance_id: str | None) -> Stage:
    mechanic = mechanic_named(found.situation.campaign.mechanic)
    return Stage(connection, merchant, mechanic, found.version, found.situation, actor, now, after, instance_id=instance_id)
