"""The lists of this process: every change reaches it within two seconds, and only what changed is read. A request never waits for SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, select, type_coerce

from core.access.principals import PLATFORM
from core.clock import to_micros
from core.privacy.vault import Vault
from core.watched import Followed
from fraud.lists.entries import Head, key_of
from fraud.lists.table import NO_END, REMOVED, ListTable, Row
from fraud.lists.tables import list_entries, lists
from rules.enrich.derived import one_spelling
from rules.model import FeatureValue, Ruleset
from rules.windows.spec import Listed

_BATCH = 50_000
_HEAD = (lists.c.merchant, lists.c.name, lists.c.match, lists.c.field, lists.c.revision, lists.c.created_at)


@dataclass(frozen=True, slots=True)
class ListBook:
    """All lists at one moment, by merchant and name. The platform's serve those who have none of that name."""

    tables: Mapping[tuple[str, str], ListTable]

    def holds(self, vault: Vault, merchant: str, name: str, value: str, now: datetime) -> bool:
        """Whether a list of this name holds the value, and its entry has not ended."""
        owner = merchant if (merchant, name) in self.tables else PLATFORM
        table = self.tables.get((owner, name))
        spelled = None if table is None else one_spelling(table.field, value)
        if table is None or spelled is None:
            return False
        return table.holds(key_of(vault, Head(owner, name, "", table.match, table.field), spelled), to_micros(now))

    def values(self, vault: Vault, merchant: str, policy: Ruleset, record: Mapping[str, Any], now: datetime) -> dict[str, FeatureValue]:
        """The features of the policy that ask lists; None where the event lacks the field."""
        asked = {name: feature for name, feature in policy.features.items() if isinstance(feature, Listed)}
        return {name: self._value(vault, merchant, feature, record.get(feature.by), now) for name, feature in asked.items()}

    def _value(self, vault: Vault, merchant: str, feature: Listed, given: Any, now: datetime) -> FeatureValue:
        value = one_spelling(feature.by, given) if isinstance(given, str) else None
        return None if value is None else self.holds(vault, merchant, feature.named, value, now)


NO_LISTS = ListBook({})


class LiveLists(Followed[ListBook]):
    """Follows SQL; one for each process."""

    name = "lists"

    def _look(self, known: ListBook | None) -> ListBook:
        before = {} if known is None else known.tables
        with self._database.read() as connection:
            heads = connection.execute(select(*_HEAD)).all()
            tables = {(head.merchant, head.name): self._table(connection, head, before.get((head.merchant, head.name))) for head in heads}
        return known if known is not None and tables == before else ListBook(tables)

    def _table(self, connection: Any, head: Any, before: ListTable | None) -> ListTable:
        made = to_micros(head.created_at)
        same = before is not None and (before.match, before.field, before.made) == (head.match, head.field, made)
        table = before if before is not None and same else ListTable(head.match, head.field, made=made)
        if table.revision == head.revision:
            return table
        mine = (list_entries.c.merchant == head.merchant, list_entries.c.list == head.name, list_entries.c.revision > table.revision)
        # Raw microseconds: rows are many, and none of them may stop the others.
        until = type_coerce(list_entries.c.expires_at, BigInteger).label("until")
        query = select(list_entries.c.entry, until, list_entries.c.removed_at.is_not(None).label("gone"), list_entries.c.revision).where(*mine)
        newest = head.revision
        for rows in connection.execution_options(yield_per=_BATCH).execute(query).partitions(_BATCH):
            newest = max(newest, *(row.revision for row in rows))
            table = table.changed([Row(row.entry, _until(row)) for row in rows], table.revision)
        return replace(table, revision=newest)


def _until(row: Any) -> int:
    return REMOVED if row.gone else NO_END if row.until is None else int(row.until)
