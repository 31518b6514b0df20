"""The one sealer: it gives entries and decisions that have no place yet their places in one Merkle log, and signs its head.

It looks for `seq IS NULL`, never for ids past the last one, since commits arrive out of order. It reads, hashes and signs before it asks for the right to
write, so nobody waits for that; its transaction only writes places, a seal and a few hashes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select, text, type_coerce, update
from sqlalchemy.types import NullType

from core.audit.keys import SigningKeys, public_of
from core.audit.merkle import GrowingTree, leaf_hash
from core.audit.sealed import Kind, kinds
from core.audit.seals import Head, Seal, sign
from core.audit.store import NODE_LEVEL, insert_seal, last_number, last_seal, tree_of
from core.db.engine import Database
from core.errors import Unavailable
from core.text import Text

BATCH_ROWS = 200
_SEALER_LOCK = 0x5EA1E4
# Sorted by the time in their ids, kind by kind only where that is the same.
_Waiting = tuple[str, Kind, str, bytes]


def seal_once(database: Database, now: datetime, keys: SigningKeys, batch: int = BATCH_ROWS) -> int:
    """Seal one batch; returns how many records it took. Of two sealers at once one does the work and the other returns 0.

    Raises `Unavailable` when the log's key is not here, or the log's end is not what its last seal says: nothing is built upon that.
    """
    with database.read() as connection:
        previous, waiting = trusted_end(connection), _waiting(connection, batch)
    if not waiting:
        return 0
    key = keys.for_new_log() if previous is None else keys.for_log(previous.head.follower)
    tree, nodes = tree_of(previous), _Nodes()
    leaves = [leaf_hash(body) for *_, body in waiting]
    first = tree.size + 1
    tree.extend(leaves, nodes)
    seal = sign(next_head(previous, tree, public_of(key), now), key, b"".join(leaves), tree.packed())
    with database.write() as connection:
        if not may_append(connection, database.is_sqlite, previous):
            return 0
        _give_places(connection, waiting, first)
        insert_seal(connection, seal, nodes.rows)
    return len(waiting)


def trusted_end(connection: Connection) -> Seal | None:
    """The last seal, which is signed and agrees with what is kept beside it. Raises `Unavailable` otherwise."""
    try:
        seal = last_seal(connection)
        tree_of(seal)
    except ValueError as error:
        raise _damaged() from error
    if seal is not None and not seal.signed_by_its_key():
        raise _damaged()
    return seal


def next_head(previous: Seal | None, tree: GrowingTree, key: bytes, now: datetime, next_key: bytes | None = None) -> Head:
    """The head after the last seal. Time never runs backwards in the log: when the clock was set back the last seal's time is kept, and the clock's noted."""
    before = None if previous is None else previous.head
    behind = before is not None and now < before.at
    return Head(
        log=secrets.token_hex(8) if before is None else before.log,
        number=1 if before is None else before.number + 1,
        size=tree.size,
        root=tree.root().hex(),
        at=before.at if before is not None and behind else now,
        previous=None if previous is None else previous.digest,
        key=key.hex(),
        next_key=None if next_key is None else next_key.hex(),
        clock=now if behind else None,
    )


def may_append(connection: Connection, is_sqlite: bool, previous: Seal | None) -> bool:
    """Whether this transaction is the only one that seals, and the log's end is still the one that was read."""
    # SQLite's BEGIN IMMEDIATE is the lock itself.
    alone = is_sqlite or bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEALER_LOCK}).scalar_one())
    return alone and last_number(connection) == (0 if previous is None else previous.head.number)


def lag_seconds(connection: Connection, now: datetime) -> float:
    """How old the oldest record is that is not sealed yet; 0 when all are."""
    oldest = [connection.execute(select(func.min(kind.table.c.at)).where(kind.table.c.seq.is_(None))).scalar_one() for kind in kinds()]
    ages: list[float] = [(now - at).total_seconds() for at in oldest if at is not None]
    return max([0.0, *ages])


def _waiting(connection: Connection, most: int) -> list[_Waiting]:
    found: list[_Waiting] = []
    for kind in kinds():
        table = kind.table
        query = select(table.c.id, type_coerce(table.c.body, NullType())).where(table.c.seq.is_(None)).order_by(table.c.id).limit(most)
        found += [(row[0].partition("_")[2], kind, row[0], kind.record(row[1])) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one[0], one[1].name))[:most]


def _give_places(connection: Connection, waiting: Sequence[_Waiting], first: int) -> None:
    rows: dict[Table, list[dict[str, Any]]] = {}
    for place, (_, kind, entry, _) in enumerate(waiting, first):
        rows.setdefault(kind.table, []).append({"entry": entry, "place": place})
    for table, places in rows.items():
        statement = update(table).where(table.c.id == bindparam("entry"), table.c.seq.is_(None)).values(seq=bindparam("place"))
        if connection.execute(statement, places).rowcount != len(places):
            raise _damaged()


class _Nodes:
    """Collects the new nodes that are stored."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, int, Sequence[bytes]]] = []

    def __call__(self, level: int, position: int, hashes: Sequence[bytes]) -> None:
        if level >= NODE_LEVEL:
            self._kept.append((level, position, list(hashes)))

    @property
    def rows(self) -> Iterator[dict[str, Any]]:
        for level, position, hashes in self._kept:
            yield from ({"level": level, "position": position + offset, "hash": one} for offset, one in enumerate(hashes))


def _damaged() -> Unavailable:
    words = Text(
        zh="审计日志的末尾与其最后的封印不符,不再续封;请运行 sheepdog audit verify",
        en="the end of the audit log is not what its last seal says, so nothing is sealed on top of it; run sheepdog audit verify",
    )
    return Unavailable("audit_log_damaged", words, retry_after_seconds=60)
