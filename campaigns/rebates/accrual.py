"""Commissions follow their order: accrued when it is paid, taken back as it is given back, due some days after its receipt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.acting.stage import After
from campaigns.mechanics.rebate.terms import NAME
from campaigns.orders.lines import LineState, line_states
from campaigns.rebates.binding import Place, chain_of
from campaigns.rebates.money import Mover
from campaigns.rebates.shares import Above, as_map, shares_of
from campaigns.rebates.tables import commissions, rebate_orders
from campaigns.refunds import refunded_fen
from campaigns.store.earnings import hold_people
from campaigns.store.tables import campaigns, orders
from campaigns.versions import campaign_at
from core.canon import canonical
from core.db.engine import insert_ignore
from core.ids import new_id
from core.jobs.outbox import announce
from core.jobs.timers import set_timer

TIMER = "rebate.settle"
Effect = dict[str, Any]


def accrue(connection: Connection, merchant: str, order_id: str, buyer: str, paid_fen: int, actor: str, now: datetime) -> tuple[list[Effect], list[str]]:
    """Commissions of an order that was paid just now, in every rebate campaign that runs; returns effects, and the accruals that must be judged."""
    effects: list[Effect] = []
    made: list[str] = []
    live = (campaigns.c.merchant == merchant, campaigns.c.mechanic == NAME, campaigns.c.status == "live")
    for row in connection.execute(select(campaigns.c.id, campaigns.c.live_version).where(*live).order_by(campaigns.c.id)).all():
        campaign = campaign_at(connection, merchant, row.id, row.live_version)
        if campaign.phase_at(now) != "open":
            continue
        place = Place(connection, merchant, row.id, campaign.terms, actor, now)
        chain, doubted = chain_of(place, buyer)
        shares = shares_of(campaign.terms, _lines(connection, merchant, order_id, paid_fen), chain)
        if not shares:
            continue
        due = now + campaign.terms.without_receipt
        names = canonical({"chain": [[one.subject, one.level] for one in chain]})
        values = {"id": new_id("reb"), "merchant": merchant, "campaign": row.id, "version": row.live_version, "order_id": order_id, "buyer": buyer}
        if not insert_ignore(connection, rebate_orders, {**values, "chain": names, "doubted": doubted, "due_at": due, "settled_at": None}):
            continue
        made.append(values["id"])
        for share in shares:
            slot = {"rebate_id": values["id"], "number": share.number, "tier": share.tier, "merchant": merchant, "subject_id": share.subject}
            connection.execute(commissions.insert().values(**slot, rate=share.rate, amount_fen=share.fen, taken_fen=0, state="pending"))
            _mover(connection, values, share.subject, share.number, share.tier, now).accrue(share.fen)
            effects.append(_effect("commission.accrued", values, share.subject, share.number, share.tier, share.fen))
        set_timer(connection, merchant=merchant, kind=TIMER, ref=values["id"], due_at=due)
        announce(connection, merchant=merchant, topic="commission.accrued", ref=order_id, body={"order": order_id, "rebate": values["id"]}, now=now)
    return effects, made


def adjust(connection: Connection, merchant: str, order_id: str, undone: bool, now: datetime, after: After) -> list[Effect]:
    """Bring every commission of the order to what is kept of it: nothing where the order is undone. What nobody has to look at any more is in `after`."""
    effects: list[Effect] = []
    mine = (rebate_orders.c.merchant == merchant, rebate_orders.c.order_id == order_id)
    for rebate in connection.execute(select(rebate_orders).where(*mine).order_by(rebate_orders.c.id).with_for_update()).all():
        rows = connection.execute(select(commissions).where(commissions.c.rebate_id == rebate.id).order_by(commissions.c.number, commissions.c.tier)).all()
        hold_people(connection, [row.subject_id for row in rows])
        terms = campaign_at(connection, merchant, rebate.campaign, rebate.version).terms
        paid = connection.execute(select(orders.c.paid_fen).where(orders.c.merchant == merchant, orders.c.id == order_id)).scalar_one()
        lines = _lines(connection, merchant, order_id, paid)
        targets = {} if undone else as_map(shares_of(terms, lines, chain_in(rebate.chain)))
        left: dict[str, int] = {}
        for row in rows:
            share = targets.get((row.number, row.tier))
            effects += _take_back(connection, rebate, row, 0 if share is None else share.fen, now)
            if row.state == "held":
                left[row.subject_id] = left.get(row.subject_id, 0) + (0 if share is None else share.fen)
        after.emptied += [(rebate.id, subject) for subject, fen in left.items() if fen == 0]
    return effects


def received(connection: Connection, merchant: str, order_id: str, buyer: str, at: datetime) -> None:
    """The customer has the goods: commissions are due after the campaign's days from now. One that was settled stays."""
    mine = (rebate_orders.c.merchant == merchant, rebate_orders.c.order_id == order_id, rebate_orders.c.buyer == buyer, rebate_orders.c.settled_at.is_(None))
    for rebate in connection.execute(select(rebate_orders).where(*mine).with_for_update()).all():
        due = at + campaign_at(connection, merchant, rebate.campaign, rebate.version).terms.freeze
        connection.execute(update(rebate_orders).where(rebate_orders.c.id == rebate.id).values(due_at=due))
        set_timer(connection, merchant=merchant, kind=TIMER, ref=rebate.id, due_at=due)


def chain_in(kept: bytes) -> list[Above]:
    """The chain as it was when the order was paid."""
    return [Above(subject, level) for subject, level in json.loads(kept)["chain"]]


def _take_back(connection: Connection, rebate: Any, row: Any, target: int, now: datetime) -> list[Effect]:
    step = row.amount_fen - row.taken_fen - target
    if step <= 0:
        return []
    settled = row.state == "settled"
    mover = _mover(connection, rebate._mapping, row.subject_id, row.number, row.tier, now)
    owed = mover.take_back(step, settled, row.taken_fen + step)
    state = "cancelled" if not settled and target == 0 else row.state
    same = (commissions.c.rebate_id == row.rebate_id, commissions.c.number == row.number, commissions.c.tier == row.tier)
    connection.execute(update(commissions).where(*same).values(taken_fen=row.taken_fen + step, state=state))
    effect = _effect("commission.taken_back", rebate._mapping, row.subject_id, row.number, row.tier, step)
    body = {"order": rebate.order_id, "rebate": rebate.id, "promoter": row.subject_id, "amount_fen": step, "debt_fen": owed}
    announce(connection, merchant=rebate.merchant, topic="commission.taken_back", ref=rebate.order_id, body=body, now=now)
    return [effect | ({"debt_fen": owed} if owed else {})]


def _lines(connection: Connection, merchant: str, order_id: str, paid_fen: int) -> Sequence[LineState]:
    """The order's lines; one that was told without any is a line of its own."""
    found = line_states(connection, merchant, order_id)
    if found:
        return found
    return [LineState(0, "", None, paid_fen, paid_fen, min(paid_fen, refunded_fen(connection, merchant, order_id)))]


def _mover(connection: Connection, rebate: Any, subject: str, number: int, tier: int, now: datetime) -> Mover:
    return Mover(connection, rebate["merchant"], rebate["campaign"], subject, rebate["order_id"], f"rebate:{rebate['id']}:{number}:{tier}", now)


def _effect(kind: str, rebate: Any, subject: str, number: int, tier: int, fen: int) -> Effect:
    where = {"campaign": rebate["campaign"], "version": rebate["version"], "rule": NAME}
    return {"type": kind, **where, "promoter": subject, "line": number, "tier": tier + 1, "amount_fen": fen}
