"""Brings the states of a policy's approved versions in line with the time: one is live, others wait for theirs, stand by or are retired.

Called when a version is approved, and by a timer at each instant at which another version begins to serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from core.access.principals import SYSTEM
from core.audit.log import append
from core.db.engine import insert_ignore
from core.errors import Conflict
from core.jobs.outbox import announce
from core.jobs.timers import set_timer
from core.text import Text
from fraud.rulesets.effect import last_change, next_change, next_gap, next_turn, states
from fraud.rulesets.tables import policies, policy_generation, policy_versions
from fraud.rulesets.warmth import left_since, recorded_since, will_be_recorded_since

TIMER = "policy.effective"
STANDING = ("live", "approved")
TOPIC = "policy.live"


def settle(connection: Connection, merchant: str, policy: str, actor: str, now: datetime) -> None:
    """Write the states, tell of what went live, and wake again when that changes. The policy's row must be locked by the caller."""
    of_it = (policy_versions.c.merchant == merchant, policy_versions.c.policy == policy)
    rows = connection.execute(select(policy_versions).where(*of_it, policy_versions.c.state.in_(STANDING)).order_by(policy_versions.c.version)).all()
    before = next((row for row in rows if row.state == "live"), None)
    wanted = states(rows, now)
    begins = next((row for row in rows if wanted[row.version] == "live" and row.state != "live"), None)
    since = None if begins is None else recorded_since(connection, merchant, begins.document, _since_when(rows, begins, now))
    ends = before is not None and "live" not in wanted.values()
    left = left_since(connection, merchant, last_change(rows, now) or now) if ends else None
    # The old one steps down first: the database allows one that is live.
    for row in sorted(rows, key=lambda row: wanted[row.version] == "live"):
        if wanted[row.version] != row.state:
            changes: dict[str, Any] = {"state": wanted[row.version]}
            if wanted[row.version] == "live":
                changes |= {"live_from": now, "recorded_since": since}
            connection.execute(update(policy_versions).where(*of_it, policy_versions.c.version == row.version).values(changes))
    for row in rows:
        if wanted[row.version] == "approved" and (begins_at := next_turn(rows, row.version, now)) is not None:
            will_be = will_be_recorded_since(connection, merchant, row.document, begins_at)
            connection.execute(update(policy_versions).where(*of_it, policy_versions.c.version == row.version).values(recorded_since=will_be))
    live = next((row for row in rows if wanted[row.version] == "live"), None)
    head: dict[str, Any] = {"live_version": None if live is None else live.version}
    if live is not None and (gap := next_gap(rows, now)) is not None:
        left = left_since(connection, merchant, gap)
    if left is not None:
        head["left_since"] = left
    connection.execute(update(policies).where(policies.c.merchant == merchant, policies.c.id == policy).values(**head))
    # Also for a version that waits: every process reads it now and begins with it in time, whether or not the timer is late.
    raise_generation(connection)
    _tell(connection, merchant, policy, before, live, actor, now)
    _wake_again(connection, merchant, rows, wanted, now)


def _since_when(rows: Sequence[Any], begins: Any, now: datetime) -> datetime:
    """One that waited for its turn has been serving since that instant, however late its timer is."""
    return now if begins.recorded_since is None else last_change(rows, now) or now


def fire_timer(connection: Connection, approval_id: str, now: datetime) -> None:
    """A version's time has come or is over. Idempotent; a version that was retired meanwhile changes nothing."""
    found = connection.execute(select(policy_versions).where(policy_versions.c.approval_id == approval_id)).one_or_none()
    if found is None or found.state not in STANDING:
        return
    connection.execute(select(policies.c.id).where(policies.c.merchant == found.merchant, policies.c.id == found.policy).with_for_update()).one()
    settle(connection, found.merchant, found.policy, SYSTEM, now)


def raise_generation(connection: Connection) -> None:
    """Tell every process that what is live has changed; in the transaction of the change."""
    raised = update(policy_generation).values(generation=policy_generation.c.generation + 1)
    if connection.execute(raised).rowcount == 0 and not insert_ignore(connection, policy_generation, {"id": 1, "generation": 1}):
        connection.execute(raised)


def require_newer_than_live(connection: Connection, merchant: str, policy: str, version: int) -> None:
    """Raises `Conflict` for a version that an approved newer one has overtaken."""
    of_it = (policy_versions.c.merchant == merchant, policy_versions.c.policy == policy)
    live = connection.execute(select(policy_versions.c.version).where(*of_it, policy_versions.c.state == "live")).scalar_one_or_none()
    if live is not None and live > version:
        text = Text(zh=f"策略已更新到第 {live} 版,请先取得最新内容", en=f"the policy is at version {live} now; start from that one")
        raise Conflict("stale_edit", text, newest=live)


def _tell(connection: Connection, merchant: str, policy: str, before: Any, live: Any, actor: str, now: datetime) -> None:
    if (before and before.version) == (live and live.version):
        return
    old, new = before and before.content_hash, live and live.content_hash
    body = {"policy": policy, "version": live and live.version, "content_hash": new}
    action = TOPIC if live is not None else "policy.ended"
    target = f"{policy}@{(live or before).version}"
    append(connection, merchant=merchant, actor=actor, action=action, target=target, now=now, before=old, after=new, detail=body)
    announce(connection, merchant=merchant, topic=action, ref=policy, body=body, now=now)


def _wake_again(connection: Connection, merchant: str, rows: Any, wanted: dict[int, str], now: datetime) -> None:
    """One timer for each version that still has a change before it."""
    for row in rows:
        due = next_change([row], now)
        if due is not None and wanted[row.version] != "retired":
            set_timer(connection, merchant=merchant, kind=TIMER, ref=row.approval_id, due_at=due)
