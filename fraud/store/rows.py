"""Rows of decisions and events, made in one place: the stored bytes are what is hashed, personal fields are under the subject's key."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, select

from core.audit.log import append
from core.canon import canonical, digest
from core.db.engine import insert_ignore
from core.event import Event
from core.privacy.subjects import Subject
from core.privacy.vault import seal_fields
from fraud.decision import Decision
from fraud.store.tables import decisions

ACTOR = "risk"
_SAME = (decisions.c.merchant == bindparam("of"), decisions.c.scene == bindparam("where"), decisions.c.event_id == bindparam("about"))
_STANDING = select(decisions.c.id).where(*_SAME)


def decision_row(decision: Decision, subject_id: str) -> dict[str, Any]:
    """The row of a decision about a subject."""
    body = replace(decision, subject=subject_id).record()
    return {
        "id": decision.id,
        "merchant": decision.merchant,
        "scene": decision.scene,
        "event_id": decision.event_id,
        "subject_id": subject_id,
        "campaign": decision.campaign,
        "outcome": decision.outcome,
        "score": decision.score,
        "policy": decision.policy,
        "policy_version": decision.policy_version,
        "degraded": decision.degraded,
        "at": decision.at,
        "body": body,
        "hash": digest(body),
        "timing": None if decision.timing is None else json.dumps(dict(decision.timing), separators=(",", ":")),
    }


def event_row(event: Event, subject: Subject, event_type: str) -> dict[str, Any]:
    """The row of an event; an erased subject's personal fields are not kept."""
    personal = event.personal()
    return {
        "merchant": event.merchant,
        "id": event.id,
        "type": event_type,
        "subject_id": subject.id,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "content_hash": event.content_hash(),
        "body": canonical(event.impersonal()),
        "personal": seal_fields(subject.key, personal) if subject.key is not None and personal else None,
    }


def insert_decision(connection: Connection, decision: Decision, subject_id: str) -> str:
    """Insert the decision unless one stands for its event; returns the id of the one that stands."""
    if insert_ignore(connection, decisions, decision_row(decision, subject_id)):
        return decision.id
    standing = standing_decision(connection, decision)
    assert standing is not None, "a decision that stood in the way can be read"
    return standing


def standing_decision(connection: Connection, decision: Decision) -> str | None:
    """The id of the decision that is recorded for the same event in the same scene."""
    named = {"of": decision.merchant, "where": decision.scene, "about": decision.event_id}
    found: str | None = connection.execute(_STANDING, named).scalar_one_or_none()
    return found


def audit_decision(connection: Connection, decision: Decision, subject_id: str) -> None:
    """The audit entry of one recorded decision."""
    row = decision_row(decision, subject_id)
    detail = {
        "outcome": decision.outcome,
        "policy": decision.policy,
        "policy_version": decision.policy_version,
        "degraded": decision.degraded,
    }
    append(
        connection,
        merchant=decision.merchant,
        actor=ACTOR,
        action="decision.recorded",
        target=decision.id,
        now=decision.at,
        after=row["hash"],
        detail=detail,
    )
