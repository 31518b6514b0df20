"""Group commit: many callers' rows in one transaction, and each caller hears only when its own row is durable.

One writer thread for each process, started at first use. It gathers for a few milliseconds, then commits at most 200 rows at once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import Connection

from core.db.engine import Database
from core.errors import Unavailable
from core.text import Text
from fraud.forks import afresh_in_child

Item = TypeVar("Item")
ROWS_MAX = 200


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    done: Future[str] = field(default_factory=Future)


class GroupCommit(Generic[Item]):
    """Runs `work(connection, item)`, which returns an id, for every submitted item. `work` must be idempotent: a row may be tried twice."""

    def __init__(
        self,
        database: Database,
        work: Callable[[Connection, Item], str],
        *,
        gather_ms: float = 3.0,
        timeout_seconds: float = 2.0,
    ) -> None:
        self._database = database
        self._work = work
        self._gather_seconds = gather_ms / 1000
        self._timeout_seconds = timeout_seconds
        self._started = False
        self._afresh()
        afresh_in_child(self._afresh)

    def submit(self, item: Item) -> str:
        """Wait until the item is durable; returns its id. Raises `Unavailable` when that took too long, or what `work` raised."""
        waiting = _Waiting(item)
        self._running_queue().put(waiting)
        try:
            return waiting.done.result(self._timeout_seconds)
        except TimeoutError as error:
            waiting.done.cancel()
            text = Text(zh="数据库繁忙,结果未能及时保存,请重试。", en="The record could not be saved in time; try again.")
            raise Unavailable("record_not_saved", text) from error

    def _running_queue(self) -> queue.SimpleQueue[_Waiting[Item]]:
        with self._lock:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, args=(self._queue,), name="group-commit", daemon=True).start()
            return self._queue

    def _afresh(self) -> None:
        self._lock = threading.Lock()
        self._started = False
        self._queue: queue.SimpleQueue[_Waiting[Item]] = queue.SimpleQueue()

    def _run(self, waiting: queue.SimpleQueue[_Waiting[Item]]) -> None:
        while True:
            batch = self._gather(waiting)
            self._commit([one for one in batch if one.done.set_running_or_notify_cancel()])

    def _gather(self, waiting: queue.SimpleQueue[_Waiting[Item]]) -> list[_Waiting[Item]]:
        batch = [waiting.get()]
        until = time.monotonic() + self._gather_seconds
        while len(batch) < ROWS_MAX:
            try:
                batch.append(waiting.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: Sequence[_Waiting[Item]]) -> None:
        if not batch:
            return
        try:
            with self._database.write() as connection:
                ids = [self._work(connection, one.item) for one in batch]
        except Unavailable as away:
            _fail(batch, away)
        except Exception as fault:
            # One bad row must not take the others with it, so each is tried alone; a single one hears its own fault.
            if len(batch) == 1:
                _fail(batch, fault)
                return
            for one in batch:
                self._commit([one])
        else:
            for one, row_id in zip(batch, ids, strict=True):
                one.done.set_result(row_id)


def _fail(batch: Sequence[_Waiting[Item]], error: Exception) -> None:
    for one in batch:
        one.done.set_exception(error)
