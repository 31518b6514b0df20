"""An export: the whole log as lines of JSON, to be verified anywhere with the public key alone.

A record is `[place, kind, {…}]` with its bytes as they are in the third place, so that a line is JSON and the bytes are still exactly there. A record that
is not the reader's to see is `[place, "hash", "…"]`: the tree needs no more of it. A seal follows the records that it seals.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection

from core.audit.keys import to_pem
from core.audit.merkle import leaf_hash
from core.audit.sealed import kinds
from core.audit.seals import Seal
from core.audit.source import Chunk, Place, RawSeal, holds_leaf
from core.audit.store import as_seal, seal_rows
from core.errors import Malformed, Unavailable
from core.text import Text

FORM = "sheepdog-export-1"
_SEALS, _RECORDS = 200, 8_000
Read = Callable[[], AbstractContextManager[Connection]]


def write_export(read: Read, path: Path, merchant: str | None, progress: Callable[[int], None] | None = None) -> tuple[int, int]:
    """Write the log up to its last seal; returns how many records and seals. Of other merchants' records there are hashes only, unless `merchant` is None.

    An older file of that name stays until the new one is whole, and nothing half stands under it. Raises `Unavailable` when the disk is full, `Malformed`
    when a seal cannot be read.
    """
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            counts = _write(read, file, merchant, progress or (lambda _: None))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        text = Text(zh=f"无法写出 {path}:{error.strerror};没有留下文件", en=f"cannot write {path}: {error.strerror}; no file was left")
        raise Unavailable("export_not_written", text) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return counts


def _write(read: Read, file: IO[bytes], merchant: str | None, progress: Callable[[int], None]) -> tuple[int, int]:
    after = low = records = seals = 0
    while True:
        with read() as connection:
            found = [_readable(row) for row in seal_rows(connection, after, _SEALS)]
            if not found:
                return records, seals
            lines = _record_lines(connection, low, found[-1].head.size, merchant)
        if not after:
            file.write(_line({"form": FORM, "public_key": to_pem(bytes.fromhex(found[0].head.key))}))
        at = 0
        for seal in found:
            while at < len(lines) and lines[at][0] <= seal.head.size:
                file.write(lines[at][1])
                at += 1
            file.write(_line({**seal.document(), "leaves": base64.b64encode(seal.leaves).decode()}))
        records, seals, low, after = records + len(lines), seals + len(found), found[-1].head.size, found[-1].head.number
        progress(records)


def _readable(row: RawSeal) -> Seal:
    try:
        return as_seal(row)
    except ValueError as error:
        text = Text(zh=f"第 {row[0]} 个封印已损坏,请先运行 sheepdog audit verify", en=f"seal {row[0]} is damaged; run sheepdog audit verify first")
        raise Malformed("seal_damaged", text) from error


def _record_lines(connection: Connection, low: int, high: int, merchant: str | None) -> list[tuple[int, bytes]]:
    lines = []
    for kind in kinds():
        table = kind.table
        whose = list(kind.layout.fields).index("merchant") + 3
        for row in connection.execute(kind.rows.where(table.c.seq > low, table.c.seq <= high).order_by(table.c.seq)):
            seen = merchant is None or row[whose] == merchant
            lines.append((row[0], _record_line(row[0], kind.name, kind.record(row[2]), seen)))
    return sorted(lines)


def _record_line(seq: int, kind: str, body: bytes, seen: bool) -> bytes:
    if not seen:
        return b'[%d,"hash","%s"]\n' % (seq, leaf_hash(body).hex().encode())
    if _one_line_of_json(body):
        return b'[%d,"%s",%s]\n' % (seq, kind.encode(), body)
    return b'[%d,"%s/base64","%s"]\n' % (seq, kind.encode(), base64.b64encode(body))


def _one_line_of_json(body: bytes) -> bool:
    """Whether the bytes can stand in a line as they are; what somebody put there may not."""
    if b"\n" in body or not body.startswith(b"{"):
        return False
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class ExportSource:
    """A log in a file. Raises `Malformed` for a file that is no export."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0

    def chunks(self, after: int) -> Iterator[Chunk]:
        assert after == 0, "an export is read from its beginning"
        seals: list[RawSeal] = []
        found: list[tuple[int, bytes, bytes]] = []
        with self._open() as file:
            for line in file:
                if line.startswith(b"{"):
                    seals.append(_seal_row(line))
                    if len(found) >= _RECORDS:
                        yield _chunk(seals, found)
                        seals, found = [], []
                    continue
                found.append((*_record(line), line))
        # What is behind the last seal is no part of any batch.
        self._end = max((seq for seq, _, _ in found), default=0)
        if seals:
            yield _chunk(seals, found)

    def place_of(self, name: Any, seq: int) -> Place:
        try:
            _, kind, body = name.split(b",", 2)
            said = json.loads(body[:-2])
            return Place(seq, kind.strip(b'"').decode(), said.get("id") if isinstance(said, dict) else None)
        except ValueError:
            return Place(seq)

    def strays(self, size: int) -> Place | None:
        return Place(self._end) if self._end > size else None

    def locate(self, leaf: bytes) -> Place | None:
        with self._open() as file:
            for line in file:
                if line.startswith(b"[") and _record(line)[1] == leaf:
                    return self.place_of(line, _record(line)[0])
        return None

    def seals_leaf(self, leaf: bytes) -> bool:
        with self._open() as file:
            return any(line.startswith(b"{") and holds_leaf(_seal_row(line)[5], leaf) for line in file)

    def seals(self) -> Iterator[Seal]:
        """Every seal that can be read."""
        with self._open() as file:
            for line in file:
                if line.startswith(b"{"):
                    with contextlib.suppress(ValueError):
                        yield as_seal(_seal_row(line))

    def _open(self) -> IO[bytes]:
        file = self._path.open("rb")
        try:
            form = json.loads(file.readline()).get("form")
        except (ValueError, AttributeError):
            form = None
        if form != FORM:
            file.close()
            raise Malformed("bad_export", Text(zh=f"{self._path} 不是审计日志的导出", en=f"{self._path} is no export of an audit log"))
        return file


def _chunk(seals: list[RawSeal], found: list[tuple[int, bytes, bytes]]) -> Chunk:
    found.sort(key=itemgetter(0))
    seqs, hashes, names = map(list, zip(*found, strict=True)) if found else ([], [], [])
    return Chunk(seals, seqs, hashes, names)


def _seal_row(line: bytes) -> RawSeal:
    """A seal's line as a row without query columns; the number is what its bytes say, None where they say none."""
    try:
        said = json.loads(line)
        body, signature = said["head"].encode(), bytes.fromhex(said["signature"])
        leaves = base64.b64decode(said["leaves"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None, None, b"", b"", b"", b""
    try:
        number = json.loads(body)["seal"]
    except (ValueError, KeyError, TypeError):
        number = None
    return number if isinstance(number, int) else None, None, None, body, signature, leaves, b""


def _record(line: bytes) -> tuple[int, bytes]:
    """Place and leaf hash. A line that is no record is at no place, under the hash of its own bytes, which is nobody's."""
    try:
        start, kind, body = line.split(b",", 2)
        seq = int(start[1:])
        if kind == b'"hash"':
            return seq, bytes.fromhex(body[1:65].decode()) if _is_hash(body) else leaf_hash(line)
        # Without the bracket and the end of the line.
        return seq, leaf_hash(base64.b64decode(body[1:-3]) if kind.endswith(b'/base64"') else body[:-2])
    except ValueError:
        return -1, leaf_hash(line)


def _is_hash(body: bytes) -> bool:
    return len(body) == 68 and set(body[1:65]) <= set(b"0123456789abcdef")
