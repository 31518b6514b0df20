"""Carrying out moves: each kind has one function here or beside, and a list of moves is done in order, in the stage's one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from campaigns.acting.holding import Gone, free, grant, join, release
from campaigns.acting.promises import award, post, reverse
from campaigns.acting.stage import Stage
from campaigns.codes.batches import use
from campaigns.mechanics.base import Moves, States
from campaigns.mechanics.moves import Award, Free, Grant, Join, Keep, Move, Open, Post, Promise, Redeem, Refund, Release, Reverse, Step, Tell, Turn
from campaigns.mechanics.situation import Wants
from campaigns.refunds import instruct_refund
from campaigns.store import budgets, slots
from campaigns.store.playing import instances, parts
from campaigns.store.slots import SEAT, GivenBack
from core.audit.log import append
from core.canon import canonical
from core.db.engine import insert_ignore
from core.ids import new_id
from core.jobs.outbox import announce
from core.jobs.timers import set_timer

NOTHING = Wants()


def carry_out(stage: Stage, moves: Moves, wants: Wants = NOTHING) -> None:
    """Do all moves. Raises `RolledBack`-able refusals (`Gone`) where something scarce is gone, `ValueError` for a step that no table has."""
    promised = sum(_cost_of(move) for move in moves)
    if stage.customer is not None and promised != wants.cost_fen:
        raise ValueError(f"a command promises {promised} fen and asked for {wants.cost_fen}")
    for move in moves:
        if isinstance(move, Join):
            join(stage, move, wants)
        elif isinstance(move, Grant):
            grant(stage, move, wants)
        else:
            _DO[type(move)](stage, move)


def _cost_of(move: Move) -> int:
    """What the move takes of the budget."""
    match move:
        case Open():
            return move.hold_fen
        case Join(reward=Promise() as promise) | Grant(promise=promise):
            return promise.fen
    return 0


def _open(stage: Stage, move: Open) -> None:
    stage.instance_id = new_id(stage.mechanic.instance)
    row = {"id": stage.instance_id, "merchant": stage.merchant, "campaign": stage.campaign_id, "version": stage.version, "mechanic": stage.mechanic.name}
    what = {"key": stage.key, "owner": stage.by.subject.id, "state": move.state, "seats": move.seats, "hold_fen": move.hold_fen}
    when = {"deadline": move.deadline, "created_at": stage.now, "updated_at": stage.now}
    if not insert_ignore(stage.connection, instances, row | what | when | {"data": canonical(dict(move.data))}):
        # A rival made the one of this key a moment ago: what was decided without it is decided again.
        raise Gone("stale_lease")
    slots.declare(stage.connection, stage.merchant, stage.campaign_id, SEAT, move.seats, stage.instance_id)
    _wake(stage, move.deadline)


def _turn(stage: Stage, move: Turn) -> None:
    row = stage.connection.execute(select(instances).where(instances.c.id == stage.instance_id)).one()
    values: dict[str, Any] = {"updated_at": stage.now}
    if not isinstance(move.state, Keep):
        _require_step(stage.mechanic.instance_states, row.state, move.state)
        values["state"] = move.state
    if not isinstance(move.data, Keep):
        values["data"] = canonical(dict(move.data))
    if not isinstance(move.owner, Keep):
        values["owner"] = move.owner
    if not isinstance(move.deadline, Keep):
        values["deadline"] = move.deadline
        _wake(stage, move.deadline)
    if not isinstance(move.hold_fen, Keep):
        values["hold_fen"] = move.hold_fen
        _let_go(stage, row.hold_fen - move.hold_fen)
    stage.connection.execute(update(instances).where(instances.c.id == stage.instance_id).values(**values))


def _let_go(stage: Stage, fen: int) -> None:
    """Budget that was held for awards and is not needed."""
    if fen < 0:
        raise ValueError("an instance never holds more than it began with")
    if fen:
        budgets.restore(stage.connection, stage.merchant, stage.campaign_id, fen)
        stage.after.given.append(GivenBack(stage.merchant, stage.campaign_id, f"{stage.instance_id}:hold", _epoch(stage), (), fen))


def _epoch(stage: Stage) -> int:
    from campaigns.acting.snapshot import hold_campaign

    return hold_campaign(stage.connection, stage.merchant, stage.campaign_id)


def _wake(stage: Stage, at: datetime | None) -> None:
    if at is not None and stage.instance_id is not None:
        set_timer(stage.connection, merchant=stage.merchant, kind="instance.deadline", ref=stage.instance_id, due_at=at)


def _redeem(stage: Stage, move: Redeem) -> None:
    refused = use(stage.connection, stage.by.vault, stage.merchant, stage.campaign_id, move.code, stage.by.request_id, stage.now)
    if refused is not None:
        raise Gone(refused)


def _step(stage: Stage, move: Step) -> None:
    values: dict[str, Any] = {"updated_at": stage.now}
    if not isinstance(move.state, Keep):
        old = stage.connection.execute(select(parts.c.state).where(parts.c.id == move.part)).scalar_one()
        _require_step(stage.mechanic.part_states, old, move.state)
        values["state"] = move.state
    if not isinstance(move.role, Keep):
        values["role"] = move.role
    if not isinstance(move.data, Keep):
        values["data"] = canonical(dict(move.data))
    if not isinstance(move.pay_by, Keep):
        values["pay_by"] = move.pay_by
        if move.pay_by is not None:
            set_timer(stage.connection, merchant=stage.merchant, kind="part.unpaid", ref=move.part, due_at=move.pay_by)
    stage.connection.execute(update(parts).where(parts.c.id == move.part).values(**values))


def _require_step(states: States, old: str, new: str) -> None:
    if new not in states[old]:
        raise ValueError(f"no table leads from {old} to {new}")


def _refund(stage: Stage, move: Refund) -> None:
    part = stage.situation.part(move.part)
    if part.order_id is None or part.paid_fen is None:
        return
    done = instruct_refund(
        stage.connection, stage.merchant, part.order_id, actor=stage.actor, reward_id=part.reward_id, paid_fen=part.paid_fen, reason=move.reason, now=stage.now
    )
    stage.effects.extend(done)


def _tell(stage: Stage, move: Tell) -> None:
    ref = stage.instance_id or stage.part_id or stage.campaign_id
    body = {"campaign": stage.campaign_id, "version": stage.version, **({"instance": stage.instance_id} if stage.instance_id else {}), **move.body}
    append(stage.connection, merchant=stage.merchant, actor=stage.actor, action=move.topic, target=ref, now=stage.now, detail=body)
    announce(stage.connection, merchant=stage.merchant, topic=move.topic, ref=ref, body=body, now=stage.now)
    stage.effects.append({"type": move.topic, **body})


_DO: dict[type, Callable[[Stage, Any], None]] = {
    Open: _open,
    Turn: _turn,
    Redeem: _redeem,
    Step: _step,
    Free: free,
    Release: release,
    Post: post,
    Award: award,
    Reverse: reverse,
    Refund: _refund,
    Tell: _tell,
}
