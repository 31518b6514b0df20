"""Erasing a person: the key and the match go in one transaction, which is the erasure; then Redis and what is left in rows, a few at a time.

Whoever is writing about the person holds their row: the erasure waits for them, and whoever comes later finds nobody and makes another subject.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal, select, union_all, update

import campaigns.persons.wipes as of_campaigns
import fraud.persons.wipes as of_fraud
from api.persons.person import Person, find_person, known_of
from api.persons.receipt import nothing_held, receipt_of
from campaigns.withdrawals.tables import withdrawals
from core.access.approvals import pending_about, void
from core.access.idempotency import blank_replies
from core.canon import canonical
from core.clock import Clock
from core.db.engine import Database
from core.db.tables import approvals, subject_matches, subjects
from core.errors import NotFound, Unavailable
from core.jobs.timers import Handler, set_timer
from core.privacy.access import note_access, reason_of
from core.privacy.choices import forget_choices
from core.privacy.tables import erasures, subject_accesses
from core.privacy.wiping import Wipe, wipe_some
from fraud.persons.entries import ERASED, end_snoozes, loosen_entries
from fraud.persons.hot import answers_of, purge, waiting_of
from fraud.persons.told import words_of
from fraud.store.tables import decisions, reviews

TIMER = "subject.sweep"
_WORDS_GONE = "[erased]"


def erase_person(services: Any, merchant: str, *, user: str | None, subject: str | None, by: str, reason: str) -> dict[str, Any]:
    """The receipt; the same again gives the same. Raises `Malformed` without a reason, and `Conflict` for what must be settled first.

    Raises `Unavailable` when Redis is away: then nothing was erased.
    """
    words = reason_of(reason)
    if user is not None:
        # Before anything is looked up: a person may be known from what waits alone.
        _bring_in(services, merchant, user)
    try:
        with services.database.read() as connection:
            person = find_person(connection, services.vault, merchant, user=user, subject=subject)
            users = [] if person.key is None else known_of(connection, person, user).get("user", [])
            if person.key is not None:
                # Before anything is forgotten: who is refused loses nothing of what was counted about them.
                of_campaigns.require_settled(connection, merchant, person.id)
                of_fraud.require_no_case(connection, merchant, person.id)
    except NotFound:
        if user is None:
            raise
        purge(services.hot, services.vault, merchant, user, ())
        return nothing_held()
    for name in users if user is None else ():
        _bring_in(services, merchant, name)
    with services.database.read() as connection:
        answers = answers_of(connection, services.vault, services.hot, merchant, person.id, services.clock.now())
    for name in users:
        purge(services.hot, services.vault, merchant, name, answers)
    with services.database.write() as connection:
        receipt = _erase(connection, services, merchant, person.id, user, by, words, services.clock.now())
    services.choices.forget()
    services.lists.forget()
    services.snoozes.forget()
    for name in users:
        # Once more, for what was counted meanwhile; it would expire by itself.
        with suppress(Unavailable):
            purge(services.hot, services.vault, merchant, name, answers)
    sweep(services.database, person.id, services.clock.now())
    return receipt


def _bring_in(services: Any, merchant: str, user: str) -> None:
    """What waits in Redis comes to SQL, where it is wiped with the rest."""
    for message in waiting_of(services.hot, services.vault, merchant, user):
        with services.database.read() as connection:
            there = connection.execute(select(decisions.c.id).where(decisions.c.id == message.decision.id)).first() is not None
        # One that is on record only waits to be acknowledged, perhaps of somebody who was erased since.
        if not there:
            services.book.record_told(message.decision, message.event)


def _erase(connection: Connection, services: Any, merchant: str, subject: str, user: str | None, by: str, reason: str, now: datetime) -> dict[str, Any]:
    person = find_person(connection, services.vault, merchant, subject=subject, lock=True)
    if person.key is None:
        standing = connection.execute(select(erasures.c.receipt).where(erasures.c.subject_id == subject)).scalar_one()
        return dict(json.loads(standing))
    of_campaigns.require_settled(connection, merchant, subject)
    of_fraud.require_no_case(connection, merchant, subject)
    for question in pending_about(connection, merchant, subject):
        void(connection, question, "the person was erased", by, now)
    counts = _leave_lists(connection, services, person, user, by, now)
    receipt = receipt_of(services.retention, subject, now, counts)
    connection.execute(subject_matches.delete().where(subject_matches.c.subject_id == subject))
    connection.execute(update(subjects).where(subjects.c.id == subject).values(wrapped_key=None, erased_at=now))
    forget_choices(connection, subject)
    note_access(connection, merchant, subject, "erased", by, reason, now, **counts)
    connection.execute(erasures.insert().values(subject_id=subject, merchant=merchant, at=now, actor=by, receipt=canonical(receipt)))
    # Should this process die now, the timer does the rest.
    set_timer(connection, merchant=merchant, kind=TIMER, ref=subject, due_at=now)
    return receipt


def _leave_lists(connection: Connection, services: Any, person: Person, user: str | None, by: str, now: datetime) -> dict[str, int]:
    known = known_of(connection, person, user)
    until = services.retention.keep["erased-list-entries"].until(now) or datetime.max.replace(year=2200, tzinfo=now.tzinfo)
    listed = loosen_entries(connection, services.vault, person.merchant, known, by, now, until)
    ended = end_snoozes(connection, services.vault, person.merchant, known, by, now)
    return {"list_entries_removed": listed["removed"], "list_entries_kept": listed["kept"], "snoozes_ended": ended}


def sweep(database: Database, subject: str, now: datetime) -> int:
    """Wipe what is left in rows, a batch in each transaction; returns how many rows. Again and again it changes nothing."""
    with database.read() as connection:
        query = select(subjects.c.merchant).where(subjects.c.id == subject, subjects.c.erased_at.is_not(None))
        merchant = connection.execute(query).scalar_one_or_none()
        cases = [] if merchant is None else list(connection.execute(words_of(merchant, subject)).scalars())
        cases += [] if merchant is None else list(connection.execute(_said_about(merchant, subject)).scalars())
    if merchant is None:
        return 0
    # What people wrote about the person's cases stands in the day's stored replies as well.
    done = blank_replies(database, merchant, cases) + sum(_wiped(database, wipe) for wipe in _wipes(merchant, subject))
    with database.write() as connection:
        mine = (erasures.c.subject_id == subject, erasures.c.swept_at.is_(None))
        connection.execute(update(erasures).where(*mine).values(swept_at=now))
    return done


def sweeping(database: Database, clock: Clock, subject: str) -> Handler:
    """The timer that makes sure of it."""
    sweep(database, subject, clock.now())
    return lambda connection, ref, now: None


def _wiped(database: Database, wipe: Wipe) -> int:
    done = 0
    while True:
        with database.write() as connection:
            taken = wipe_some(connection, wipe)
        if not taken:
            return done
        done += taken


def _wipes(merchant: str, subject: str) -> tuple[Wipe, ...]:
    words = (subject_accesses.c.subject_id == subject) & (subject_accesses.c.reason != _WORDS_GONE) & (subject_accesses.c.action != "erased")
    asked = (approvals.c.merchant == merchant) & approvals.c.target.in_(_questions_about(merchant, subject)) & (approvals.c.note != _WORDS_GONE)
    said = Wipe(approvals, asked, {"note": _WORDS_GONE, "reason": _WORDS_GONE})
    return (*of_fraud.wipes_of(merchant, subject), *of_campaigns.wipes_of(merchant, subject), said, Wipe(subject_accesses, words, {"reason": _WORDS_GONE}))


def _said_about(merchant: str, subject: str) -> Any:
    """Approvals in which people wrote about the person; of those about lists the words are gone by now."""
    about = approvals.c.target.in_(_questions_about(merchant, subject)) | (approvals.c.note == ERASED)
    return select(approvals.c.id).where(approvals.c.merchant == merchant, about)


def _questions_about(merchant: str, subject: str) -> Any:
    """What approvals about the person name: the person, their cases, their withdrawals."""
    joined = select(reviews.c.id).join(decisions, decisions.c.id == reviews.c.decision_id)
    cases = joined.where(reviews.c.merchant == merchant, decisions.c.subject_id == subject)
    payouts = select(withdrawals.c.id).where(withdrawals.c.merchant == merchant, withdrawals.c.subject_id == subject)
    return union_all(select(literal(subject)), cases, payouts)
