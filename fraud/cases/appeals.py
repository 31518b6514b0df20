"""Appeals: whom a machine or a person refused may have a person look again (PIPL, article 24). One appeal for each decision, answered once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from core.audit.log import append
from core.canon import digest
from core.db.tables import principals, subjects
from core.errors import Conflict, Forbidden, Malformed, NotFound
from core.jobs.outbox import announce
from core.privacy.masking import masked_words
from core.privacy.vault import Vault, open_fields
from core.text import Text
from fraud.cases.entities import entities_of, entity_tokens
from fraud.cases.opening import open_case
from fraud.cases.passes import grant_pass
from fraud.decision import Decision
from fraud.events import OWN_FIRST, of_check
from fraud.labels import Label, put_label
from fraud.queries import find_decision
from fraud.reviews import Review, close, find_review
from fraud.store.tables import events, refusals, reviews

WORDS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """Who appeals against which decision, in whose words; `due_in` is how long a person may take."""

    merchant: str
    decision_id: str
    words: str
    by: str
    now: datetime
    due_in: timedelta


def open_appeal(connection: Connection, vault: Vault, asked: Asked) -> tuple[Review, bool]:
    """The appeal's case, and whether it is new. Raises `NotFound`, `Malformed` without words, `Conflict` where nothing was refused."""
    words = asked.words.strip()
    if not words or len(words) > WORDS_MAX:
        raise Malformed("reason_required", Text(zh=f"须写明理由(不超过 {WORDS_MAX} 字)", en=f"give a reason of at most {WORDS_MAX} characters"))
    decision = find_decision(connection, asked.decision_id, asked.merchant)
    earlier = _earlier(connection, decision)
    _require_refused(decision, earlier)
    tokens, due_at = _tokens(connection, vault, decision, earlier), asked.now + asked.due_in
    review_id, new = open_case(connection, "appeal", decision, tokens, asked.now, due_at, campaign=decision.campaign, request=words)
    if new:
        detail = {"decision": decision.id, "campaign": decision.campaign, "reason_hash": digest(words.encode())}
        append(connection, merchant=decision.merchant, actor=asked.by, action="appeal.opened", target=review_id, now=asked.now, detail=detail)
        _tell(connection, "appeal.opened", find_review(connection, review_id, decision.merchant), asked.now)
    return find_review(connection, review_id, decision.merchant), new


def find_appeal(connection: Connection, appeal_id: str, merchant: str) -> Review:
    """Raises `NotFound`, also for a case that is no appeal."""
    found = find_review(connection, appeal_id, merchant)
    if found.kind != "appeal":
        raise NotFound("review_not_found", Text(zh="没有这个申诉", en="there is no such appeal"))
    return found


def answer_appeal(connection: Connection, review: Review, resolution: str, by: str, reason: str, now: datetime, until: datetime | None) -> Review:
    """`upheld` or `overturned`, with words for the customer. The caller holds the case's row.

    An overturned refusal is labelled honest, and leaves a pass until then, where there is something to ask for again (`until` is not None).

    Raises `Forbidden` for a service, and for whoever refused the reward before.
    """
    _require_another_person(connection, review, by)
    done = close(connection, review, resolution, by, reason, now)
    if resolution == "overturned":
        put_label(connection, review.merchant, Label(review.decision_id, "honest", "appeal"), by, now)
    given: dict[str, Any] = {}
    if resolution == "overturned" and until is not None:
        refused = find_decision(connection, review.decision_id, review.merchant)
        given = {"pass": grant_pass(connection, review, refused, by, now, until), "until": until.isoformat()}
    _tell(connection, "appeal.answered", done, now, outcome=resolution, **given)
    return done


def appeal_view(review: Review) -> dict[str, Any]:
    """For the shop and its customer: how it stands, and the answer. Nobody's name."""
    answered = None if review.resolved_at is None else review.resolved_at.isoformat()
    return {
        "id": review.id,
        "decision_id": review.decision_id,
        "state": review.resolution or review.state,
        "reason": masked_words(review.request or ""),
        "opened_at": review.opened_at.isoformat(),
        "due_at": review.due_at.isoformat(),
        "answered_at": answered,
        "answer": None if review.reason is None else masked_words(review.reason),
    }


def _tell(connection: Connection, topic: str, review: Review, now: datetime, **more: Any) -> None:
    body = {"appeal": review.id, "decision": review.decision_id, "campaign": review.campaign, **more}
    announce(connection, merchant=review.merchant, topic=topic, ref=review.id, body=body, now=now)


def _require_refused(decision: Decision, earlier: Review | None) -> None:
    """A machine refused, or a person voided what it had held. A reward that waits for a person is not refused yet, whatever the machine said."""
    if earlier is None:
        # Where a reward waits, a doubt alone refuses nobody yet.
        refused = decision.outcome in ("challenge", "reject") or (decision.campaign is None and decision.outcome != "allow")
    else:
        refused = earlier.resolution == "void" and earlier.resolved_by != "system"
    if not refused:
        text = Text(zh="该决策没有拒绝顾客,无需申诉", en="this decision refused nothing")
        raise Conflict("nothing_to_appeal", text, outcome=decision.outcome)


def _require_another_person(connection: Connection, review: Review, by: str) -> None:
    kind = connection.execute(select(principals.c.kind).where(principals.c.id == by)).scalar_one()
    if kind != "person":
        raise Forbidden("person_required", Text(zh="申诉须由人来处理", en="an appeal is answered by a person"))
    earlier = _earlier(connection, find_decision(connection, review.decision_id, review.merchant))
    if earlier is not None and earlier.resolved_by == by:
        raise Forbidden("own_work", Text(zh="不能处理针对自己结论的申诉", en="whoever refused it cannot answer the appeal"))


def _earlier(connection: Connection, decision: Decision) -> Review | None:
    """The case of the reward, or the commissions, that this decision held."""
    query = select(reviews.c.id).where(reviews.c.decision_id == decision.id, reviews.c.kind != "appeal")
    name = connection.execute(query).scalar_one_or_none()
    return None if name is None else find_review(connection, name, decision.merchant)


def _tokens(connection: Connection, vault: Vault, decision: Decision, earlier: Review | None) -> dict[str, str]:
    """What its event is known by, from wherever that was kept; nothing once the customer was erased."""
    if earlier is not None:
        return entities_of(connection, earlier.id)
    sealed = _sealed(connection, vault, decision)
    wrapped = connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == decision.subject)).scalar_one_or_none()
    if sealed is None or wrapped is None:
        return {}
    return entity_tokens(vault, decision.merchant, open_fields(vault.unwrap(wrapped), sealed))


def _sealed(connection: Connection, vault: Vault, decision: Decision) -> bytes | None:
    refused = (refusals.c.merchant == decision.merchant, refusals.c.campaign == (decision.campaign or ""), refusals.c.subject_id == decision.subject)
    kept: bytes | None = connection.execute(select(refusals.c.personal).where(*refused, refusals.c.decision_id == decision.id)).scalar_one_or_none()
    if kept is None:
        seen = (of_check(vault, decision.merchant, decision.event_id, decision.scene), events.c.subject_id == decision.subject)
        kept = connection.execute(select(events.c.personal).where(*seen).order_by(OWN_FIRST).limit(1)).scalar_one_or_none()
    return kept
