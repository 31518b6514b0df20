"""Everything that is kept about a person, in one document with headings in both languages (PIPL, article 45). Each export is noted with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, select

from api.persons.person import Person, find_person, known_of
from campaigns.persons.told import SECTIONS as OF_CAMPAIGNS
from core.db.tables import subjects
from core.privacy.access import accesses_of, note_access, reason_of
from core.privacy.retention import vars_of
from core.privacy.tables import subject_choices, unmaskings
from core.privacy.telling import Section, rows_of
from core.text import Text
from fraud.persons.told import DECISIONS, LISTED, SNOOZED, decisions_told, listed_told, snoozed_told
from fraud.persons.told import SECTIONS as OF_FRAUD

_HEADING = Text(zh="关于您的全部资料(个人信息保护法第四十五条)", en="All that is kept about you (PIPL, article 45)")


def _own(table: Table) -> Any:
    return lambda merchant, subject: select(table).where(table.c.merchant == merchant, table.c.subject_id == subject)


_OF_CORE = (
    Section("subject_choices", Text(zh="您的选择", en="Your choices"), _own(subject_choices)),
    Section("unmaskings", Text(zh="查阅明文的申请", en="Requests to see your data in clear"), _own(unmaskings)),
)
SECTIONS = (*_OF_CORE, *OF_FRAUD, *OF_CAMPAIGNS)
# Sections that are made in another way, and the tables whose rows they tell.
SPECIAL = {"decisions": DECISIONS, "list_entries": LISTED, "snoozes": SNOOZED, "subject_accesses": Text(zh="谁查阅过您的资料", en="Who read your data")}


def export_person(services: Any, merchant: str, *, user: str | None, subject: str | None, by: str, reason: str) -> dict[str, Any]:
    """The document. Raises `NotFound`, `Malformed` without a reason, and `Conflict` for somebody who was erased."""
    words, now = reason_of(reason), services.clock.now()
    with services.database.write() as connection:
        person = find_person(connection, services.vault, merchant, user=user, subject=subject)
        person.opened()
        note_access(connection, merchant, person.id, "exported", by, words, now)
    with services.database.read() as connection:
        # Again: nobody holds them meanwhile, and whoever was erased has nothing to tell.
        person = find_person(connection, services.vault, merchant, subject=person.id)
        return _document(connection, services, person, user, now.isoformat())


def _document(connection: Connection, services: Any, person: Person, user: str | None, at: str) -> dict[str, Any]:
    known = known_of(connection, person, user)
    made = [_shown(one.name, one.title, rows_of(connection, one, person.merchant, person.id, person.key)) for one in SECTIONS]
    special = {
        "decisions": decisions_told(connection, person.merchant, person.id),
        "list_entries": listed_told(connection, services.vault, person.merchant, known),
        "snoozes": snoozed_told(connection, services.vault, person.merchant, known),
        "subject_accesses": accesses_of(connection, person.id),
    }
    made += [_shown(name, SPECIAL[name], rows) for name, rows in special.items()]
    about = {"subject": person.id, "known_since": person.created_at.isoformat(), "exported_at": at}
    return {"heading": vars_of(_HEADING), **about, "identifiers": known, "sections": made}


def _shown(name: str, title: Text, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "title": vars_of(title), "rows": list(rows)}


# Told at the top of the document.
TOLD_ABOVE = (subjects.name,)
