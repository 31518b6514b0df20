"""Adding and ending snoozes: one person alone up to seven days, two for longer. Whatever begins or ends is in the audit, without the value."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import Connection, func, select, update

from core.access.approvals import Approval, decide, propose, void
from core.access.inforce import terms_of
from core.access.principals import SYSTEM
from core.audit.log import append
from core.canon import digest_of
from core.clock import to_micros
from core.db.engine import insert_ignore
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.jobs.timers import set_timer
from core.text import Text
from fraud.snoozes.asking import Snooze
from fraud.snoozes.tables import snooze_generation, snoozes

KIND = "snooze.add"
EXPIRY = "snooze.expire"
# As shipped; the rules of approvals may say another time.
ALONE = timedelta(days=7)
# Of one merchant, in effect or waiting.
OPEN_MAX = 1_000
OPEN = ("waiting", "standing")


def add_snooze(connection: Connection, asked: Snooze, actor: str, now: datetime) -> dict[str, Any]:
    """Begin it, or ask a second person for what is longer than the rules let one person; returns it as `snooze_view` shows it.

    Raises `Conflict` while one stands for the same, or when there are too many.
    """
    _make_room(connection, asked, now)
    hours = terms_of(connection, KIND).above
    waits = asked.until - now > (ALONE if hours is None else timedelta(hours=hours))
    values = {"id": new_id("snz"), "merchant": asked.merchant, "policy": asked.policy, "rule": asked.rule, "field": asked.field}
    more = {"token": asked.token, "shown": asked.shown, "comment": asked.comment, "created_by": actor, "created_at": now, "expires_at": asked.until}
    row = {**values, **more, "state": "waiting" if waits else "standing", "approval_id": None}
    if not insert_ignore(connection, snoozes, row):
        raise Conflict("snooze_exists", Text(zh="同一规则对该值已有暂停,请先结束它", en="this rule is snoozed for this value already; end that one first"))
    if waits:
        row["approval_id"] = _ask(connection, row, actor, now)
    else:
        _begin(connection, row, actor, now)
    return snooze_view(_row(connection, asked.merchant, str(row["id"])), now)


def end_snooze(connection: Connection, merchant: str, snooze_id: str, actor: str, now: datetime) -> dict[str, Any]:
    """Before its time. Raises `NotFound`, and `Conflict` for one that is over."""
    mine = (snoozes.c.merchant == merchant, snoozes.c.id == snooze_id)
    ends = update(snoozes).where(*mine, snoozes.c.state.in_(OPEN), snoozes.c.expires_at > now)
    ended = connection.execute(ends.values(state="ended", ended_by=actor, ended_at=now)).rowcount
    row = _row(connection, merchant, snooze_id)
    if ended == 0:
        raise _over()
    raise_generation(connection)
    append(connection, merchant=merchant, actor=actor, action="snooze.ended", target=snooze_id, now=now, detail=_detail(row._mapping))
    if row.approval_id is not None:
        void(connection, row.approval_id, "the snooze was ended", actor, now)
    return snooze_view(row, now)


def expire(connection: Connection, snooze_id: str, now: datetime) -> None:
    """The time of one that still waits for its second person is over: nobody has to decide any more."""
    _expire(connection, now, snoozes.c.id == snooze_id)


def _expire(connection: Connection, now: datetime, *which: Any) -> None:
    over = (*which, snoozes.c.state.in_(OPEN), snoozes.c.expires_at <= now)
    asked = connection.execute(select(snoozes.c.approval_id).where(*over, snoozes.c.approval_id.is_not(None))).scalars().all()
    connection.execute(update(snoozes).where(*over).values(state="expired"))
    for approval in asked:
        void(connection, approval, "the snooze's time is over", SYSTEM, now)


def decide_snooze(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's word. Raises `Conflict` for one that was ended, or whose time is over."""
    row = connection.execute(select(snoozes).where(snoozes.c.approval_id == approval_id).with_for_update()).one()
    seen = _content(row._mapping)
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=seen, now=now)
    if approve and (row.state != "waiting" or row.expires_at <= now):
        raise _over()
    this = update(snoozes).where(snoozes.c.id == row.id, snoozes.c.state == "waiting")
    connection.execute(this.values(state="standing" if approve else "rejected"))
    if approve:
        _begin(connection, dict(row._mapping), decided.proposed_by, now)
    return decided


def snoozes_of(connection: Connection, merchant: str, policy: str, now: datetime, after: str, limit: int) -> list[dict[str, Any]]:
    """Those in effect and those that wait, by id; of every policy where `policy` is empty."""
    mine = [snoozes.c.merchant == merchant, snoozes.c.state.in_(OPEN), snoozes.c.expires_at > now, snoozes.c.id > after]
    if policy:
        mine.append(snoozes.c.policy == policy)
    rows = connection.execute(select(snoozes).where(*mine).order_by(snoozes.c.id).limit(limit))
    return [snooze_view(row, now) for row in rows]


def snooze_view(row: Any, now: datetime) -> dict[str, Any]:
    """As JSON-able data."""
    shown = {name: getattr(row, name) for name in ("id", "policy", "rule", "field", "comment", "created_by", "approval_id")}
    over = row.state in OPEN and row.expires_at <= now
    times = {"created_at": row.created_at.isoformat(), "expires_at": row.expires_at.isoformat()}
    return shown | times | {"value": row.shown, "state": "expired" if over else row.state}


def raise_generation(connection: Connection) -> None:
    """Tell every process that a snooze has changed; in the transaction of the change."""
    raised = update(snooze_generation).values(generation=snooze_generation.c.generation + 1)
    if connection.execute(raised).rowcount == 0 and not insert_ignore(connection, snooze_generation, {"id": 1, "generation": 1}):
        connection.execute(raised)


def _make_room(connection: Connection, asked: Snooze, now: datetime) -> None:
    """One that is over by its time gives its place up."""
    mine = (snoozes.c.merchant == asked.merchant, snoozes.c.state.in_(OPEN))
    _expire(connection, now, snoozes.c.merchant == asked.merchant)
    if connection.execute(select(func.count()).select_from(snoozes).where(*mine)).scalar_one() >= OPEN_MAX:
        raise Conflict("too_many_snoozes", Text(zh=f"最多 {OPEN_MAX} 个暂停,请改规则", en=f"at most {OPEN_MAX} snoozes; change the rule instead"))


def _ask(connection: Connection, row: dict[str, Any], actor: str, now: datetime) -> str:
    note = f"{row['policy']}/{row['rule']} by {row['field']} until {row['expires_at'].isoformat(timespec='minutes')}"
    named = {"merchant": row["merchant"], "kind": KIND, "target": row["id"], "content_hash": _content(row)}
    hours = ceil((row["expires_at"] - now) / timedelta(hours=1))
    approval = propose(connection, **named, editors=[actor], note=note, now=now, measure=hours)
    connection.execute(update(snoozes).where(snoozes.c.id == row["id"]).values(approval_id=approval))
    set_timer(connection, merchant=row["merchant"], kind=EXPIRY, ref=row["id"], due_at=row["expires_at"])
    return approval


def _begin(connection: Connection, row: dict[str, Any], actor: str, now: datetime) -> None:
    raise_generation(connection)
    append(connection, merchant=row["merchant"], actor=actor, action="snooze.added", target=row["id"], now=now, detail=_detail(row))


def _content(row: Any) -> str:
    """What an approval is bound to."""
    seen = {name: row[name] for name in ("id", "merchant", "policy", "rule", "field", "token", "comment")}
    return digest_of({**seen, "expires_at": to_micros(row["expires_at"])})


def _detail(row: Any) -> dict[str, Any]:
    return {"policy": row["policy"], "rule": row["rule"], "field": row["field"], "until": to_micros(row["expires_at"])}


def _row(connection: Connection, merchant: str, snooze_id: str) -> Any:
    row = connection.execute(select(snoozes).where(snoozes.c.merchant == merchant, snoozes.c.id == snooze_id)).one_or_none()
    if row is None:
        raise NotFound("snooze_not_found", Text(zh="没有这个暂停", en="there is no such snooze"))
    return row


def _over() -> Conflict:
    return Conflict("snooze_over", Text(zh="该暂停已经结束", en="this snooze is over"))
