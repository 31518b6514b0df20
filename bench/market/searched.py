"""The search for gangs as the service runs it, over what has happened so far in the market: every six hours, and its list is read from then on."""

from __future__ import annotations

from datetime import datetime, timedelta

from bench.market.model import Record as Written
from core.clock import to_micros
from core.event import Event
from core.privacy.vault import Vault
from fraud.gangs.find import find_gangs
from fraud.gangs.record import LIST, Record
from fraud.lists.live import NO_LISTS, ListBook
from fraud.lists.table import ListTable, Row

EVERY, LISTED = timedelta(hours=6), timedelta(days=30)


class PeriodicSearch:
    """One merchant's. The market is shorter than a window, so nothing is forgotten."""

    def __init__(self, vault: Vault, first: Written, now: datetime) -> None:
        self._record = Record(str(first["merchant"]), vault)
        self._table = ListTable("text", "user")
        self._next = now + EVERY

    def saw(self, event: Event) -> None:
        self._record.add(event.type, to_micros(event.occurred_at), event.personal(), event.impersonal())

    def run_if_due(self, now: datetime) -> None:
        if now < self._next:
            return
        self._next += EVERY
        until = to_micros(now + LISTED)
        found = {one for gang in find_gangs(self._record) for one in gang.accounts}
        self._table = self._table.changed([Row(self._record.accounts[one].entry, until) for one in sorted(found)], self._table.revision + 1)

    def lists(self) -> ListBook:
        return ListBook({(self._record.merchant, LIST): self._table}) if len(self._table) else NO_LISTS
