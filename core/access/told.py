"""Who proposed and who agreed, by name, for people who read a history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from core.access.approvals import Approval, agreed, find_approval
from core.db.tables import approval_proxies, principals


def names_of(connection: Connection, people: Iterable[str]) -> dict[str, str]:
    """Names by id; whoever is nobody on the platform (`system`) is left out."""
    query = select(principals.c.id, principals.c.name).where(principals.c.id.in_(set(people)))
    return {row.id: row.name for row in connection.execute(query)}


def approval_story(connection: Connection, approval_id: str) -> dict[str, Any]:
    """Who asked when, who agreed and for whom, and the decision with its reason. Raises `NotFound`."""
    asked = find_approval(connection, approval_id)
    words = select(approval_proxies.c.delegate, approval_proxies.c.delegator).where(approval_proxies.c.approval_id == approval_id)
    spoke_for: dict[str, str] = {row.delegate: row.delegator for row in connection.execute(words)}
    voices = sorted(agreed(connection, approval_id)) if asked.state == "approved" else [asked.decided_by] if asked.decided_by else []
    names = names_of(connection, [asked.proposed_by, *voices, *spoke_for.values()])

    def person(one: str) -> dict[str, Any]:
        return {"id": one, "name": names.get(one, one)}

    deciders = [person(one) | ({"for": person(spoke_for[one])} if one in spoke_for else {}) for one in voices]
    return {**_when(asked), "proposed_by": person(asked.proposed_by), "decided_by": deciders}


def _when(asked: Approval) -> dict[str, Any]:
    decided = None if asked.decided_at is None else asked.decided_at.isoformat()
    return {"approval_id": asked.id, "state": asked.state, "proposed_at": asked.proposed_at.isoformat(), "decided_at": decided, "reason": asked.reason}
