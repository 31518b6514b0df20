"""Cases: a held reward, a promoter's held commissions or a customer's appeal waits here for a person, who resolves it once, with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, update

from core.access.approvals import void
from core.audit.log import append
from core.canon import digest
from core.errors import Conflict, Malformed, NotFound
from core.privacy.masking import masked_words
from core.text import Text
from fraud.queries import PLATFORM
from fraud.store.tables import decisions, reviews

# Kind of case → what may be said of it.
RESOLUTIONS = {"reward": ("post", "void"), "commission": ("post", "void"), "appeal": ("upheld", "overturned")}
REASON_CHARS_MAX = 2000
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Review:
    """A row of `reviews`. Until `locked_until` nobody but the assignee may resolve it."""

    id: str
    merchant: str
    kind: str
    decision_id: str
    reward_id: str | None
    rebate_id: str | None
    campaign: str | None
    state: str
    opened_at: datetime
    due_at: datetime
    request: str | None
    assignee: str | None
    locked_until: datetime | None
    approval_id: str | None
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    reason: str | None

    def public(self, now: datetime) -> dict[str, Any]:
        """JSON-able, no personal data but what people wrote, with numbers and mailboxes masked."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
        words = {name: None if shown[name] is None else masked_words(shown[name]) for name in ("request", "reason")}
        return {**shown, **words, "overdue": self.state == "open" and self.due_at <= now}


def find_review(connection: Connection, review_id: str, merchant: str, lock: bool = False) -> Review:
    """With `lock` the row stays ours until the transaction ends. Raises `NotFound`."""
    query = select_reviews(merchant).where(reviews.c.id == review_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("review_not_found", Text(zh="没有这个审核", en="there is no such review"))
    return Review(*row)


def find_open(connection: Connection, review_id: str, merchant: str) -> Review:
    """An open case under its lock: rivals wait, and then find what we made of it. Raises `NotFound`, and `Conflict` when it is resolved."""
    found = find_review(connection, review_id, merchant, lock=True)
    if found.state != "open":
        text = Text(zh="该审核已有结论", en="the review is resolved already")
        raise Conflict("review_resolved", text, review_id=review_id, resolution=found.resolution, resolved_by=found.resolved_by)
    return found


def require_words(review: Review, resolution: str, reason: str) -> None:
    """Raises `Malformed` for a resolution of another kind of case, and for a reason that is blank or too long."""
    allowed = RESOLUTIONS[review.kind]
    if resolution not in allowed:
        words = " / ".join(allowed)
        raise Malformed("unknown_resolution", Text(zh=f"此案的结论须为 {words}", en=f"a resolution of this case is {words}"))
    if not reason.strip() or len(reason) > REASON_CHARS_MAX:
        text = Text(zh=f"须写明理由(不超过 {REASON_CHARS_MAX} 字)", en=f"give a reason of at most {REASON_CHARS_MAX} characters")
        raise Malformed("reason_required", text)


def close(connection: Connection, found: Review, resolution: str, by: str, reason: str, now: datetime) -> Review:
    """Write the resolution of an open case; the caller holds its lock and moves the reward in the same transaction. `by` is a principal's id."""
    values = {"state": "resolved", "resolution": resolution, "resolved_by": by, "resolved_at": now, "reason": reason.strip(), "locked_until": None}
    still_open = (reviews.c.id == found.id, reviews.c.state == "open")
    if connection.execute(update(reviews).where(*still_open).values(**values)).rowcount != 1:
        raise ValueError("a case is closed under its lock")
    # The words may name a person, so the sealed entry holds only their hash.
    reason_hash = digest(reason.strip().encode())
    about = {"reward": found.reward_id, "decision": found.decision_id, **({"rebate": found.rebate_id} if found.rebate_id else {})}
    detail = {"resolution": resolution, **about, "reason_hash": reason_hash}
    append(connection, merchant=found.merchant, actor=by, action="review.resolved", target=found.id, now=now, detail=detail)
    return find_review(connection, found.id, found.merchant)


def close_moot(connection: Connection, reward_ids: Sequence[str], now: datetime) -> None:
    """Close the open cases of rewards that came to nothing by themselves; each leaves an audit entry, and a release that waits is void."""
    _close_moot(connection, (reviews.c.reward_id.in_(reward_ids),), "the reward came to nothing with its order", now)


def close_moot_commissions(connection: Connection, emptied: Sequence[tuple[str, str]], now: datetime) -> None:
    """The same of held commissions that their order took back: (rebate, promoter)."""
    for rebate_id, subject in emptied:
        theirs = select(decisions.c.id).where(decisions.c.id == reviews.c.decision_id, decisions.c.subject_id == subject).exists()
        _close_moot(connection, (reviews.c.rebate_id == rebate_id, theirs), "the commission came to nothing with its order", now)


def _close_moot(connection: Connection, which: Sequence[ColumnElement[bool]], reason: str, now: datetime) -> None:
    query = select(*(reviews.c[name] for name in ("id", "merchant", "decision_id", "reward_id", "rebate_id", "approval_id")))
    for row in connection.execute(query.where(*which, reviews.c.state == "open").order_by(reviews.c.id)).all():
        values = {"state": "resolved", "resolution": "void", "resolved_by": SYSTEM, "resolved_at": now, "reason": reason}
        if connection.execute(update(reviews).where(reviews.c.id == row.id, reviews.c.state == "open").values(**values)).rowcount != 1:
            continue
        detail = {"reward": row.reward_id, "decision": row.decision_id, **({"rebate": row.rebate_id} if row.rebate_id else {})}
        append(connection, merchant=row.merchant, actor=SYSTEM, action="review.closed", target=row.id, now=now, detail=detail)
        if row.approval_id is not None:
            void(connection, row.approval_id, reason, SYSTEM, now)


def select_reviews(merchant: str) -> Select[Any]:
    """The columns of `Review`, of one merchant; the platform (`*`) sees every merchant's."""
    query = select(*(reviews.c[name] for name in Review.__slots__))
    return query if merchant == PLATFORM else query.where(reviews.c.merchant == merchant)
