"""Seals and nodes in the database: what the sealer writes and everybody else reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, func, select, type_coerce
from sqlalchemy.types import NullType

from core.audit.merkle import HASH_BYTES, GrowingTree
from core.audit.sealed import bytes_of
from core.audit.seals import Head, Seal, read_head
from core.db.tables import audit_nodes, audit_seals

# Complete subtrees of this level and above are stored; what is smaller follows from the leaf hashes that stand with the seals.
NODE_LEVEL = 8
_COLUMNS = (
    audit_seals.c.number,
    audit_seals.c.size,
    type_coerce(audit_seals.c.at, BigInteger),
    *(type_coerce(audit_seals.c[name], NullType()) for name in ("body", "signature", "leaves", "peaks")),
)


def last_seal(connection: Connection) -> Seal | None:
    """The newest seal. Raises `ValueError` when it is none."""
    row = connection.execute(select(*_COLUMNS).order_by(audit_seals.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else as_seal(row)


def last_number(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(audit_seals.c.number), 0))).scalar_one())


def seal_rows(connection: Connection, after: int, most: int) -> Sequence[Any]:
    """Raw rows of seals whose number is above `after`: number, size, at (µs), body, signature, leaves, peaks."""
    return connection.execute(select(*_COLUMNS).where(audit_seals.c.number > after).order_by(audit_seals.c.number).limit(most)).all()


def seal_before(connection: Connection, *, number: int | None = None, at: datetime | None = None) -> Seal | None:
    """The newest seal that is before the one of this number, or before this time."""
    query = select(*_COLUMNS).order_by(audit_seals.c.number.desc()).limit(1)
    query = query.where(audit_seals.c.at < at) if number is None else query.where(audit_seals.c.number < number)
    row = connection.execute(query).one_or_none()
    return None if row is None else as_seal(row)


def as_seal(row: Sequence[Any]) -> Seal:
    """Raises `ValueError` when the bytes are no seal's."""
    body, signature, leaves, peaks = map(bytes_of, row[3:7])
    return Seal(read_head(body), body, signature, leaves, peaks)


def tree_of(seal: Seal | None) -> GrowingTree:
    """The tree under a seal, to go on from. Raises `ValueError` when what is kept of it does not lead to its root."""
    if seal is None:
        return GrowingTree()
    tree = GrowingTree(seal.head.size, seal.peaks)
    if tree.root().hex() != seal.head.root:
        raise ValueError("the peaks do not lead to the root")
    return tree


def insert_seal(connection: Connection, seal: Seal, nodes: Iterable[dict[str, Any]]) -> None:
    head = seal.head
    values = {"number": head.number, "size": head.size, "at": head.at, "body": seal.body, "signature": seal.signature}
    connection.execute(audit_seals.insert().values(**values, leaves=seal.leaves, peaks=seal.peaks))
    rows = list(nodes)
    if rows:
        connection.execute(audit_nodes.insert(), rows)


class StoredNodes:
    """Complete nodes of the log, from few rows. Raises `ValueError` for one that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, level: int, position: int) -> bytes:
        if level >= NODE_LEVEL:
            query = select(type_coerce(audit_nodes.c.hash, NullType())).where(audit_nodes.c.level == level, audit_nodes.c.position == position)
            found: Any = self._connection.execute(query).scalar_one_or_none()
            if found is None:
                raise ValueError("a node is missing")
            return bytes_of(found)
        tree = GrowingTree()
        tree.extend(self._leaves(position << level, (position + 1) << level))
        return tree.root()

    def _leaves(self, low: int, high: int) -> list[bytes]:
        """Leaf hashes by index, `high` excluded."""
        query = select(audit_seals.c.size, type_coerce(audit_seals.c.leaves, NullType())).where(audit_seals.c.size > low).order_by(audit_seals.c.size)
        found: list[bytes] = []
        for size, raw in self._connection.execute(query.limit(high - low + 1)):
            leaves = bytes_of(raw)
            first = size - len(leaves) // HASH_BYTES
            found += [leaves[(at - first) * HASH_BYTES : (at - first + 1) * HASH_BYTES] for at in range(max(low, first), min(high, size))]
            if size >= high:
                break
        if len(found) != high - low:
            raise ValueError("leaf hashes are missing")
        return found


def head_at(connection: Connection, size: int) -> Head | None:
    """The first head over a tree of exactly this size."""
    query = select(*_COLUMNS).where(audit_seals.c.size == size).order_by(audit_seals.c.number).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else as_seal(row).head
