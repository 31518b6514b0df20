"""What the risk engine's tables lose when a person is erased, what stands in the way of that, and the identifiers by which the person is known there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from core.canon import canonical
from core.errors import Conflict
from core.privacy.vault import open_fields
from core.privacy.wiping import Wipe
from core.text import Text
from fraud.cases.tables import review_entities, review_notes
from fraud.persons.told import cases_of
from fraud.store.tables import events, refusals, reviews

ERASED = "[erased]"
# What an event still says: that something happened, when, with which order. The shop's own fields may say anything.
_KEPT = ("id", "type", "merchant", "occurred_at", "received_at", "campaign", "order_id", "amount_fen")


def require_no_case(connection: Connection, merchant: str, subject: str) -> None:
    """Raises `Conflict` while a person still has to answer: an appeal that is erased would never be."""
    mine = (reviews.c.id.in_(cases_of(merchant, subject)), reviews.c.state == "open")
    found = connection.execute(select(reviews.c.id).where(*mine).order_by(reviews.c.id)).scalars().all()
    if found:
        text = Text(zh="还有未结的审核或申诉,请先处理", en="a review or an appeal is open; answer it first")
        raise Conflict("open_case", text, reviews=list(found))


def personal_of(connection: Connection, merchant: str, subject: str, key: bytes) -> Iterator[dict[str, str]]:
    """The identifying fields of every event and refusal on record, the oldest first."""
    for table, order in ((refusals, refusals.c.last_at), (events, events.c.received_at)):
        mine = (table.c.merchant == merchant, table.c.subject_id == subject, table.c.personal.is_not(None))
        for sealed in connection.execute(select(table.c.personal).where(*mine).order_by(order)).scalars():
            yield open_fields(key, sealed)


def wipes_of(merchant: str, subject: str) -> tuple[Wipe, ...]:
    """In the order in which they are made."""
    cases = cases_of(merchant, subject)
    mine = and_(events.c.merchant == merchant, events.c.subject_id == subject)
    words = or_(reviews.c.request.is_not(None), and_(reviews.c.reason.is_not(None), reviews.c.reason != ERASED))
    return (
        Wipe(events, and_(mine, or_(events.c.personal.is_not(None), events.c.content_hash != "")), _bare_event),
        Wipe(refusals, and_(refusals.c.merchant == merchant, refusals.c.subject_id == subject, refusals.c.personal.is_not(None)), {"personal": None}),
        Wipe(reviews, and_(reviews.c.id.in_(cases), words), lambda row: {"request": None, "reason": None if row.reason is None else ERASED}),
        Wipe(review_notes, review_notes.c.review_id.in_(cases), None),
        Wipe(review_entities, review_entities.c.review_id.in_(cases), None),
    )


def _bare_event(row: Any) -> dict[str, Any]:
    body = {name: value for name, value in json.loads(row.body).items() if name in _KEPT}
    return {"personal": None, "content_hash": "", "body": canonical(body)}
