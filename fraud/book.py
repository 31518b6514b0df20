"""The book of decisions: with the reward in its transaction, or by group commit before a refusal is told.

What was recorded once stays as it is: a retry finds it, another decision about the same event is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from core.audit.log import append
from core.canon import digest_of
from core.clock import to_micros
from core.db.engine import Database, insert_ignore
from core.db.tables import subjects
from core.errors import Conflict
from core.event import Event
from core.jobs.outbox import announce
from core.privacy.subjects import Subject, find_subject, subject_for
from core.privacy.vault import Vault, hash_within, seal_fields
from core.text import Text
from fraud.cases.entities import entity_tokens
from fraud.cases.opening import open_case
from fraud.cases.passes import Pass, has_pass, note_use, use_pass
from fraud.decision import Decision
from fraud.groupcommit import GroupCommit
from fraud.queries import find_decision
from fraud.reviews import close_moot, close_moot_commissions
from fraud.store.rows import ACTOR, audit_decision, checked_event_row, insert_decision, insert_second, standing_decision, standing_of
from fraud.store.tables import events, refusals

_HOUR_MICROS = 3_600_000_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """What waits for the writer: a refusal (repeats are added up) or a check; one that was told has its row whatever else stands for its event."""

    decision: Decision
    event: Event
    is_refusal: bool
    was_told: bool = False


class DecisionBook:
    """Writes decisions to SQL. Decisions come as `object` because campaigns know them only by their own protocol."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        review_hours: int = 24,
        gather_ms: float = 3.0,
        timeout_seconds: float = 2.0,
    ) -> None:
        self._database = database
        self._vault = vault
        self._review_time = timedelta(hours=review_hours)
        self._writer = GroupCommit(database, self._write, gather_ms=gather_ms, timeout_seconds=timeout_seconds)

    def record(self, connection: Connection, decision: object, subject: Subject) -> None:
        """In the caller's transaction, with its audit entry. Raises `Conflict` when another decision is recorded for the event."""
        ours = _ours(decision)
        standing = standing_decision(connection, ours)
        if standing is None:
            standing = insert_decision(connection, ours, subject)
            if standing == ours.id:
                audit_decision(connection, ours, subject)
        if standing != ours.id:
            text = Text(zh="该事件已有记录在案的决策", en="another decision is on record for this event")
            raise Conflict("event_already_decided", text, decision_id=standing)

    def record_refusal(self, decision: object, event: Event) -> str:
        """Durable before this returns. A repeat (campaign, person, reasons and hour alike) only counts: the first id is returned."""
        return self._writer.submit(_Entry(_ours(decision), event, is_refusal=True))

    def record_check(self, decision: Decision, event: Event) -> Decision:
        """A check that could not go by the stream, durable before this returns; returns the decision that stands, as it was recorded."""
        name = self._writer.submit(_Entry(decision, event, is_refusal=False))
        if name == decision.id:
            return decision
        with self._database.read() as connection:
            return self._as_asked(connection, find_decision(connection, name, decision.merchant), decision.event_hash)

    def record_told(self, decision: Decision, event: Event) -> None:
        """A check from the stream, before its turn. Durable before this returns."""
        self._writer.submit(_Entry(decision, event, is_refusal=False, was_told=True))

    def standing_check(self, merchant: str, scene: str, event_id: str, event_hash: str) -> Decision | None:
        """The decision on record for the event in the scene; `event_hash` is the engine's, of what is asked now."""
        with self._database.read() as connection:
            name = standing_of(connection, merchant, scene, event_id)
            return None if name is None else self._as_asked(connection, find_decision(connection, name, merchant), event_hash)

    def _as_asked(self, connection: Connection, standing: Decision, event_hash: str) -> Decision:
        """With the engine's hash of its event where that is the same: on record it is under the person's own key, and nobody's once they were erased."""
        wrapped = connection.execute(select(subjects.c.wrapped_key).where(subjects.c.id == standing.subject)).scalar_one_or_none()
        same = wrapped is not None and hash_within(self._vault.unwrap(wrapped), event_hash) == standing.event_hash
        return replace(standing, event_hash=event_hash) if same else standing

    def has_pass(self, decision: object, event: Event) -> bool:
        """Whether an overturned appeal lets this customer ask once more. Asked of refusals only."""
        ours = _ours(decision)
        with self._database.read() as connection:
            subject = find_subject(connection, self._vault, event.merchant, event.user)
            return subject is not None and has_pass(connection, ours, subject.id, ours.at)

    def use_pass(self, connection: Connection, decision: object, subject: Subject, now: datetime) -> Pass | None:
        """Use it up in the caller's transaction, whatever the decision says."""
        return use_pass(connection, _ours(decision), subject.id, now)

    def note_pass(
        self, connection: Connection, used: object, decision: object, actor: str, now: datetime, *, reward_id: str | None, part_id: str | None
    ) -> None:
        """What came of it, with its audit entry."""
        if not isinstance(used, Pass):
            raise TypeError("the book notes passes of this engine")
        note_use(connection, used, _ours(decision), actor, now, reward_id, part_id)

    def open_review(self, connection: Connection, decision: object, reward_id: str, campaign: str, personal: Mapping[str, str], now: datetime) -> str:
        """Put a held reward into the review queue; returns the review's id, also when it is in the queue already.

        `personal` are the identifying fields of its event, which are kept as keyed hashes only.
        """
        ours = _ours(decision)
        tokens, due_at = entity_tokens(self._vault, ours.merchant, personal), now + self._review_time
        review_id, new = open_case(connection, "reward", ours, tokens, now, due_at, reward_id=reward_id, campaign=campaign)
        if new:
            _tell_opened(connection, ours, review_id, reward_id, now, reward=reward_id, campaign=campaign)
        return review_id

    def open_commission_review(
        self, connection: Connection, decision: object, rebate_id: str, campaign: str, personal: Mapping[str, str], now: datetime
    ) -> str:
        """The same for what is held of an order for one promoter, whom the decision is about."""
        ours = _ours(decision)
        tokens, due_at = entity_tokens(self._vault, ours.merchant, personal), now + self._review_time
        review_id, new = open_case(connection, "commission", ours, tokens, now, due_at, rebate_id=rebate_id, campaign=campaign)
        if new:
            _tell_opened(connection, ours, review_id, rebate_id, now, rebate=rebate_id, campaign=campaign)
        return review_id

    def close_reviews(self, connection: Connection, reward_ids: Sequence[str], now: datetime) -> None:
        """Close what waits for these rewards, which came to nothing by themselves."""
        close_moot(connection, reward_ids, now)

    def close_commission_reviews(self, connection: Connection, emptied: Sequence[tuple[str, str]], now: datetime) -> None:
        """The same of held commissions that their order took back: (rebate, promoter)."""
        close_moot_commissions(connection, emptied, now)

    def _write(self, connection: Connection, entry: _Entry) -> str:
        subject = subject_for(connection, self._vault, entry.event.merchant, entry.event.user, entry.decision.at)
        if entry.is_refusal:
            return _write_refusal(connection, entry.decision, entry.event, subject)
        return _write_check(connection, self._vault, entry, subject)


def _tell_opened(connection: Connection, decision: Decision, review_id: str, ref: str, now: datetime, **about: str) -> None:
    detail = {"decision": decision.id, **about}
    append(connection, merchant=decision.merchant, actor=ACTOR, action="review.opened", target=review_id, now=now, detail=detail)
    announce(connection, merchant=decision.merchant, topic="review.opened", ref=ref, body={"review": review_id, **detail}, now=now)


def _write_check(connection: Connection, vault: Vault, entry: _Entry, subject: Subject) -> str:
    decision, event = entry.decision, entry.event
    standing = insert_decision(connection, decision, subject)
    if standing != decision.id and entry.was_told and insert_second(connection, decision, subject):
        standing = decision.id
    if standing == decision.id:
        audit_decision(connection, decision, subject)
        insert_ignore(connection, events, checked_event_row(vault, event, subject, decision.scene))
    return standing


def _write_refusal(connection: Connection, decision: Decision, event: Event, subject: Subject) -> str:
    standing = standing_decision(connection, decision)
    if standing is not None:
        # A retry of a request that was refused on record: it is no repeat.
        return standing
    row = _refusal_row(decision, event, subject)
    first = _count_repeat(connection, row)
    if first is not None:
        return first
    with connection.begin_nested() as attempt:
        standing = insert_decision(connection, decision, subject)
        if standing != decision.id:
            return standing
        if insert_ignore(connection, refusals, row):
            audit_decision(connection, decision, subject)
            return decision.id
        # A rival in another process was first, and committed: ours is the repeat, and recorded decisions cannot be deleted.
        attempt.rollback()
    first = _count_repeat(connection, row)
    assert first is not None, "a refusal that stood in the way can be counted"
    return first


def _refusal_row(decision: Decision, event: Event, subject: Subject) -> dict[str, object]:
    return {
        "merchant": decision.merchant,
        "campaign": decision.campaign or "",
        "subject_id": subject.id,
        "reasons_digest": digest_of({"outcome": decision.outcome, "codes": sorted({reason.code for reason in decision.reasons})}),
        "hour": to_micros(decision.at) // _HOUR_MICROS,
        "decision_id": decision.id,
        "times": 1,
        "last_at": decision.at,
        "personal": None if subject.key is None else seal_fields(subject.key, event.personal()),
    }


def _count_repeat(connection: Connection, row: dict[str, object]) -> str | None:
    """Count a repeat of a refusal that stands; returns the id of its decision, or None when there is none."""
    same = [refusals.c[name] == row[name] for name in ("merchant", "campaign", "subject_id", "reasons_digest", "hour")]
    counted = connection.execute(update(refusals).where(*same).values(times=refusals.c.times + 1, last_at=row["last_at"]))
    if counted.rowcount == 0:
        return None
    return str(connection.execute(select(refusals.c.decision_id).where(*same)).scalar_one())


def _ours(decision: object) -> Decision:
    if not isinstance(decision, Decision):
        raise TypeError("the book records decisions of this engine")
    return decision
