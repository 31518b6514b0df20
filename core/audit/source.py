"""Where a log is read from to be verified: the database, in short looks, or an export. Either gives seals with the records they seal, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import repeat
from operator import gt, itemgetter
from typing import Any, Protocol

from sqlalchemy import Connection, func, select

from core.audit.merkle import HASH_BYTES, leaf_hash
from core.audit.sealed import Kind, bytes_of, kinds
from core.audit.store import seal_before, seal_rows
from core.db.tables import audit_seals

# Larger looks were slower: what they bring no longer fits in the processor's cache.
_LEAVES, _SEALS = 4_000, 400
RawSeal = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is: its place in the log, its kind and its id, as far as they are known."""

    seq: int
    kind: str | None = None
    entry: str | None = None


@dataclass(slots=True)
class Chunk:
    """Some seals, as raw rows (number, size, at, body, signature, leaves, peaks; None for what a source has not), and the records up to the last one's size.

    `seqs`, `hashes` and `names` are parallel and sorted by place. `differing` are records whose columns say something else than their bytes, the first of
    each kind, with the columns.
    """

    seals: list[RawSeal] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    names: list[Any] = field(default_factory=list)
    differing: list[tuple[Place, list[str]]] = field(default_factory=list)


class Source(Protocol):
    """A log to verify."""

    def chunks(self, after: int) -> Iterator[Chunk]:
        """Everything behind the seal of this number (0: all)."""

    def place_of(self, name: Any, seq: int) -> Place:
        """What a chunk's name says."""

    def strays(self, size: int) -> Place | None:
        """A record with a place beyond the last seal's."""

    def locate(self, leaf: bytes) -> Place | None:
        """Where a record with this leaf hash is. Reads the whole log."""

    def seals_leaf(self, leaf: bytes) -> bool:
        """Whether some seal has this leaf hash among its own."""


class DatabaseSource:
    """The log in the database. `read` opens a look of its own each time, so that no long transaction stands in anybody's way; what is sealed never changes."""

    def __init__(self, read: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._read = read
        self._kinds = kinds()

    @classmethod
    def within(cls, connection: Connection) -> DatabaseSource:
        """The log as one transaction sees it."""
        return cls(lambda: nullcontext(connection))

    def chunks(self, after: int) -> Iterator[Chunk]:
        with self._read() as connection:
            before = seal_before(connection, number=after + 1) if after else None
        low = None if before is None else before.head.size
        while True:
            with self._read() as connection:
                seals = _some(seal_rows(connection, after, _SEALS), low or 0)
                if not seals:
                    return
                after, high = seals[-1][0], seals[-1][1]
                yield self._chunk(connection, seals, low, high)
            low = high

    def place_of(self, name: Any, seq: int) -> Place:
        return Place(seq, *name)

    def strays(self, size: int) -> Place | None:
        """In one statement for each kind, because a record gets its place in the same transaction as its seal."""
        newest = select(func.coalesce(func.max(audit_seals.c.size), 0)).scalar_subquery()
        with self._read() as connection:
            for kind in self._kinds:
                query = select(kind.table.c.seq, kind.table.c.id).where(kind.table.c.seq > newest).order_by(kind.table.c.seq).limit(1)
                row = connection.execute(query).one_or_none()
                if row is not None and row[0] > size:
                    return Place(row[0], kind.name, row[1])
        return None

    def locate(self, leaf: bytes) -> Place | None:
        with self._read() as connection:
            for kind in self._kinds:
                seq, last = kind.table.c.seq, None
                while rows := connection.execute(kind.rows.where(seq.is_not(None) if last is None else seq > last).order_by(seq).limit(_LEAVES)).all():
                    for row in rows:
                        if leaf_hash(kind.record(row[2])) == leaf:
                            return Place(row[0], kind.name, row[1])
                    last = rows[-1][0]
        return None

    def seals_leaf(self, leaf: bytes) -> bool:
        after = 0
        with self._read() as connection:
            while rows := seal_rows(connection, after, _SEALS):
                if any(holds_leaf(bytes_of(row[5]), leaf) for row in rows):
                    return True
                after = rows[-1][0]
        return False

    def _chunk(self, connection: Connection, seals: list[RawSeal], low: int | None, high: int) -> Chunk:
        chunk = Chunk([(*row[:3], *map(bytes_of, row[3:])) for row in seals])
        seqs, hashes, names = chunk.seqs, chunk.hashes, chunk.names
        for kind in self._kinds:
            rows = _rows(connection, kind, low, high)
            seqs += map(itemgetter(0), rows)
            hashes += [sha256(b"\x00" + row[2]).digest() for row in rows]
            names += zip(repeat(kind.name), map(itemgetter(1), rows), strict=False)
            differing = kind.first_difference(rows)
            if differing is not None:
                row, columns = differing
                chunk.differing.append((Place(row[0], kind.name, row[1]), columns))
        if any(map(gt, seqs, seqs[1:])):
            order = sorted(range(len(seqs)), key=seqs.__getitem__)
            chunk.seqs, chunk.hashes, chunk.names = [seqs[at] for at in order], [hashes[at] for at in order], [names[at] for at in order]
        return chunk


def holds_leaf(leaves: bytes, leaf: bytes) -> bool:
    """Whether the hash is one of those that stand one after the other."""
    at = leaves.find(leaf)
    while at >= 0 and at % HASH_BYTES:
        at = leaves.find(leaf, at + 1)
    return at >= 0


def _rows(connection: Connection, kind: Kind, low: int | None, high: int) -> Sequence[Sequence[Any]]:
    seq = kind.table.c.seq
    # Limited, because a forged size must not bring the whole table into memory: more than a chunk holds is no honest batch.
    query = kind.rows.where(seq <= high, *([] if low is None else [seq > low])).order_by(seq).limit(64 * _LEAVES)
    result = connection.execute(query)
    # As the driver gives them: every column is asked for as it is, so nothing is to be converted, and this is most of what verification waits for.
    rows: Sequence[Any] = result.cursor.fetchall() if result.cursor is not None else ()
    result.close()
    if not kind.packs and set(map(type, map(itemgetter(2), rows))) <= {bytes}:
        return rows
    return [(*row[:2], kind.record(row[2]), *row[3:]) for row in rows]


def _some(rows: Sequence[RawSeal], low: int) -> list[RawSeal]:
    """The first seals, until there are leaves enough for one look."""
    found: list[RawSeal] = []
    for row in rows:
        found.append(row)
        if row[1] - low >= _LEAVES:
            break
    return found
