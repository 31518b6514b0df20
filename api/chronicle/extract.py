"""Tables of the record for other programs: CSV, JSON lines or Parquet, one file for each, beside a manifest with the hash of every file.

All of it or nothing: the folder has its name only once everything is in it. No file holds what tells of a person; our ids of people stand in it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, select

from campaigns.store.tables import rewards, transfers
from core.cells import text_cell
from core.db.tables import audit_entries
from core.db.types import Instant
from core.errors import Conflict
from core.text import Text
from fraud.store.tables import decisions, reviews

FORMATS = ("csv", "jsonl", "parquet")
MANIFEST = "manifest.json"
_FETCH = 5_000


@dataclass(frozen=True, slots=True)
class Part:
    """A table, the time by which it is cut, and the columns that are handed out."""

    table: Table
    time: str
    columns: tuple[str, ...]


PARTS: Mapping[str, Part] = {
    "entries": Part(audit_entries, "at", ("id", "seq", "at", "merchant", "actor", "action", "target", "before_hash", "after_hash", "body")),
    "decisions": Part(
        decisions, "at", ("id", "at", "merchant", "scene", "subject_id", "campaign", "outcome", "score", "policy", "policy_version", "degraded", "hash", "body")
    ),
    "rewards": Part(
        rewards,
        "created_at",
        (
            *("id", "created_at", "updated_at", "merchant", "campaign", "version", "mechanic", "kind", "subject_id", "decision_id"),
            *("state", "use_state", "face_fen", "posted_fen", "reversed_fen", "used_fen", "currency", "order_id"),
        ),
    ),
    "transfers": Part(transfers, "at", ("id", "at", "merchant", "debit", "credit", "amount_fen", "currency", "reason", "reward_id", "order_id", "once_key")),
    "cases": Part(
        reviews,
        "opened_at",
        ("id", "opened_at", "merchant", "kind", "decision_id", "reward_id", "campaign", "state", "resolution", "resolved_by", "resolved_at"),
    ),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written: names of `PARTS`, from `since` on and before `until`; `by` asks for it."""

    merchant: str
    parts: Sequence[str]
    form: str
    since: datetime | None
    until: datetime | None
    by: str
    at: datetime


def extract(connection: Connection, wanted: Wanted, folder: Path) -> dict[str, Any]:
    """Write the folder; returns its manifest. Raises `Conflict` where there is one of that name, and `OSError`, when nothing is left behind."""
    if folder.exists():
        raise Conflict("folder_exists", Text(zh=f"{folder} 已存在", en=f"{folder} is there already"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        files = [_write(connection, wanted, name, making) for name in wanted.parts]
        manifest = _manifest(wanted, files)
        (making / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        os.chmod(making, 0o750)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return manifest


def check(folder: Path) -> list[str]:
    """The names of files that are not what the manifest says; empty when all are. Raises `OSError` and `ValueError` without a manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return [one["name"] for one in manifest["files"] if not (folder / one["name"]).is_file() or _hash(folder / one["name"]) != one["sha256"]]


def _manifest(wanted: Wanted, files: list[dict[str, Any]]) -> dict[str, Any]:
    times = {name: None if at is None else at.isoformat() for name, at in (("since", wanted.since), ("until", wanted.until), ("made_at", wanted.at))}
    return {"form": 1, "merchant": wanted.merchant, "by": wanted.by, **times, "files": files}


def _write(connection: Connection, wanted: Wanted, name: str, folder: Path) -> dict[str, Any]:
    part, path = PARTS[name], folder / f"{name}.{wanted.form}"
    rows = _WRITERS[wanted.form](path, part, _rows(connection, wanted, part))
    return {"name": path.name, "rows": rows, "bytes": path.stat().st_size, "sha256": _hash(path)}


def _rows(connection: Connection, wanted: Wanted, part: Part) -> Iterator[list[list[Any]]]:
    """In batches; times as ISO texts, canonical bytes as the text that they are."""
    table, at = part.table, part.table.c[part.time]
    query = select(*(table.c[name] for name in part.columns)).order_by(at, table.c.id)
    query = query if wanted.merchant == "*" else query.where(table.c.merchant == wanted.merchant)
    query = query if wanted.since is None else query.where(at >= wanted.since)
    query = query if wanted.until is None else query.where(at < wanted.until)
    for rows in connection.execution_options(yield_per=_FETCH).execute(query).partitions(_FETCH):
        yield [[_plain(value) for value in row] for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return bytes(value).decode() if isinstance(value, bytes | memoryview) else value


def _as_csv(path: Path, part: Part, batches: Iterable[list[list[Any]]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(part.columns)
        for rows in batches:
            writer.writerows([[text_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])
            count += len(rows)
    return count


def _as_jsonl(path: Path, part: Part, batches: Iterable[list[list[Any]]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for rows in batches:
            file.writelines(json.dumps(dict(zip(part.columns, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
            count += len(rows)
    return count


def _as_parquet(path: Path, part: Part, batches: Iterable[list[list[Any]]]) -> int:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, _arrow_type(pyarrow, part.table.c[name].type)) for name in part.columns])
    count = 0
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in batches:
            writer.write_table(pyarrow.table([list(column) for column in zip(*rows, strict=True)], schema=schema))
            count += len(rows)
    return count


def _arrow_type(pyarrow: Any, kind: Any) -> Any:
    if isinstance(kind, Instant | LargeBinary) or kind.python_type is str:
        return pyarrow.string()
    return pyarrow.bool_() if kind.python_type is bool else pyarrow.int64()


_WRITERS: Mapping[str, Callable[[Path, Part, Iterable[list[list[Any]]]], int]] = {"csv": _as_csv, "jsonl": _as_jsonl, "parquet": _as_parquet}


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
