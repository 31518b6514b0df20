"""Whose case it is: one person works on it, nobody else resolves it meanwhile, and a forgotten one is free again after half an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from core.audit.log import append
from core.db.tables import principals
from core.errors import Conflict, NotFound
from core.text import Text
from fraud.queries import PLATFORM
from fraud.reviews import Review, find_review
from fraud.store.tables import reviews

# Since the holder's last touch: taking it, writing a note, proposing a release.
LOCK_MINUTES = 30


def require_free(connection: Connection, review: Review, by: str, now: datetime) -> None:
    """Raises `Conflict`, with who holds it, while it is somebody else's."""
    if review.assignee in (None, by) or review.locked_until is None or review.locked_until <= now:
        return
    holder = connection.execute(select(principals.c.name).where(principals.c.id == review.assignee)).scalar_one()
    text = Text(zh=f"该案正由 {holder} 处理", en=f"{holder} is at work on this case")
    raise Conflict("review_held", text, assignee=review.assignee, name=holder, locked_until=review.locked_until.isoformat())


def take(connection: Connection, review: Review, by: str, now: datetime) -> Review:
    """It is yours now, for half an hour; taken again, for another. The caller holds its row. Raises `Conflict` while it is somebody else's."""
    require_free(connection, review, by, now)
    return _give(connection, review, by, by, now)


def assign(connection: Connection, review: Review, to: str, by: str, now: datetime) -> Review:
    """Give it to a person, by id or name, whoever holds it now; the audit log tells who took it from whom. Raises `NotFound`."""
    return _give(connection, review, _person(connection, review.merchant, to), by, now)


def release(connection: Connection, review: Review, by: str, now: datetime) -> Review:
    """It is nobody's. Raises `Conflict` while it is somebody else's."""
    require_free(connection, review, by, now)
    if review.assignee is None:
        return review
    return _write(connection, review, None, None, "review.released", by, now)


def touch(connection: Connection, review: Review, by: str, now: datetime) -> None:
    """The holder's half hour begins again."""
    mine = (reviews.c.id == review.id, reviews.c.assignee == by, reviews.c.state == "open")
    connection.execute(update(reviews).where(*mine).values(locked_until=_until(now)))


def _give(connection: Connection, review: Review, to: str, by: str, now: datetime) -> Review:
    if review.assignee == to:
        connection.execute(update(reviews).where(reviews.c.id == review.id).values(locked_until=_until(now)))
        return find_review(connection, review.id, review.merchant)
    return _write(connection, review, to, _until(now), "review.assigned", by, now)


def _write(connection: Connection, review: Review, to: str | None, until: datetime | None, action: str, by: str, now: datetime) -> Review:
    connection.execute(update(reviews).where(reviews.c.id == review.id).values(assignee=to, locked_until=until))
    detail = {"assignee": to, "before": review.assignee}
    append(connection, merchant=review.merchant, actor=by, action=action, target=review.id, now=now, detail=detail)
    return find_review(connection, review.id, review.merchant)


def _person(connection: Connection, merchant: str, named: str) -> str:
    mine = (principals.c.merchant.in_((merchant, PLATFORM)), principals.c.kind == "person", principals.c.disabled_at.is_(None))
    query = select(principals.c.id).where(*mine, or_(principals.c.id == named, principals.c.name == named))
    # The merchant's own people come before the platform's of the same name.
    found: str | None = connection.execute(query.order_by(principals.c.merchant.desc())).scalars().first()
    if found is None:
        raise NotFound("principal_not_found", Text(zh="没有这个人员", en="there is no such person"))
    return found


def _until(now: datetime) -> datetime:
    return now + timedelta(minutes=LOCK_MINUTES)
