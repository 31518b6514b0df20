"""Resolving a case, from any entry point: the case, its reward or commissions and whatever hangs on it move in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.commissions import close_emptied, release_commission, resolve_commission
from api.passes import pass_until
from campaigns.acting.facts import order_of_part, reward_refused
from campaigns.acting.stage import After
from campaigns.orders.coupons import reverse_earlier_refunds
from campaigns.rewards import Reward, find_reward, post_reward, void_reward
from core.access.approvals import Approval, find_approval
from fraud.cases.appeals import answer_appeal
from fraud.cases.holding import require_free
from fraud.cases.releases import decide_proposed, propose_release, require_unproposed
from fraud.reviews import Review, close, close_moot, find_open, find_review, require_words


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says of a case: `post`, `void`, `upheld` or `overturned`, and why. Above `second_fen` a release is only proposed.

    `pass_hours` is how long whom an appeal proves right may ask again.
    """

    resolution: str
    reason: str
    by: str
    now: datetime
    second_fen: int
    pass_hours: int


def resolve_case(connection: Connection, merchant: str, review_id: str, word: Word, after: After) -> dict[str, Any]:
    """Resolve an open case, or propose to. Raises `NotFound`, `Malformed`, and `Conflict` where it is resolved, held or proposed."""
    review = find_open(connection, review_id, merchant)
    require_words(review, word.resolution, word.reason)
    require_free(connection, review, word.by, word.now)
    if not _close_moot(connection, review, word.now):
        require_unproposed(review)
    if review.kind == "appeal":
        until = pass_until(connection, review, word.now, word.pass_hours)
        done = answer_appeal(connection, review, word.resolution, word.by, word.reason, word.now, until)
        return {"review": done.public(word.now), "reward": None, "approval_id": None}
    if review.kind == "commission":
        return resolve_commission(connection, review, word.resolution, word.reason, word.by, word.now, word.second_fen)
    reward = find_reward(connection, merchant, str(review.reward_id), lock=True)
    if reward.state in ("void", "reversed"):
        return {"review": find_review(connection, review_id, merchant).public(word.now), "reward": reward.public(), "approval_id": None}
    if word.resolution == "post" and reward.face_fen > word.second_fen:
        done = propose_release(connection, review, reward.face, word.by, word.reason, word.now)
    else:
        done = close(connection, review, word.resolution, word.by, word.reason, word.now)
        _move(connection, reward, word, after)
    moved = find_reward(connection, merchant, reward.id)
    return {"review": done.public(word.now), "reward": moved.public(), "approval_id": done.approval_id}


def decide_release(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's decision; approved, the reward posts or the commissions settle at once. Void where there is nothing left to decide."""
    asked = find_approval(connection, approval_id)
    review = find_review(connection, asked.target, asked.merchant, lock=True)
    if review.approval_id == approval_id and _close_moot(connection, review, now):
        return find_approval(connection, approval_id)
    decided = decide_proposed(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, now=now)
    if decided.release is not None:
        _release(connection, decided.release, by, now)
    return decided.approval


def _close_moot(connection: Connection, review: Review, now: datetime) -> bool:
    """Whether an open case came to nothing with its order, and nobody closed it: who should have died on the way. It is closed now."""
    if review.state != "open" or review.kind == "appeal":
        return False
    if review.kind == "commission":
        return close_emptied(connection, review, now)
    reward = find_reward(connection, review.merchant, str(review.reward_id), lock=True)
    if reward.state not in ("void", "reversed"):
        return False
    close_moot(connection, [reward.id], now)
    return True


def _release(connection: Connection, review: Review, by: str, now: datetime) -> None:
    if review.kind == "commission":
        release_commission(connection, review, by, now)
        return
    reward = find_reward(connection, review.merchant, str(review.reward_id), lock=True)
    close(connection, review, "post", by, review.reason or "", now)
    _post(connection, reward, by, now)


def _move(connection: Connection, reward: Reward, word: Word, after: After) -> None:
    if word.resolution == "post":
        _post(connection, reward, word.by, word.now)
        return
    after.given.append(void_reward(connection, reward, word.by, word.now))
    if reward.part_id is not None:
        reward_refused(connection, reward.merchant, reward.id, reward.part_id, word.by, word.now, after)


def _post(connection: Connection, reward: Reward, by: str, now: datetime) -> None:
    order = order_of_part(connection, reward.part_id)
    posted = post_reward(connection, reward, by, now, order_id=order)
    if order is not None and posted.kind == "discount":
        reverse_earlier_refunds(connection, posted, order, by, now)
