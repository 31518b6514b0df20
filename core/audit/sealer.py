"""The one sealer: it numbers entries that have no number yet, chains their bytes by SHA-256 and writes a seal for each batch.

It looks for `seq IS NULL`, never for ids past the last one, since commits arrive out of order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, func, select, text, update

from core.db.engine import Database
from core.db.tables import audit_entries, audit_seals

GENESIS = sha256(b"sheepdog audit log").hexdigest()
BATCH_ROWS = 200
_SEALER_LOCK = 0x5EA1E4


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the log does not hold together."""

    seq: int
    entry_id: str | None
    fault: str


def link(previous: str, body: bytes) -> str:
    """The chain hash of an entry: SHA-256 over the previous chain hash (hex) and the entry's bytes."""
    return sha256(previous.encode() + body).hexdigest()


def seal_once(database: Database, now: datetime, batch: int = BATCH_ROWS) -> int:
    """Seal one batch; returns how many entries it numbered. Of two sealers at once one does the work and the other returns 0."""
    with database.write() as connection:
        if not _sole_sealer(connection, database.is_sqlite):
            return 0
        columns = (audit_entries.c.id, audit_entries.c.body)
        query = select(*columns).where(audit_entries.c.seq.is_(None)).order_by(audit_entries.c.id).limit(batch)
        rows = connection.execute(query).all()
        if not rows:
            return 0
        last_seq, head = _head(connection)
        links = []
        for offset, row in enumerate(rows, 1):
            head = link(head, row.body)
            links.append({"entry": row.id, "number": last_seq + offset, "chain": head})
        statement = update(audit_entries).where(audit_entries.c.id == bindparam("entry"))
        connection.execute(statement.values(seq=bindparam("number"), chain_hash=bindparam("chain")), links)
        seal = {"first_seq": last_seq + 1, "last_seq": last_seq + len(rows), "head_hash": head, "at": now}
        connection.execute(audit_seals.insert().values(**seal))
        return len(rows)


def verify_chain(connection: Connection) -> Break | None:
    """Recompute the chain from its first entry; the first break, or None when the log is whole up to its last seal.

    The log may grow meanwhile: what is sealed after this began is for the next time.
    """
    sealed, head = _head(connection)
    previous, expected = GENESIS, 1
    query = select(audit_entries).where(audit_entries.c.seq <= sealed).order_by(audit_entries.c.seq)
    for row in connection.execution_options(yield_per=1000).execute(query):
        if row.seq != expected:
            return Break(expected, None, "missing")
        previous = link(previous, row.body)
        if previous != row.chain_hash:
            return Break(row.seq, row.id, "changed")
        expected += 1
    if (sealed, head) != (expected - 1, previous):
        return Break(expected, None, "truncated")
    # In one statement, because an entry gets its number in the same transaction as its seal.
    last_entry, last_seal = (select(func.max(column)).scalar_subquery() for column in (audit_entries.c.seq, audit_seals.c.last_seq))
    numbered, sealed_now = connection.execute(select(last_entry, last_seal)).one()
    return None if (numbered or 0) == (sealed_now or 0) else Break(expected, None, "truncated")


def _head(connection: Connection) -> tuple[int, str]:
    row = connection.execute(select(audit_seals).order_by(audit_seals.c.last_seq.desc()).limit(1)).one_or_none()
    return (0, GENESIS) if row is None else (row.last_seq, row.head_hash)


def _sole_sealer(connection: Connection, is_sqlite: bool) -> bool:
    # SQLite's BEGIN IMMEDIATE is the lock itself.
    return is_sqlite or bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEALER_LOCK}).scalar_one())
