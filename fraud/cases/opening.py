"""Opening a case: its row, the rules that hit and what its event is known by, in the transaction of what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from core.db.engine import insert_ignore
from core.ids import new_id
from fraud.cases.entities import keep_entities
from fraud.cases.tables import review_rules
from fraud.decision import Decision
from fraud.labels import HIT
from fraud.store.tables import reviews


def open_case(
    connection: Connection, kind: str, decision: Decision, tokens: Mapping[str, str], now: datetime, due_at: datetime, **about: Any
) -> tuple[str, bool]:
    """The id of the decision's case of this kind, and whether it is new: there is one of each kind."""
    review_id = new_id("rev")
    values = {"id": review_id, "merchant": decision.merchant, "kind": kind, "decision_id": decision.id, "state": "open", "opened_at": now, "due_at": due_at}
    if not insert_ignore(connection, reviews, values | about):
        standing = select(reviews.c.id).where(reviews.c.decision_id == decision.id, reviews.c.kind == kind)
        return str(connection.execute(standing).scalar_one()), False
    hits = [{"review_id": review_id, "rule": rule} for rule, result in sorted(decision.results.items()) if result == HIT]
    if hits:
        connection.execute(review_rules.insert(), hits)
    keep_entities(connection, review_id, decision.merchant, tokens)
    return review_id, True
