"""A person of a merchant, found by the shop's name for them or by the subject's id, and every identifier that is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

import campaigns.persons.wipes as of_campaigns
import fraud.persons.wipes as of_fraud
from core.db.tables import subjects
from core.errors import Conflict, NotFound
from core.privacy.subjects import find_subject
from core.privacy.vault import Vault
from core.text import Text


@dataclass(frozen=True, slots=True)
class Person:
    """`key` is None once they were erased."""

    merchant: str
    id: str
    key: bytes | None
    created_at: datetime
    erased_at: datetime | None

    def opened(self) -> bytes:
        """Their key. Raises `Conflict` once they were erased."""
        if self.key is None:
            raise erased()
        return self.key


def erased() -> Conflict:
    return Conflict("subject_erased", Text(zh="该顾客的资料已删除", en="the customer's data was erased"))


def find_person(connection: Connection, vault: Vault, merchant: str, *, user: str | None = None, subject: str | None = None, lock: bool = False) -> Person:
    """By one of the two; with `lock` nobody writes anything of theirs until the transaction ends. Raises `NotFound`."""
    if user is not None:
        found = find_subject(connection, vault, merchant, user)
        subject = None if found is None else found.id
    query = select(subjects).where(subjects.c.id == (subject or ""), subjects.c.merchant == merchant)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("subject_not_found", Text(zh="没有这位顾客的资料", en="nothing is kept about this customer"))
    return Person(merchant, row.id, None if row.wrapped_key is None else vault.unwrap(row.wrapped_key), row.created_at, row.erased_at)


def known_of(connection: Connection, person: Person, user: str | None = None) -> dict[str, list[str]]:
    """Field → every value on record, the newest last. Raises `Conflict` once they were erased."""
    key = person.opened()
    found: dict[str, dict[str, None]] = {}
    for room in (of_campaigns, of_fraud):
        _add(found, room.personal_of(connection, person.merchant, person.id, key))
    if user is not None:
        _add(found, [{"user": user}])
    # Whom they were invited by is another person.
    return {field: list(values) for field, values in found.items() if field != "inviter"}


def _add(found: dict[str, dict[str, None]], fields: Iterable[Mapping[str, str]]) -> None:
    for one in fields:
        for field, value in one.items():
            values = found.setdefault(field, {})
            values.pop(value, None)
            values[value] = None
