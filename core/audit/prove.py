"""Proofs for outsiders: that one record is in the log, or that a later log begins with an earlier one. Each is checked here before it is handed out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, type_coerce
from sqlalchemy.types import NullType

from core.audit.checkpoints import checkpoint_document
from core.audit.keys import key_id
from core.audit.merkle import consistency_holds, consistency_spans, inclusion_holds, inclusion_spans, leaf_hash, span_head
from core.audit.sealed import kinds
from core.audit.seals import Seal
from core.audit.store import StoredNodes, head_at, last_seal
from core.errors import Conflict, Malformed, NotFound, Unavailable
from core.text import Text

FORM = "sheepdog-proof-1"


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed table's row: where it is, whose it is, and its bytes."""

    kind: str
    id: str
    merchant: str
    seq: int | None
    body: bytes


def find_record(connection: Connection, record_id: str, merchant: str | None) -> Record:
    """The entry or decision of this id; of one merchant only, unless None. Raises `NotFound`, alike for what is not there and what is another's."""
    for kind in kinds():
        table = kind.table
        query = select(table.c.id, table.c.merchant, table.c.seq, type_coerce(table.c.body, NullType())).where(table.c.id == record_id)
        row = connection.execute(query if merchant is None else query.where(table.c.merchant == merchant)).one_or_none()
        if row is not None:
            return Record(kind.name, row[0], row[1], row[2], kind.record(row[3]))
    raise NotFound("record_not_found", Text(zh="没有这条记录", en="there is no such record"))


def inclusion_proof(connection: Connection, record: Record) -> dict[str, Any]:
    """A proof that stands alone: the bytes, their place, the path to the root, and the signed head.

    Raises `Conflict` while the record is not sealed yet, `Unavailable` when the log does not hold together there.
    """
    seal = newest(connection)
    if record.seq is None or seal is None or record.seq > seal.head.size:
        raise Conflict("not_sealed_yet", Text(zh="尚未封存,请几秒后再试", en="it is not sealed yet; try again in a few seconds"))
    index, size = record.seq - 1, seal.head.size
    path = _path(connection, lambda: inclusion_spans(index, size))
    if not inclusion_holds(leaf_hash(record.body), index, size, path, bytes.fromhex(seal.head.root)):
        raise _damaged()
    try:
        body = record.body.decode()
    except UnicodeDecodeError as error:
        raise _damaged() from error
    return {
        "form": FORM,
        "kind": record.kind,
        "id": record.id,
        "body": body,
        "leaf_index": index,
        "path": [step.hex() for step in path],
        **seal.document(),
        "key_id": key_id(bytes.fromhex(seal.head.key)),
    }


def checkpoint_since(connection: Connection, since: int | None) -> dict[str, Any]:
    """The newest checkpoint; with `since`, the size of an earlier one, also the proof that the log only grew from there. Raises `NotFound` before the first."""
    seal = newest(connection)
    if seal is None:
        raise NotFound("no_checkpoint", Text(zh="日志尚未封存", en="nothing is sealed yet"))
    document = checkpoint_document(seal) | {"key_id": key_id(bytes.fromhex(seal.head.key))}
    return document if since is None else document | {"consistency": _consistency(connection, seal, since)}


def newest(connection: Connection) -> Seal | None:
    """The last seal. Raises `Unavailable` when it is none."""
    try:
        return last_seal(connection)
    except ValueError as error:
        raise _damaged() from error


def _consistency(connection: Connection, seal: Seal, since: int) -> dict[str, Any]:
    size = seal.head.size
    try:
        old = head_at(connection, since)
    except ValueError as error:
        raise _damaged() from error
    if old is None or not 0 < since <= size:
        text = Text(zh=f"没有大小为 {since} 的检查点", en=f"no checkpoint has the size {since}")
        raise Malformed("unknown_checkpoint", text)
    path = _path(connection, lambda: consistency_spans(since, size))
    if not consistency_holds(since, size, bytes.fromhex(old.root), bytes.fromhex(seal.head.root), path):
        raise _damaged()
    return {"since": since, "path": [step.hex() for step in path]}


def _path(connection: Connection, spans: Callable[[], list[tuple[int, int]]]) -> list[bytes]:
    nodes = StoredNodes(connection)
    try:
        return [span_head(span, nodes) for span in spans()]
    except ValueError as error:
        raise _damaged() from error


def _damaged() -> Unavailable:
    words = Text(
        zh="日志在此处不完整,无法出具证明;请运行 sheepdog audit verify",
        en="the log does not hold together there, so there is no proof; run sheepdog audit verify",
    )
    return Unavailable("audit_log_damaged", words, retry_after_seconds=60)
