"""Commissions that are held for a person: each promoter's of an order is one case, settled or cancelled whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.rebates.money import Mover
from campaigns.rebates.tables import commissions, rebate_orders
from campaigns.store.earnings import hold_people
from core.audit.log import append
from core.canon import digest
from core.errors import Conflict, NotFound
from core.jobs.outbox import announce
from core.text import Text


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of an order for one promoter; `lines` by number and tier, in fen. `doubted`: the order's payment or a bind was not let through."""

    rebate_id: str
    campaign: str
    order_id: str
    buyer: str
    promoter: str
    doubted: bool
    lines: tuple[dict[str, Any], ...]

    @property
    def fen(self) -> int:
        return sum(line["amount_fen"] for line in self.lines)


def held_rebates(connection: Connection, merchant: str, *, after: str, most: int) -> list[dict[str, Any]]:
    """Orders with held commissions after the id `after`, in the order in which they were paid."""
    mine = (commissions.c.merchant == merchant, commissions.c.state == "held", commissions.c.rebate_id > after)
    names = connection.execute(select(commissions.c.rebate_id).distinct().where(*mine).order_by(commissions.c.rebate_id).limit(most)).scalars().all()
    found = {row.id: row for row in connection.execute(select(rebate_orders).where(rebate_orders.c.id.in_(names)))}
    rows = connection.execute(select(commissions).where(commissions.c.rebate_id.in_(names), commissions.c.state == "held")).all()
    return [
        {"rebate": name, "order": found[name].order_id, "campaign": found[name].campaign, "version": found[name].version, "doubted": found[name].doubted}
        | {"settled_at": found[name].settled_at.isoformat(), "commissions": [_shown(row) for row in rows if row.rebate_id == name]}
        for name in names
    ]


def _shown(row: Any) -> dict[str, Any]:
    return {"promoter": row.subject_id, "line": row.number, "tier": row.tier + 1, "amount_fen": row.amount_fen - row.taken_fen}


def held_of(connection: Connection, merchant: str, rebate_id: str, promoter: str, lock: bool = False) -> Held:
    """What is held of it, perhaps nothing any more. With `lock` it stays so until the transaction ends. Raises `NotFound`."""
    rebate = _rebate(connection, merchant, rebate_id, lock)
    rows = _held_rows(connection, rebate_id, promoter)
    lines = tuple({name: value for name, value in _shown(row).items() if name != "promoter"} for row in rows)
    return Held(rebate_id, rebate.campaign, rebate.order_id, rebate.buyer, promoter, rebate.doubted, lines)


def resolve_held(
    connection: Connection, merchant: str, rebate_id: str, promoter: str, settle: bool, actor: str, reason: str, now: datetime
) -> list[dict[str, Any]]:
    """A person has looked at a promoter's held commissions of an order: they settle, or come to nothing.

    Raises `NotFound`, `Conflict` where nothing is held.
    """
    rebate = _rebate(connection, merchant, rebate_id, lock=True)
    rows = _held_rows(connection, rebate_id, promoter)
    if not rows:
        raise nothing_held()
    hold_people(connection, [promoter])
    for row in rows:
        move_on(connection, rebate, row, "settled" if settle else "cancelled", now)
    # The words may name a person, so the sealed entry holds only their hash.
    detail = {"settle": settle, "promoter": promoter, "reason_hash": digest(reason.strip().encode()), "count": len(rows)}
    append(connection, merchant=merchant, actor=actor, action="rebate.resolved", target=rebate_id, now=now, detail=detail)
    return [_shown(row) for row in rows]


def nothing_held() -> Conflict:
    return Conflict("nothing_held", Text(zh="没有待处理的佣金", en="no commission of it is held"))


def require_rebate(connection: Connection, merchant: str, rebate_id: str) -> None:
    """Raises `NotFound`."""
    _rebate(connection, merchant, rebate_id, lock=False)


def _rebate(connection: Connection, merchant: str, rebate_id: str, lock: bool) -> Any:
    query = select(rebate_orders).where(rebate_orders.c.id == rebate_id, rebate_orders.c.merchant == merchant)
    found = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound("rebate_not_found", Text(zh="没有这笔返佣", en="there is no such rebate"))
    return found


def _held_rows(connection: Connection, rebate_id: str, promoter: str) -> list[Any]:
    mine = (commissions.c.rebate_id == rebate_id, commissions.c.subject_id == promoter, commissions.c.state == "held")
    return list(connection.execute(select(commissions).where(*mine).order_by(commissions.c.number, commissions.c.tier)))


def move_on(connection: Connection, rebate: Any, row: Any, state: str, now: datetime) -> None:
    """A commission's next state, with its money and its message. The caller holds the promoter's row."""
    left = row.amount_fen - row.taken_fen
    mover = Mover(connection, rebate.merchant, rebate.campaign, row.subject_id, rebate.order_id, f"rebate:{rebate.id}:{row.number}:{row.tier}", now)
    values: dict[str, Any] = {"state": state}
    if state == "settled":
        mover.settle(left)
    elif state == "cancelled":
        mover.take_back(left, False, row.amount_fen)
        values["taken_fen"] = row.amount_fen
    same = (commissions.c.rebate_id == row.rebate_id, commissions.c.number == row.number, commissions.c.tier == row.tier)
    connection.execute(update(commissions).where(*same).values(**values))
    body = {"order": rebate.order_id, "rebate": rebate.id, "promoter": row.subject_id, "amount_fen": left}
    announce(connection, merchant=rebate.merchant, topic=f"commission.{state}", ref=rebate.order_id, body=body, now=now)
