"""Seeing a person's values in clear: one person asks with a reason, another agrees, and for an hour the first may look; each look is noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from api.persons.person import find_person, known_of
from core.access.approvals import Approval, decide, find_approval, propose
from core.canon import digest_of
from core.errors import Forbidden, Malformed, NotFound
from core.privacy.access import note_access, reason_of
from core.privacy.masking import MASKS, masked
from core.privacy.tables import subject_accesses, unmaskings
from core.text import Text

KIND = "privacy.unmask"
OPEN_FOR = timedelta(hours=1)


def masked_of(services: Any, merchant: str, *, user: str | None, subject: str | None, by: str, reason: str) -> dict[str, Any]:
    """What is known of a person, masked; noted with its reason. Raises `NotFound`, and `Conflict` for somebody who was erased."""
    words, now = reason_of(reason), services.clock.now()
    with services.database.write() as connection:
        person = find_person(connection, services.vault, merchant, user=user, subject=subject)
        known = known_of(connection, person, user)
        note_access(connection, merchant, person.id, "viewed", by, words, now)
    shown = {field: [masked(field, value) for value in values] for field, values in known.items()}
    return {"subject": person.id, "known_since": person.created_at.isoformat(), "identifiers": shown}


def ask_unmask(connection: Connection, services: Any, merchant: str, subject: str, fields: Sequence[str], by: str, reason: str) -> dict[str, Any]:
    """Put it to a second person; returns the approval's id. Raises `NotFound`, `Malformed`, `Conflict`."""
    words, now = reason_of(reason), services.clock.now()
    unknown = sorted(set(fields) - set(MASKS))
    if unknown or not fields:
        text = Text(zh=f"字段须为 {'、'.join(MASKS)}", en=f"the fields are: {', '.join(MASKS)}")
        raise Malformed("unknown_field", text, unknown=unknown)
    find_person(connection, services.vault, merchant, subject=subject).opened()
    named = ",".join(sorted(set(fields)))
    hashed = digest_of({"subject": subject, "fields": named, "by": by, "reason": words})
    approval = propose(connection, merchant=merchant, kind=KIND, target=subject, content_hash=hashed, editors=[by], note=f"{named}: {words}", now=now)
    connection.execute(unmaskings.insert().values(approval_id=approval, merchant=merchant, subject_id=subject, fields=named, asked_by=by))
    note_access(connection, merchant, subject, "unmask_asked", by, words, now, approval=approval, fields=named)
    return {"approval_id": approval, "subject": subject, "fields": named.split(",")}


def decide_unmask(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's word: the first may look for an hour."""
    asked = find_approval(connection, approval_id)
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=asked.content_hash, now=now)
    if approve:
        connection.execute(update(unmaskings).where(unmaskings.c.approval_id == approval_id).values(until=now + OPEN_FOR))
    return decided


def unmasked(services: Any, merchant: str, approval_id: str, by: str) -> dict[str, Any]:
    """The clear values, for whoever asked. Raises `NotFound` (also for others' requests), `Forbidden` before the approval and after its hour."""
    now = services.clock.now()
    with services.database.write() as connection:
        mine = (unmaskings.c.approval_id == approval_id, unmaskings.c.merchant == merchant, unmaskings.c.asked_by == by)
        row = connection.execute(select(unmaskings).where(*mine)).one_or_none()
        if row is None:
            raise NotFound("unmasking_not_found", Text(zh="没有这个申请", en="you have no such request"))
        if row.until is None:
            raise Forbidden("not_approved", Text(zh="尚未获批准", en="this was not approved"))
        if row.until <= now:
            raise Forbidden("unmasking_over", Text(zh="批准已过期,请重新申请", en="the approval's hour is over; ask again"))
        person = find_person(connection, services.vault, merchant, subject=row.subject_id)
        known = known_of(connection, person)
        reason = connection.execute(_reason(row)).scalars().first()
        note_access(connection, merchant, person.id, "unmasked", by, reason or approval_id, now, approval=approval_id, fields=row.fields)
    return {"subject": person.id, "until": row.until.isoformat(), "identifiers": {name: known[name] for name in row.fields.split(",") if name in known}}


def _reason(row: Any) -> Any:
    asked = (subject_accesses.c.subject_id == row.subject_id, subject_accesses.c.action == "unmask_asked", subject_accesses.c.actor == row.asked_by)
    return select(subject_accesses.c.reason).where(*asked).order_by(subject_accesses.c.id.desc())
