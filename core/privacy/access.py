"""Who asked for a person's data and why. The words stay beside the person, where they can be erased; the sealed entry has their hash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from core.audit.log import append
from core.canon import digest
from core.errors import Malformed
from core.ids import new_id
from core.privacy.masking import tells_of_somebody
from core.privacy.tables import subject_accesses
from core.text import Text

REASON_MAX = 300


def reason_of(text: str) -> str:
    """The reason as it is kept. Raises `Malformed` where there is none, and where it names somebody."""
    words = text.strip()
    if not 1 <= len(words) <= REASON_MAX:
        raise Malformed("reason_required", Text(zh=f"须写明理由(至多 {REASON_MAX} 字)", en=f"give a reason of at most {REASON_MAX} characters"))
    if tells_of_somebody(words):
        raise Malformed("reason_names_person", Text(zh="理由中不要写手机号、证件号或邮箱", en="leave numbers and mailboxes of people out of the reason"))
    return words


def note_access(connection: Connection, merchant: str, subject_id: str, action: str, actor: str, reason: str, now: datetime, **detail: Any) -> None:
    """In the transaction of what was read or done. `detail` holds no personal data."""
    row = {"id": new_id("acs"), "merchant": merchant, "subject_id": subject_id, "action": action, "actor": actor, "reason": reason, "at": now}
    connection.execute(subject_accesses.insert().values(**row))
    told = {"access": row["id"], "reason_hash": digest(f"{row['id']}\x00{reason}".encode()), **detail}
    append(connection, merchant=merchant, actor=actor, action=f"subject.{action}", target=subject_id, now=now, detail=told)


def accesses_of(connection: Connection, subject_id: str) -> list[dict[str, Any]]:
    """The oldest first."""
    query = select(subject_accesses).where(subject_accesses.c.subject_id == subject_id).order_by(subject_accesses.c.id)
    return [{"at": row.at.isoformat(), "action": row.action, "actor": row.actor, "reason": row.reason} for row in connection.execute(query)]
