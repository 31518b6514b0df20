"""The emergency stop of a rule: one person stops it at once, and only two start it again.

A stopped rule refuses nobody and lets nobody through: what it would have refused is held for a person (`rules.evaluate`), so that a stop opens no door.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from core.access.approvals import Approval, decide, find_approval, pending_for, propose
from core.audit.log import append
from core.canon import digest, digest_of
from core.db.engine import insert_ignore
from core.errors import Conflict, Malformed, NotFound
from core.ids import new_id
from core.text import Text
from fraud.snoozes.changing import raise_generation
from fraud.stops.tables import rule_stops
from rules.model import Ruleset

KIND = "rule.start"
REASON_MAX = 300


def stop_rule(
    connection: Connection, merchant: str, policies: Iterable[Ruleset], *, policy: str, rule: str, reason: str, actor: str, now: datetime
) -> dict[str, Any]:
    """It counts no more, within two seconds. Raises `Malformed` for what is not there or without a reason, `Conflict` for one that is stopped."""
    words = reason.strip()
    if not 1 <= len(words) <= REASON_MAX:
        raise Malformed("reason_required", Text(zh=f"须写明原因(至多 {REASON_MAX} 字)", en=f"give a reason of at most {REASON_MAX} characters"))
    found = next((one for one in policies if one.id == policy), None)
    if found is None:
        raise Malformed("unknown_policy", Text(zh=f"没有策略 {policy}", en=f"there is no policy {policy}"))
    if rule not in {one.id for one in found.rules}:
        raise Malformed("unknown_rule", Text(zh=f"策略 {policy} 没有规则 {rule}", en=f"policy {policy} has no rule {rule}"))
    values = {"id": new_id("stp"), "merchant": merchant, "policy": policy, "rule": rule, "reason": words, "state": "standing"}
    if not insert_ignore(connection, rule_stops, {**values, "stopped_by": actor, "stopped_at": now}):
        raise Conflict("rule_stopped", Text(zh=f"规则 {rule} 已停用", en=f"the rule {rule} is stopped already"))
    raise_generation(connection)
    # The words may name a person, so the sealed entry holds only their hash.
    detail = {"policy": policy, "rule": rule, "reason_hash": digest(words.encode())}
    append(connection, merchant=merchant, actor=actor, action="rule.stopped", target=str(values["id"]), now=now, detail=detail)
    return stop_view(_row(connection, merchant, str(values["id"])))


def ask_start(connection: Connection, merchant: str, stop_id: str, note: str, actor: str, now: datetime) -> dict[str, Any]:
    """Ask a second person to let it count again; asked twice, it is one question. Raises `NotFound`, and `Conflict` for one that runs."""
    row = _row(connection, merchant, stop_id, lock=True)
    if row.state != "standing":
        raise _over()
    content = _content(row)
    if pending_for(connection, merchant, KIND, stop_id, content, now) is None:
        words = f"{row.policy}/{row.rule} {note.strip()}".strip()[:500]
        approval = propose(connection, merchant=merchant, kind=KIND, target=stop_id, content_hash=content, editors=[actor], note=words, now=now)
        connection.execute(update(rule_stops).where(rule_stops.c.id == stop_id).values(approval_id=approval))
    return stop_view(_row(connection, merchant, stop_id))


def decide_start(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's word; approved, it counts again. Raises `Conflict` for one that runs already."""
    asked = find_approval(connection, approval_id)
    row = _row(connection, asked.merchant, asked.target, lock=True)
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=_content(row), now=now)
    if not approve:
        return decided
    if row.state != "standing":
        raise _over()
    connection.execute(update(rule_stops).where(rule_stops.c.id == row.id).values(state="over", started_at=now, approval_id=approval_id))
    raise_generation(connection)
    detail = {"policy": row.policy, "rule": row.rule, "approval": approval_id}
    append(connection, merchant=row.merchant, actor=by, action="rule.started", target=row.id, now=now, detail=detail)
    return decided


def stops_of(connection: Connection, merchant: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Rules that are stopped now, by id."""
    mine = (rule_stops.c.merchant == merchant, rule_stops.c.state == "standing", rule_stops.c.id > after)
    return [stop_view(row) for row in connection.execute(select(rule_stops).where(*mine).order_by(rule_stops.c.id).limit(limit))]


def stop_view(row: Any) -> dict[str, Any]:
    """As JSON-able data."""
    shown = {name: getattr(row, name) for name in ("id", "policy", "rule", "reason", "state", "stopped_by", "approval_id")}
    return {**shown, "stopped_at": row.stopped_at.isoformat(), "started_at": None if row.started_at is None else row.started_at.isoformat()}


def _content(row: Any) -> str:
    """What an approval is bound to: this stop, not one that came before or after it."""
    return digest_of({"stop": row.id, "policy": row.policy, "rule": row.rule})


def _row(connection: Connection, merchant: str, stop_id: str, lock: bool = False) -> Any:
    query = select(rule_stops).where(rule_stops.c.merchant == merchant, rule_stops.c.id == stop_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("stop_not_found", Text(zh="没有这次停用", en="there is no such stop"))
    return row


def _over() -> Conflict:
    return Conflict("rule_runs", Text(zh="该规则已恢复", en="this rule runs again"))
