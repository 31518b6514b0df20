"""What people write down about a case: added, never changed. The audit log has each note's hash, since the words may name a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from core.audit.log import append
from core.canon import digest
from core.errors import Conflict, Malformed
from core.ids import new_id
from core.privacy.masking import masked_words
from core.text import Text
from fraud.cases.holding import touch
from fraud.cases.tables import review_notes
from fraud.reviews import Review

NOTE_CHARS_MAX = 2000
NOTES_MAX = 200


def add_note(connection: Connection, review: Review, text: str, by: str, now: datetime) -> dict[str, Any]:
    """Anybody who sees the case may write, whoever holds it and when it is resolved too. Raises `Malformed`, and `Conflict` for one too many."""
    words = text.strip()
    if not words or len(words) > NOTE_CHARS_MAX:
        raise Malformed("bad_note", Text(zh=f"备注须为 1 至 {NOTE_CHARS_MAX} 字", en=f"a note has 1 to {NOTE_CHARS_MAX} characters"))
    if connection.execute(select(func.count()).where(review_notes.c.review_id == review.id)).scalar_one() >= NOTES_MAX:
        raise Conflict("too_many_notes", Text(zh=f"每案最多 {NOTES_MAX} 条备注", en=f"a case has {NOTES_MAX} notes at most"))
    row = {"id": new_id("nte"), "merchant": review.merchant, "review_id": review.id, "author": by, "at": now, "text": words}
    connection.execute(review_notes.insert().values(**row))
    touch(connection, review, by, now)
    detail = {"note": row["id"], "text_hash": digest(words.encode())}
    append(connection, merchant=review.merchant, actor=by, action="review.noted", target=review.id, now=now, detail=detail)
    return _shown(row)


def notes_of(connection: Connection, review_id: str) -> list[dict[str, Any]]:
    """All of them, the oldest first."""
    query = select(review_notes).where(review_notes.c.review_id == review_id).order_by(review_notes.c.at, review_notes.c.id)
    return [_shown(row) for row in connection.execute(query).mappings()]


def _shown(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "author": row["author"], "at": row["at"].isoformat(), "text": masked_words(row["text"])}
