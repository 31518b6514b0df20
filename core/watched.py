"""A value in memory that follows SQL: looked at once a second by a thread of its own, swapped as a whole, so that no request waits or is dropped.

When SQL is away the value that is there stays. Each process has its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition, Thread
from typing import ClassVar, Generic, TypeVar

import structlog

from core.db.engine import Database
from core.errors import SheepdogError, Unavailable
from core.text import Text

log = structlog.get_logger(__name__)
T = TypeVar("T")

FRESH_SECONDS = 1.0
STALE_SECONDS = 2.0
# How long a request with a stale value waits for a look that is under way. A risk check has 300 ms in all.
WAIT_SECONDS = 0.2
# How long the first requests of a process wait for its first look.
_FIRST_SECONDS = 5.0


def _unreadable() -> Unavailable:
    return Unavailable("not_readable", Text(zh="数据库中的内容暂时无法读取", en="what stands in the database cannot be read for now"))


class Watched(Generic[T]):
    """Safe to share between threads; a forked child makes its own.

    `look` gets the value that is known, None at first, and gives the newest. `by_time` changes what the clock alone changes, also while SQL is away.
    """

    def __init__(
        self,
        look: Callable[[T | None], T],
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
        in_background: Callable[[Callable[[], None]], None] | None = None,
        by_time: Callable[[T], T] = lambda known: known,
    ) -> None:
        self._look_at = look
        self._by_time = by_time
        self._name = name
        self._monotonic = monotonic
        self._in_background = in_background or self._on_a_thread
        self._known: T | None = None
        self._looked_at = 0.0
        self._began_at = 0.0
        self._looking = False
        self._forgotten = False
        self._failed: Unavailable | None = None
        self._turn = Condition()

    def now(self) -> T:
        """The value, at most about a second old. Raises `Unavailable` when nothing was ever read and SQL is away."""
        known = self._known
        if known is not None and not self._forgotten and self._monotonic() - self._looked_at < FRESH_SECONDS:
            return known
        if known is None or self._forgotten:
            return self._read_now()
        self._look_soon()
        return self._known or known

    def forget(self) -> None:
        """This process has just changed it: the next value is read afresh. Other processes notice within `STALE_SECONDS`."""
        self._forgotten = True

    def _read_now(self) -> T:
        """Read in this thread, one thread at a time; whoever waited takes what the other has read."""
        with self._turn:
            ended = self._turn.wait_for(lambda: not self._looking, _FIRST_SECONDS if self._known is None else WAIT_SECONDS)
            if self._known is not None and not (ended and self._forgotten):
                return self._known
            # Nothing is known and a look has just failed: whoever waited for it must not queue for another.
            if self._known is None and self._failed is not None and (not ended or self._monotonic() - self._looked_at < FRESH_SECONDS):
                raise self._failed
            self._looking, self._forgotten, self._failed = True, False, None
        try:
            return self._look()
        # Whatever is wrong with what stands in SQL, what was known goes on serving.
        except Exception as error:
            self._failed = error if isinstance(error, Unavailable) else _unreadable()
            log.warning(f"{self._name}_not_read", error=type(error).__name__)
            if self._known is None:
                raise self._failed from error
            return self._known
        finally:
            self._looked()

    def _look_soon(self) -> None:
        """One thread looks while others go on; only a stale value is worth a short wait for a look that has just begun."""
        with self._turn:
            stale = self._monotonic() - self._looked_at >= STALE_SECONDS
            begins = not self._looking
            if begins:
                self._looking, self._began_at = True, self._monotonic()
        if begins:
            try:
                self._in_background(self._look_quietly)
            except RuntimeError:
                # No thread could be started; the next request tries again.
                log.warning(f"{self._name}_not_read", error="no_thread")
                self._looked()
        if stale:
            with self._turn:
                self._turn.wait_for(lambda: not self._looking, max(0.0, self._began_at + WAIT_SECONDS - self._monotonic()))

    def _look_quietly(self) -> None:
        try:
            self._look()
        except SheepdogError as error:
            log.warning(f"{self._name}_not_read", code=error.code)
        except Exception:
            log.exception(f"{self._name}_not_read")
        finally:
            self._looked()

    def _look(self) -> T:
        if self._known is not None:
            self._known = self._by_time(self._known)
        self._known = self._look_at(self._known)
        return self._known

    def _looked(self) -> None:
        """Also after a failure, so that SQL is not asked by every request while it is away."""
        with self._turn:
            self._looking, self._looked_at = False, self._monotonic()
            self._turn.notify_all()

    def _on_a_thread(self, work: Callable[[], None]) -> None:
        Thread(target=work, name=self._name, daemon=True).start()


class Followed(Generic[T]):
    """What a process knows of some tables: `_look` reads them, as `Watched` asks it to. One for each process."""

    name: ClassVar[str]

    def __init__(
        self,
        database: Database,
        monotonic: Callable[[], float] = time.monotonic,
        in_background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._database = database
        self._watched = Watched(self._look, self.name, monotonic, in_background)

    def book(self) -> T:
        """At most about a second old. Raises `Unavailable` when nothing was ever read and SQL is away."""
        return self._watched.now()

    def forget(self) -> None:
        """This process has just changed what stands there."""
        self._watched.forget()

    def _look(self, known: T | None) -> T:
        raise NotImplementedError
