"""A release of much money: proposed by one person, decided by another. Until then the reward stays held, and the case can be resolved no other way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from core.access.approvals import Approval, decide, find_approval, propose
from core.canon import canonical, digest
from core.errors import Conflict
from core.money import Money
from core.text import Text
from fraud.cases.holding import touch
from fraud.reviews import Review, find_review
from fraud.store.tables import reviews

KIND = "review.release"


@dataclass(frozen=True, slots=True)
class Decided:
    """The approval as it was decided; `release` is the case whose reward may post now, None where it may not."""

    approval: Approval
    release: Review | None


def require_unproposed(review: Review) -> None:
    """Raises `Conflict` while a second person is asked."""
    if review.approval_id is not None:
        text = Text(zh="放行正等待第二人审批", en="its release waits for a second person")
        raise Conflict("release_waits", text, approval_id=review.approval_id)


def propose_release(connection: Connection, review: Review, face: Money, by: str, reason: str, now: datetime) -> Review:
    """Ask a second person to release the reward; the caller holds the case's row. `reason` is kept with the case, and not in the audit log."""
    words = reason.strip()
    note = f"{face.yuan()} {face.currency}"
    content = _content_hash(review, words)
    asks: dict[str, Any] = {"merchant": review.merchant, "kind": KIND, "target": review.id, "content_hash": content, "measure": face.fen}
    approval = propose(connection, **asks, editors=[by], note=note, now=now)
    connection.execute(update(reviews).where(reviews.c.id == review.id).values(approval_id=approval, reason=words))
    touch(connection, review, by, now)
    return find_review(connection, review.id, review.merchant)


def decide_proposed(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Decided:
    """The second person's word. Refused, the case is open for anybody again. Raises `Conflict` when the reward came to nothing meanwhile."""
    asked = find_approval(connection, approval_id)
    review = find_review(connection, asked.target, asked.merchant, lock=True)
    standing = review.state == "open" and review.approval_id == approval_id
    content = _content_hash(review, review.reason or "") if standing else asked.content_hash
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=content, now=now)
    if standing and approve:
        return Decided(decided, review)
    if standing:
        free = {"approval_id": None, "reason": None, "locked_until": None}
        connection.execute(update(reviews).where(reviews.c.id == review.id).values(**free))
    elif approve:
        raise Conflict("review_resolved", Text(zh="该审核已有结论", en="the review is resolved already"), review_id=review.id)
    return Decided(decided, None)


def _content_hash(review: Review, reason: str) -> str:
    about = {"reward": review.reward_id} if review.rebate_id is None else {"rebate": review.rebate_id}
    return digest(canonical({"review": review.id, **about, "decision": review.decision_id, "reason": reason}))
