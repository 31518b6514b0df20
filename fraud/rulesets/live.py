"""Publications reach a running process: it looks at one counter at most once a second and swaps an immutable bundle; no request waits or is dropped.

A thread of its own reads SQL, so a request goes on with the bundle that is there; when SQL is away that bundle stays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Condition, Thread
from typing import Any

import structlog
from sqlalchemy import Connection, select

from core.clock import Clock
from core.db.engine import Database
from core.errors import SheepdogError
from fraud.rulesets.bundle import Bundle
from fraud.rulesets.effect import chosen, next_change
from fraud.rulesets.settling import STANDING
from fraud.rulesets.tables import policy_generation, policy_versions
from rules.files.load import ruleset_from_document
from rules.model import Ruleset

log = structlog.get_logger(__name__)

FRESH_SECONDS = 1.0
STALE_SECONDS = 2.0
# How long a request with a stale bundle waits for a look that is under way. A risk check has 300 ms in all.
WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Standing:
    """An approved version of a policy, ready to serve."""

    merchant: str
    policy: str
    version: int
    content_hash: str
    ruleset: Ruleset
    effective_from: datetime | None
    effective_to: datetime | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read at one generation, the bundle made of it, and until when that holds."""

    generation: int
    standing: tuple[_Standing, ...]
    bundle: Bundle
    until: datetime | None


class LiveRulesets:
    """The bundle of this process. Safe to share between threads; a forked child makes its own."""

    def __init__(
        self,
        database: Database,
        shipped: Iterable[Ruleset],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        in_background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._database = database
        self.shipped = tuple(shipped)
        self._clock = clock
        self._monotonic = monotonic
        self._in_background = in_background or _on_a_thread
        self._known: _Known | None = None
        self._looked_at = 0.0
        self._began_at = 0.0
        self._looking = False
        self._forgotten = False
        self._turn = Condition()

    def bundle(self) -> Bundle:
        """What is live, at most about a second old. Raises `Unavailable` when nothing was ever read and SQL is away."""
        known = self._known
        if known is not None and not self._forgotten and self._monotonic() - self._looked_at < FRESH_SECONDS:
            return known.bundle
        if known is None or self._forgotten:
            return self._read_now()
        self._look_soon()
        return (self._known or known).bundle

    def forget(self) -> None:
        """This process has just published: the next bundle is read afresh. Other processes notice within `STALE_SECONDS`."""
        self._forgotten = True

    def _read_now(self) -> Bundle:
        """Read in this thread, one thread at a time; whoever waited takes what the other has read."""
        with self._turn:
            ended = self._turn.wait_for(lambda: not self._looking, None if self._known is None else WAIT_SECONDS)
            if self._known is not None and not (ended and self._forgotten):
                return self._known.bundle
            self._looking, self._forgotten = True, False
        try:
            return self._look().bundle
        except SheepdogError:
            if self._known is None:
                raise
            log.warning("policies_not_read")
            return self._known.bundle
        finally:
            self._looked()

    def _look_soon(self) -> None:
        """One thread looks while others go on; only a stale bundle is worth a short wait for a look that has just begun."""
        with self._turn:
            stale = self._monotonic() - self._looked_at >= STALE_SECONDS
            begins = not self._looking
            if begins:
                self._looking, self._began_at = True, self._monotonic()
        if begins:
            self._in_background(self._look_quietly)
        if stale:
            with self._turn:
                self._turn.wait_for(lambda: not self._looking, max(0.0, self._began_at + WAIT_SECONDS - self._monotonic()))

    def _look_quietly(self) -> None:
        try:
            self._look()
        except SheepdogError as error:
            log.warning("policies_not_read", code=error.code)
        except Exception:
            log.exception("policies_not_read")
        finally:
            self._looked()

    def _looked(self) -> None:
        """Also after a failure, so that SQL is not asked by every request while it is away."""
        with self._turn:
            self._looking, self._looked_at = False, self._monotonic()
            self._turn.notify_all()

    def _look(self) -> _Known:
        known, now = self._known, self._clock.now()
        if known is not None and known.until is not None and known.until <= now:
            known = self._swap(known.generation, known.standing, now)
        with self._database.read() as connection:
            # The counter first: rows that are newer than it are only read once more, and none is missed.
            generation = connection.execute(select(policy_generation.c.generation)).scalar_one_or_none() or 0
            if known is None or known.generation != generation:
                return self._swap(generation, self._standing_in(connection, known), now)
        return known

    def _standing_in(self, connection: Connection, known: _Known | None) -> tuple[_Standing, ...]:
        """Approved versions; a document that was built before is not even read."""
        columns = [column for column in policy_versions.c if column.name in _COLUMNS]
        rows = connection.execute(select(*columns).where(policy_versions.c.state.in_(STANDING))).all()
        built = {} if known is None else {one.content_hash: one.ruleset for one in known.standing}
        lacking = {row.content_hash for row in rows} - built.keys()
        documents = dict(_documents(connection, sorted(lacking)))
        found: list[_Standing] = []
        for row in rows:
            if row.content_hash not in built and (ruleset := _built(row, documents.get(row.content_hash))) is not None:
                built[row.content_hash] = ruleset
            if row.content_hash in built:
                names = (row.merchant, row.policy, row.version, row.content_hash)
                found.append(_Standing(*names, built[row.content_hash], row.effective_from, row.effective_to))
        return tuple(found)

    def _swap(self, generation: int, standing: tuple[_Standing, ...], now: datetime) -> _Known:
        by_policy: dict[tuple[str, str], list[_Standing]] = {}
        for one in standing:
            by_policy.setdefault((one.merchant, one.policy), []).append(one)
        owned: dict[str, dict[str, Ruleset]] = {}
        for (merchant, policy), versions in by_policy.items():
            serving = chosen(versions, now)
            if serving is not None:
                owned.setdefault(merchant, {})[policy] = serving.ruleset
        before = None if self._known is None else self._known.bundle
        self._known = _Known(generation, standing, Bundle(self.shipped, owned, before), next_change(standing, now))
        return self._known


_COLUMNS = ("merchant", "policy", "version", "content_hash", "effective_from", "effective_to")
_BATCH = 100


def _documents(connection: Connection, hashes: list[str]) -> Iterable[tuple[str, bytes]]:
    for start in range(0, len(hashes), _BATCH):
        wanted = policy_versions.c.content_hash.in_(hashes[start : start + _BATCH])
        query = select(policy_versions.c.content_hash, policy_versions.c.document).where(wanted, policy_versions.c.state.in_(STANDING))
        yield from ((row.content_hash, row.document) for row in connection.execute(query))


def _built(row: Any, document: bytes | None) -> Ruleset | None:
    """None for one that does not build in this version of the program: the others must go live all the same."""
    try:
        return None if document is None else ruleset_from_document(json.loads(document))
    except (ValueError, LookupError, TypeError):
        log.exception("policy_not_built", policy=row.policy, version=row.version)
        return None


def _on_a_thread(work: Callable[[], None]) -> None:
    Thread(target=work, name="policies", daemon=True).start()
