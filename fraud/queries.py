"""Reading decisions back. A decision is rebuilt from its stored bytes, never from the columns beside them."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlalchemy import Connection, select

from core.errors import NotFound
from core.text import Text
from fraud.decision import Decision, from_record
from fraud.store.tables import decisions

PLATFORM = "*"


def find_decision(connection: Connection, decision_id: str, merchant: str) -> Decision:
    """The merchant's decision (any merchant's for the platform, `*`). Raises `NotFound`."""
    query = select(decisions.c.body, decisions.c.timing).where(decisions.c.id == decision_id)
    if merchant != PLATFORM:
        query = query.where(decisions.c.merchant == merchant)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("decision_not_found", Text(zh="没有这个决策", en="there is no such decision"))
    return replace(from_record(row.body), timing=None if row.timing is None else json.loads(row.timing))
