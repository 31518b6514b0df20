"""What people chose: marketing, sensitive data, no decision by a machine alone; and that one is under 14 (PIPL, articles 15, 24, 29 and 31).

Only choices that forbid something are held in memory, by the keyed hash of the person; every process knows a change within two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from core.audit.log import append
from core.db.engine import insert_ignore
from core.db.tables import subject_matches
from core.errors import Unavailable
from core.privacy.chosen import SILENT, Choices
from core.privacy.tables import choice_generation, subject_choices
from core.privacy.vault import Vault
from core.watched import Followed

NAMES = tuple(asdict(SILENT))
_COLUMNS = tuple(subject_choices.c[name] for name in NAMES)
# Built once, see core.db.engine.
_OF_ONE = select(*_COLUMNS).where(subject_choices.c.subject_id == bindparam("whose"))


def choices_of(connection: Connection, subject_id: str) -> Choices:
    """What the person chose."""
    row = connection.execute(_OF_ONE, {"whose": subject_id}).one_or_none()
    return SILENT if row is None else Choices(*row)


def choose(connection: Connection, merchant: str, subject_id: str, said: Mapping[str, Any], actor: str, now: datetime) -> Choices:
    """Change what is said and leave the rest; the audit log keeps every change. Returns what stands."""
    blank = {"subject_id": subject_id, "merchant": merchant, **asdict(SILENT), "at": now, "told_by": actor}
    insert_ignore(connection, subject_choices, blank)
    mine = subject_choices.c.subject_id == subject_id
    connection.execute(select(subject_choices.c.subject_id).where(mine).with_for_update())
    before = choices_of(connection, subject_id)
    after = replace(before, **said)
    if after != before:
        connection.execute(update(subject_choices).where(mine).values(**asdict(after), at=now, told_by=actor))
        raise_generation(connection)
        changed = {name: value for name, value in asdict(after).items() if value != asdict(before)[name]}
        append(connection, merchant=merchant, actor=actor, action="subject.chose", target=subject_id, now=now, detail=changed)
    return after


def forget_choices(connection: Connection, subject_id: str) -> None:
    """With the person."""
    connection.execute(subject_choices.delete().where(subject_choices.c.subject_id == subject_id))
    raise_generation(connection)


def raise_generation(connection: Connection) -> None:
    """Tell every process, in the transaction of the change."""
    raised = update(choice_generation).values(generation=choice_generation.c.generation + 1)
    if connection.execute(raised).rowcount == 0 and not insert_ignore(connection, choice_generation, {"id": 1, "generation": 1}):
        connection.execute(raised)


@dataclass(frozen=True, slots=True)
class ChoiceBook:
    """Choices that forbid something, by the person's keyed hash."""

    generation: int
    by_token: Mapping[str, Choices]

    def of(self, vault: Vault, merchant: str, user: str) -> Choices:
        return self.by_token.get(vault.token(merchant, "user", user), SILENT) if self.by_token else SILENT


class LiveChoices(Followed[ChoiceBook]):
    """Follows SQL; one for each process."""

    name = "choices"

    def of(self, vault: Vault, merchant: str, user: str) -> Choices:
        """A process that never could read them knows of none: a check goes on without SQL, and claims look again in their transaction."""
        try:
            return self.book().of(vault, merchant, user)
        except Unavailable:
            return SILENT

    def _look(self, known: ChoiceBook | None) -> ChoiceBook:
        with self._database.read() as connection:
            generation = connection.execute(select(choice_generation.c.generation)).scalar_one_or_none() or 0
            if known is not None and known.generation == generation:
                return known
            columns = subject_choices.c
            forbids = or_(columns.marketing.is_(False), columns.under_14, columns.no_automated_decision)
            joined = subject_choices.join(subject_matches, subject_matches.c.subject_id == columns.subject_id)
            rows = connection.execute(select(subject_matches.c.keyed_hash, *_COLUMNS).select_from(joined).where(forbids, subject_matches.c.kind == "user"))
            return ChoiceBook(generation, {token: Choices(*chosen) for token, *chosen in rows})


def view(choices: Choices) -> dict[str, Any]:
    """As JSON-able data."""
    return asdict(choices)
