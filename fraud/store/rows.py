"""Rows of decisions and events, made in one place: the stored bytes are what is hashed, personal fields are under the subject's key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, select

from core.audit.log import append
from core.canon import canonical, digest
from core.db.engine import insert_ignore
from core.event import Event
from core.privacy.subjects import Subject
from core.privacy.vault import Vault, hash_within, seal_fields
from fraud.decision import Decision
from fraud.store.tables import decisions

ACTOR = "risk"
_SAME = (decisions.c.merchant == bindparam("of"), decisions.c.scene == bindparam("where"), decisions.c.event_id == bindparam("about"))
_STANDING = select(decisions.c.id).where(*_SAME)


def decision_row(decision: Decision, subject: Subject) -> dict[str, Any]:
    """The row of a decision about a subject. What its event said is hashed under the subject's own key: with that gone, the bytes match nobody."""
    body = replace(decision, subject=subject.id, event_hash=hash_within(subject.key, decision.event_hash)).record()
    return {
        "id": decision.id,
        "merchant": decision.merchant,
        "scene": decision.scene,
        "event_id": decision.event_id,
        "subject_id": subject.id,
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


def second_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a decision whose event has another one on record, told while neither store knew of it: it stands under its own id, and its bytes
    name the event."""
    return {**row, "event_id": f"again:{row['id']}"}


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
        "content_hash": hash_within(subject.key, event.content_hash()),
        "body": canonical(event.impersonal()),
        "personal": seal_fields(subject.key, personal) if subject.key is not None and personal else None,
    }


def checked_event_id(vault: Vault, merchant: str, scene: str, event_id: str) -> str:
    """Under what the event of a check stands: a fact of the same id and type is another row, and no merchant can choose an id like this one."""
    return "check:" + vault.token(merchant, f"checked event:{scene}", event_id)


def checked_event_row(vault: Vault, event: Event, subject: Subject, scene: str) -> dict[str, Any]:
    """The row of an event that was only asked about; its body has the merchant's own id."""
    return event_row(event, subject, scene) | {"id": checked_event_id(vault, event.merchant, scene, event.id)}


def insert_decision(connection: Connection, decision: Decision, subject: Subject) -> str:
    """Insert the decision unless one stands for its event; returns the id of the one that stands."""
    if insert_ignore(connection, decisions, decision_row(decision, subject)):
        return decision.id
    standing = standing_decision(connection, decision)
    assert standing is not None, "a decision that stood in the way can be read"
    return standing


def insert_second(connection: Connection, decision: Decision, subject: Subject) -> bool:
    """Insert a decision whose event has another one; False when it is on record itself."""
    return insert_ignore(connection, decisions, second_row(decision_row(decision, subject)))


def standing_decision(connection: Connection, decision: Decision) -> str | None:
    """The id of the decision that is recorded for the same event in the same scene."""
    return standing_of(connection, decision.merchant, decision.scene, decision.event_id)


def standing_of(connection: Connection, merchant: str, scene: str, event_id: str) -> str | None:
    """The same, told by the event."""
    named = {"of": merchant, "where": scene, "about": event_id}
    found: str | None = connection.execute(_STANDING, named).scalar_one_or_none()
    return found


def audit_decision(connection: Connection, decision: Decision, subject: Subject) -> None:
    """The audit entry of one recorded decision."""
    row = decision_row(decision, subject)
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
