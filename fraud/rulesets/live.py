"""Publications reach a running process: it looks at one counter at most once a second and swaps an immutable bundle; no request waits or is dropped.

How a process follows SQL without waiting for it: `core.watched`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, select

from core.clock import Clock
from core.db.engine import Database
from core.watched import Watched
from fraud.rulesets.bundle import Bundle, OwnedLeft
from fraud.rulesets.effect import chosen, next_change
from fraud.rulesets.settling import STANDING
from fraud.rulesets.tables import policies, policy_generation, policy_versions
from fraud.rulesets.warmth import Stored, since_of
from rules.files.load import ruleset_from_document
from rules.model import Ruleset

log = structlog.get_logger(__name__)


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
    since: Stored | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read at one generation, the bundle made of it, and until when that holds."""

    generation: int
    standing: tuple[_Standing, ...]
    left: OwnedLeft
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
        self._watched = Watched(self._look, "policies", monotonic, in_background, self._at_its_time)

    def bundle(self) -> Bundle:
        """What is live, at most about a second old. Raises `Unavailable` when nothing was ever read and SQL is away."""
        return self._watched.now().bundle

    def forget(self) -> None:
        """This process has just published: the next bundle is read afresh. Other processes notice within `STALE_SECONDS`."""
        self._watched.forget()

    def _at_its_time(self, known: _Known) -> _Known:
        now = self._clock.now()
        return self._made(known, known.generation, known.standing, known.left, now) if known.until is not None and known.until <= now else known

    def _look(self, known: _Known | None) -> _Known:
        now = self._clock.now()
        with self._database.read() as connection:
            # The counter first: rows that are newer than it are only read once more, and none is missed.
            generation = connection.execute(select(policy_generation.c.generation)).scalar_one_or_none() or 0
            if known is None or known.generation != generation:
                return self._made(known, generation, self._standing_in(connection, known), _left_in(connection), now)
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
                found.append(_Standing(*names, built[row.content_hash], row.effective_from, row.effective_to, since_of(row.recorded_since)))
        return tuple(found)

    def _made(self, known: _Known | None, generation: int, standing: tuple[_Standing, ...], left: OwnedLeft, now: datetime) -> _Known:
        by_policy: dict[tuple[str, str], list[_Standing]] = {}
        for one in standing:
            by_policy.setdefault((one.merchant, one.policy), []).append(one)
        owned: dict[str, dict[str, Ruleset]] = {}
        since: dict[str, dict[str, Stored | None]] = {}
        for (merchant, policy), versions in by_policy.items():
            serving = chosen(versions, now)
            if serving is not None:
                owned.setdefault(merchant, {})[policy] = serving.ruleset
                since.setdefault(merchant, {})[policy] = serving.since
        before = None if known is None else known.bundle
        return _Known(generation, standing, left, Bundle(self.shipped, owned, before, since, left), next_change(standing, now))


_COLUMNS = ("merchant", "policy", "version", "content_hash", "effective_from", "effective_to", "recorded_since")
_BATCH = 100


def _left_in(connection: Connection) -> OwnedLeft:
    found: dict[str, dict[str, Any]] = {}
    query = select(policies.c.merchant, policies.c.id, policies.c.left_since).where(policies.c.left_since.is_not(None))
    for row in connection.execute(query):
        found.setdefault(row.merchant, {})[row.id] = json.loads(row.left_since)
    return found


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
