"""The record of a window, read from SQL: each row's fields are opened under its person's key, and only keyed hashes are kept.

A check asks whether something may happen. Of an order only what was told counts, and of an act no check that was refused or told cancelled.
Persons who were erased are left out, as are children whose guardian has not agreed, and what no longer can be opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from core.clock import to_micros
from core.db.tables import subjects
from core.deeds import Deeds
from core.event import FUTURE_TOLERANCE
from core.privacy.tables import subject_choices
from core.privacy.vault import Unreadable, Vault, open_fields
from fraud.gangs.record import FACTS, NONE, TYPES, Record
from fraud.store.tables import check_outcomes, decisions, events

# The newest of a window, of events as of other rooms' deeds; older ones are not looked at.
EVENTS_MAX = 1_000_000
_BATCH = 5_000
_CHECK = "check:"


def merchants_with_events(connection: Connection) -> Iterator[str]:
    """Each merchant by one step in the primary key."""
    after = ""
    while (found := connection.execute(select(func.min(events.c.merchant)).where(events.c.merchant > after)).scalar_one()) is not None:
        yield found
        after = found


class Reader:
    """Fills one record."""

    def __init__(self, connection: Connection, vault: Vault, merchant: str, since: datetime, until: datetime) -> None:
        self.record = Record(merchant, vault)
        self._connection, self._vault = connection, vault
        self._merchant, self._since, self._until = merchant, since, until
        self._keys: dict[str, bytes] = {}
        self._accounts: dict[str, int] = {}
        children = (subject_choices.c.merchant == merchant, subject_choices.c.under_14, ~subject_choices.c.guardian_consent)
        self._spared = set(connection.execute(select(subject_choices.c.subject_id).where(*children)).scalars())

    def events(self, most: int = EVENTS_MAX) -> None:
        """Events in (since, until], newest first."""
        vain = self._vain()
        for row in self._batches(self._rows().limit(most)):
            body = json.loads(row.body)
            if not (row.id.startswith(_CHECK) and (row.type in FACTS or (row.type, body["id"]) in vain)):
                self._add(row.type, row.occurred_at, row.subject_id, row.wrapped_key, row.personal, body)

    def deeds(self, deeds: Deeds, most: int = EVENTS_MAX) -> None:
        """What another room keeps. After the events: who brought them is told of those who did anything, the others are counted."""
        for one in deeds.done(self._connection, self._merchant, self._since, self._until, most):
            self._add(one.kind, one.at, one.subject, one.wrapped, one.sealed, one.plain)
        for bringing in deeds.bringings(self._connection, self._merchant, self._until, most):
            account = self._accounts.get(bringing.subject, NONE)
            inviter = self._opened(bringing.inviter, bringing.wrapped, bringing.sealed)
            if inviter is not None and "user" in inviter:
                self.record.brought(account, inviter["user"], to_micros(bringing.at))

    def _rows(self) -> Any:
        columns = (events.c.id, events.c.type, events.c.occurred_at, events.c.subject_id, events.c.body, events.c.personal, subjects.c.wrapped_key)
        window = (events.c.occurred_at > self._since, events.c.occurred_at <= self._until)
        readable = (subjects.c.wrapped_key.is_not(None), events.c.personal.is_not(None))
        query = select(*columns).join(subjects, subjects.c.id == events.c.subject_id)
        return query.where(events.c.merchant == self._merchant, *window, events.c.type.in_(sorted(TYPES)), *readable).order_by(events.c.occurred_at.desc())

    def _vain(self) -> set[tuple[str, str]]:
        """Scene and the shop's own id of each check that was refused or told cancelled. A check may be decided long after it happened, so until now."""
        since = self._since - FUTURE_TOLERANCE
        names = select(decisions.c.scene, decisions.c.event_id)
        mine = (decisions.c.merchant == self._merchant, decisions.c.at > since, decisions.c.scene.in_(sorted(TYPES)))
        refused = names.where(*mine, decisions.c.outcome == "reject")
        cancelled = names.join(check_outcomes, check_outcomes.c.decision_id == decisions.c.id).where(*mine, check_outcomes.c.told == "cancelled")
        return {(row.scene, row.event_id) for query in (refused, cancelled) for row in self._batches(query)}

    def _batches(self, query: Any) -> Any:
        return self._connection.execution_options(yield_per=_BATCH).execute(query)

    def _add(self, kind: str, at: datetime, subject: str, wrapped: bytes, sealed: bytes, plain: Any) -> None:
        personal = self._opened(subject, wrapped, sealed)
        account = NONE if personal is None else self.record.add(kind, to_micros(at), personal, plain)
        if account != NONE:
            self._accounts[subject] = account

    def _opened(self, subject: str, wrapped: bytes, sealed: bytes) -> dict[str, str] | None:
        if subject in self._spared:
            return None
        try:
            key = self._keys.get(subject) or self._keys.setdefault(subject, self._vault.unwrap(wrapped))
            return open_fields(key, sealed)
        except Unreadable:
            return None


def read_record(
    connection: Connection, vault: Vault, merchant: str, since: datetime, until: datetime, most: int = EVENTS_MAX, deeds: Deeds | None = None
) -> Record:
    """What happened in (since, until]; who brought whom at any time before its end, of those whom it is about."""
    reader = Reader(connection, vault, merchant, since, until)
    reader.events(most)
    if deeds is not None:
        reader.deeds(deeds, most)
    return reader.record
