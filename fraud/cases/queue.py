"""The queue: cases by the time at which they are due, of everybody or of one, narrowed down by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from core.clock import from_micros, to_micros
from core.errors import Malformed
from core.text import Text
from fraud.cases.tables import review_rules
from fraud.reviews import Review, select_reviews
from fraud.store.tables import decisions, reviews

NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases; None asks for all. `assignee` may be `NOBODY`; `due_by` keeps those that are due by then."""

    state: str | None = "open"
    kind: str | None = None
    assignee: str | None = None
    campaign: str | None = None
    policy: str | None = None
    rule: str | None = None
    due_by: datetime | None = None


def list_cases(connection: Connection, merchant: str, wanted: Wanted, *, after: str = "", most: int = 50) -> list[Review]:
    """The next cases after the place `after`, which `place_of` tells. Raises `Malformed` for a place that is none."""
    query = select_reviews(merchant)
    for name in ("state", "kind", "campaign"):
        if getattr(wanted, name) is not None:
            query = query.where(reviews.c[name] == getattr(wanted, name))
    if wanted.assignee is not None:
        query = query.where(reviews.c.assignee.is_(None) if wanted.assignee == NOBODY else reviews.c.assignee == wanted.assignee)
    if wanted.due_by is not None:
        query = query.where(reviews.c.due_at <= wanted.due_by)
    if wanted.policy is not None:
        query = query.join(decisions, decisions.c.id == reviews.c.decision_id).where(decisions.c.policy == wanted.policy)
    if wanted.rule is not None:
        query = query.join(review_rules, review_rules.c.review_id == reviews.c.id).where(review_rules.c.rule == wanted.rule)
    if after:
        due_at, last = _read_place(after)
        query = query.where(or_(reviews.c.due_at > due_at, and_(reviews.c.due_at == due_at, reviews.c.id > last)))
    return [Review(*row) for row in connection.execute(query.order_by(reviews.c.due_at, reviews.c.id).limit(most))]


def place_of(review: Review) -> str:
    """Where a case stands in the queue."""
    return f"{to_micros(review.due_at)}.{review.id}"


def rules_of(connection: Connection, review_id: str) -> list[str]:
    """The rules that hit, by name."""
    return list(connection.execute(select(review_rules.c.rule).where(review_rules.c.review_id == review_id).order_by(review_rules.c.rule)).scalars())


def policy_of(connection: Connection, review: Review) -> str:
    """The policy that decided."""
    return str(connection.execute(select(decisions.c.policy).where(decisions.c.id == review.decision_id)).scalar_one())


def _read_place(place: str) -> tuple[datetime, str]:
    due, _, last = place.partition(".")
    try:
        return from_micros(int(due)), last
    except (ValueError, OverflowError) as error:
        raise Malformed("bad_cursor", Text(zh="分页游标无效", en="the cursor is not one of ours")) from error
