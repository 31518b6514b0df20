"""Which approval rules count: those that were adopted last, in SQL, so that every process and every command goes by the same ones.

A service that starts with another file adopts it, and the audit log keeps both hashes and the whole of what is new.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from core.access.principals import PLATFORM, SYSTEM
from core.access.rulefile import ApprovalRules, Terms, rules_from, shipped_rules
from core.audit.log import append
from core.canon import canonical
from core.db.engine import insert_ignore
from core.db.tables import approval_rules

_NEWEST = select(approval_rules.c.document).order_by(approval_rules.c.nth.desc()).limit(1)


def rules_in_force(connection: Connection) -> ApprovalRules:
    """Those adopted last; the shipped ones where none ever were."""
    stored = connection.execute(_NEWEST).scalar_one_or_none()
    return shipped_rules() if stored is None else rules_from(stored)


def adoptions(connection: Connection, most: int = 50) -> list[dict[str, Any]]:
    """Which rules counted from when on, the newest first."""
    columns = (approval_rules.c.name, approval_rules.c.version, approval_rules.c.adopted_at)
    rows = connection.execute(select(*columns).order_by(approval_rules.c.nth.desc()).limit(most))
    return [{"name": row.name, "version": row.version, "adopted_at": row.adopted_at.isoformat()} for row in rows]


def terms_of(connection: Connection, kind: str) -> Terms:
    return rules_in_force(connection).terms(kind)


def adopt(connection: Connection, rules: ApprovalRules, now: datetime) -> bool:
    """Let them count from now on; False where they do already, or a rival that starts at the same time has just done it."""
    before = rules_in_force(connection)
    nth = connection.execute(select(func.coalesce(func.max(approval_rules.c.nth), 0))).scalar_one()
    if nth and before.version == rules.version:
        return False
    row = {"nth": nth + 1, "version": rules.version, "name": rules.name, "document": canonical(rules.document), "adopted_at": now}
    if not insert_ignore(connection, approval_rules, row):
        return False
    detail = {"name": rules.name, "nth": nth + 1, "document": rules.document}
    known = {"before": before.version if nth else None, "after": rules.version}
    append(connection, merchant=PLATFORM, actor=SYSTEM, action="approvals.rules_adopted", target="approval-rules", now=now, detail=detail, **known)
    return True
