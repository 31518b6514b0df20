"""The review queue: held rewards wait here for a person. A review is resolved once, with a reason, where the reward is moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from core.audit.log import append
from core.canon import digest
from core.errors import Conflict, Malformed, NotFound
from core.text import Text
from fraud.queries import PLATFORM
from fraud.store.tables import reviews

RESOLUTIONS = ("post", "void")
REASON_CHARS_MAX = 2000
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Review:
    """A row of `reviews`."""

    id: str
    merchant: str
    decision_id: str
    reward_id: str
    campaign: str
    state: str
    opened_at: datetime
    due_at: datetime
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    reason: str | None

    def public(self) -> dict[str, Any]:
        """JSON-able, no personal data."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def list_open(connection: Connection, merchant: str, *, after: str = "", most: int = 50) -> list[Review]:
    """Open reviews, the oldest first, after the id `after`; the platform (`*`) sees every merchant's."""
    query = _select(merchant).where(reviews.c.state == "open", reviews.c.id > after).order_by(reviews.c.id).limit(most)
    return [Review(*row) for row in connection.execute(query)]


def find_review(connection: Connection, review_id: str, merchant: str) -> Review:
    """Raises `NotFound`."""
    row = connection.execute(_select(merchant).where(reviews.c.id == review_id)).one_or_none()
    if row is None:
        raise NotFound("review_not_found", Text(zh="没有这个审核", en="there is no such review"))
    return Review(*row)


def resolve(connection: Connection, review_id: str, resolution: str, by: str, reason: str, now: datetime, *, merchant: str) -> Review:
    """Resolve an open review as `post` or `void`; the caller moves the reward in the same transaction. `by` is a principal's id.

    Raises `NotFound`, `Malformed` for a blank reason, and `Conflict` when somebody resolved it first.
    """
    _require_words(resolution, reason)
    found = find_review(connection, review_id, merchant)
    values = {"state": "resolved", "resolution": resolution, "resolved_by": by, "resolved_at": now, "reason": reason.strip()}
    still_open = (reviews.c.id == review_id, reviews.c.state == "open")
    if connection.execute(update(reviews).where(*still_open).values(**values)).rowcount != 1:
        raise Conflict("review_resolved", Text(zh="该审核已有结论", en="the review is resolved already"), review_id=review_id)
    # The words may name a person, so the sealed entry holds only their hash.
    reason_hash = digest(reason.strip().encode())
    detail = {"resolution": resolution, "reward": found.reward_id, "decision": found.decision_id, "reason_hash": reason_hash}
    append(connection, merchant=found.merchant, actor=by, action="review.resolved", target=review_id, now=now, detail=detail)
    return find_review(connection, review_id, merchant)


def close_moot(connection: Connection, reward_ids: Sequence[str], now: datetime) -> None:
    """Close the open reviews of rewards that came to nothing by themselves; each leaves an audit entry."""
    query = select(reviews.c.id, reviews.c.merchant, reviews.c.decision_id, reviews.c.reward_id)
    for row in connection.execute(query.where(reviews.c.reward_id.in_(reward_ids), reviews.c.state == "open")).all():
        values = {"state": "resolved", "resolution": "void", "resolved_by": SYSTEM, "resolved_at": now, "reason": "the reward came to nothing with its order"}
        if connection.execute(update(reviews).where(reviews.c.id == row.id, reviews.c.state == "open").values(**values)).rowcount == 1:
            detail = {"reward": row.reward_id, "decision": row.decision_id}
            append(connection, merchant=row.merchant, actor=SYSTEM, action="review.closed", target=row.id, now=now, detail=detail)


def _require_words(resolution: str, reason: str) -> None:
    if resolution not in RESOLUTIONS:
        raise Malformed("unknown_resolution", Text(zh="结论须为 post 或 void", en="a resolution is post or void"))
    if not reason.strip() or len(reason) > REASON_CHARS_MAX:
        text = Text(zh=f"须写明理由(不超过 {REASON_CHARS_MAX} 字)", en=f"give a reason of at most {REASON_CHARS_MAX} characters")
        raise Malformed("reason_required", text)


def _select(merchant: str) -> Select[Any]:
    query = select(*(reviews.c[name] for name in Review.__slots__))
    return query if merchant == PLATFORM else query.where(reviews.c.merchant == merchant)
