"""Reading situations: an instance with its parts, each with its payment and its reward, under the instance's lock where something will be written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from campaigns.mechanics.situation import Instance, Part, Situation
from campaigns.store.playing import instances, parts
from campaigns.store.tables import campaigns, order_refunds, orders, rewards
from campaigns.versions import campaign_at
from core.errors import NotFound
from core.text import Text

# FOR SHARE: whoever raises the epoch or publishes waits for us. Taken before any other lock, so that nobody waits in a circle.
_HOLD = select(campaigns.c.gate_epoch).where(campaigns.c.merchant == bindparam("of"), campaigns.c.id == bindparam("named")).with_for_update(read=True)
_REFUNDED = (
    select(func.coalesce(func.sum(order_refunds.c.amount_fen), 0))
    .where(order_refunds.c.merchant == parts.c.merchant, order_refunds.c.order_id == parts.c.order_id)
    .scalar_subquery()
)
_COLUMNS = (parts, orders.c.paid_fen, _REFUNDED.label("refunded_fen"), rewards.c.state.label("reward_state"), rewards.c.id.label("reward_id"))
_PARTS = (
    select(*_COLUMNS)
    .outerjoin(orders, (orders.c.merchant == parts.c.merchant) & (orders.c.id == parts.c.order_id))
    # A part's own reward; awards have further ones, named by another request.
    .outerjoin(rewards, (rewards.c.part_id == parts.c.id) & (rewards.c.request_id == parts.c.request_id))
    .order_by(parts.c.id)
)
_OF_INSTANCE = _PARTS.where(parts.c.instance_id == bindparam("instance"))
_ALONE = _PARTS.where(parts.c.id == bindparam("part"))


@dataclass(frozen=True, slots=True)
class Found:
    """A situation, and the version under which it began."""

    situation: Situation
    version: int


def hold_campaign(connection: Connection, merchant: str, campaign: str) -> int:
    """Keep the campaign's gate and versions as they are until this transaction ends; returns the gate's epoch."""
    return int(connection.execute(_HOLD, {"of": merchant, "named": campaign}).scalar_one())


def of_instance(connection: Connection, merchant: str, campaign: str, instance: str, now: datetime, lock: bool = False) -> Found:
    """The instance's situation. Raises `NotFound` for one of another campaign or merchant."""
    mine = (instances.c.merchant == merchant, instances.c.campaign == campaign)
    return _found(_situation(connection, select(instances).where(instances.c.id == instance, *mine), now, lock))


def find_instance(connection: Connection, merchant: str, instance: str, now: datetime) -> Found:
    """The merchant's instance, of whichever campaign. Raises `NotFound`."""
    return _found(_situation(connection, select(instances).where(instances.c.id == instance, instances.c.merchant == merchant), now, False))


def _found(found: Found | None) -> Found:
    if found is None:
        raise NotFound("instance_not_found", Text(zh="没有这个团或砍价", en="there is no such group or bargain"))
    return found


def of_key(connection: Connection, merchant: str, campaign: str, key: str, now: datetime, lock: bool = False) -> Found | None:
    """The situation of the campaign's one instance with this key, or None."""
    wanted = (instances.c.merchant == merchant, instances.c.campaign == campaign, instances.c.key == key)
    return _situation(connection, select(instances).where(*wanted), now, lock)


def of_part(connection: Connection, merchant: str, part_id: str, now: datetime) -> Found:
    """The situation of a part, locked: its whole instance, or the part alone."""
    row = connection.execute(select(parts).where(parts.c.id == part_id, parts.c.merchant == merchant)).one()
    hold_campaign(connection, merchant, row.campaign)
    if row.instance_id is not None:
        return of_instance(connection, merchant, row.campaign, row.instance_id, now, lock=True)
    connection.execute(select(parts.c.id).where(parts.c.id == part_id).with_for_update())
    campaign = campaign_at(connection, merchant, row.campaign, row.version)
    return Found(Situation(campaign, now, None, of_part_alone(connection, part_id)), row.version)


def of_part_alone(connection: Connection, part_id: str) -> tuple[Part, ...]:
    """The one part, without whatever it shares with others."""
    return _parts(connection.execute(_ALONE, {"part": part_id}).all())


def part_of_order(connection: Connection, merchant: str, order_id: str) -> Any:
    """The row of the part that the order belongs to, or None."""
    return connection.execute(select(parts).where(parts.c.merchant == merchant, parts.c.order_id == order_id)).one_or_none()


def _situation(connection: Connection, query: Select[Any], now: datetime, lock: bool) -> Found | None:
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return None
    instance = Instance(row.id, row.key, row.owner, row.state, row.seats, row.hold_fen, json.loads(row.data), row.deadline, row.created_at)
    campaign = campaign_at(connection, row.merchant, row.campaign, row.version)
    return Found(Situation(campaign, now, instance, _parts(connection.execute(_OF_INSTANCE, {"instance": row.id}).all())), row.version)


def _parts(rows: Sequence[Any]) -> tuple[Part, ...]:
    return tuple(
        Part(
            id=row.id,
            subject=row.subject_id,
            role=row.role,
            state=row.state,
            seat=row.seat,
            quantity=row.quantity,
            price_fen=row.price_fen,
            list_fen=row.list_fen,
            order_id=row.order_id,
            pay_by=row.pay_by,
            paid_fen=row.paid_fen,
            refunded_fen=row.refunded_fen,
            reward_id=row.reward_id,
            reward_state=row.reward_state,
            live=row.live,
            data=json.loads(row.data),
            created_at=row.created_at,
        )
        for row in rows
    )
