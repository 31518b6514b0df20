"""Passes: an appeal that was overturned lets its customer through once more, past the risk verdict and past nothing else.

A pass is for one customer, one campaign and one scene; it ends by its time, and the first command that succeeds uses it up, in that command's own
transaction. Stock, budgets and limits are taken as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from core.audit.log import append
from core.clock import to_micros
from core.ids import new_id
from fraud.cases.tables import risk_passes
from fraud.decision import Decision
from fraud.reviews import Review

# What a machine does not let through at all.
REFUSED = ("reject", "challenge")


@dataclass(frozen=True, slots=True)
class Pass:
    """`review_id` is the appeal that gave it."""

    id: str
    review_id: str


def grant_pass(connection: Connection, appeal: Review, refused: Decision, by: str, now: datetime, until: datetime) -> str:
    """For the customer whom `refused` was about; there is one for each appeal."""
    name = new_id("pas")
    about = {"scene": refused.scene, "campaign": str(refused.campaign)}
    row = {"id": name, "merchant": appeal.merchant, "review_id": appeal.id, "decision_id": refused.id, "subject_id": refused.subject, **about}
    connection.execute(risk_passes.insert().values(**row, granted_by=by, granted_at=now, expires_at=until))
    detail = {"appeal": appeal.id, "decision": refused.id, **about, "until": to_micros(until)}
    append(connection, merchant=appeal.merchant, actor=by, action="pass.granted", target=name, now=now, detail=detail)
    return name


def _open() -> tuple[Any, ...]:
    mine = [risk_passes.c[name] == bindparam(f"of_{name}") for name in ("merchant", "subject_id", "campaign", "scene")]
    return (*mine, risk_passes.c.used_at.is_(None), risk_passes.c.expires_at > bindparam("at"))


# Built once: every command that is let through asks.
_FIND = select(risk_passes.c.id).where(*_open()).order_by(risk_passes.c.id).limit(1)
_USE = (
    update(risk_passes)
    .where(risk_passes.c.id == _FIND.scalar_subquery(), risk_passes.c.used_at.is_(None))
    .values(used_at=bindparam("at"), used_decision_id=bindparam("by_decision"))
    .returning(risk_passes.c.id, risk_passes.c.review_id)
)


def has_pass(connection: Connection, decision: Decision, subject_id: str, now: datetime) -> bool:
    """Whether what this decision refuses may be asked all the same."""
    return connection.execute(_FIND, _of(decision, subject_id, now)).first() is not None


def use_pass(connection: Connection, decision: Decision, subject_id: str, now: datetime) -> Pass | None:
    """Use the customer's oldest one up, whatever the verdict: they have what the appeal was about. None where there is none; of rivals one gets it."""
    row = connection.execute(_USE, _of(decision, subject_id, now) | {"by_decision": decision.id}).one_or_none()
    return None if row is None else Pass(row.id, row.review_id)


def note_use(connection: Connection, used: Pass, decision: Decision, actor: str, now: datetime, reward_id: str | None, part_id: str | None) -> None:
    """What came of it, in the same transaction."""
    connection.execute(update(risk_passes).where(risk_passes.c.id == used.id).values(reward_id=reward_id, part_id=part_id))
    detail = {"appeal": used.review_id, "decision": decision.id, "verdict": decision.outcome, "reward": reward_id, "part": part_id}
    append(connection, merchant=decision.merchant, actor=actor, action="pass.used", target=used.id, now=now, detail=detail)


def pass_of(connection: Connection, appeal_id: str) -> Any:
    """The row of the pass that an appeal gave, or None."""
    return connection.execute(select(risk_passes).where(risk_passes.c.review_id == appeal_id)).one_or_none()


def _of(decision: Decision, subject_id: str, now: datetime) -> dict[str, Any]:
    return {"of_merchant": decision.merchant, "of_subject_id": subject_id, "of_campaign": decision.campaign or "", "of_scene": decision.scene, "at": now}
