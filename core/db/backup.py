"""Backup and restore, alike for SQLite and PostgreSQL: every table as JSON lines from one snapshot, with row counts and hashes to check against.

A backup from one kind of database can be restored into the other.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from sqlalchemy import BigInteger, Connection, LargeBinary, Table, func, inspect, select, type_coerce

from core.audit.keys import FILE as AUDIT_KEY
from core.audit.verify import first_fault
from core.clock import from_micros
from core.config import Settings
from core.db import migrate
from core.db.engine import Database
from core.db.types import Instant, metadata
from core.errors import Conflict, Malformed
from core.text import Text

_FORMAT = 1
_CHUNK_ROWS = 200
# Files of keys, and the settings that stand for them.
_KEY_FILES = {"secret.key": "secret_key", AUDIT_KEY: "audit_key"}


def write_backup(
    database: Database, path: Path, settings: Mapping[str, str], secret: bytes | None, now: datetime, audit_key: bytes | None = None
) -> dict[str, Any]:
    """Write the archive (mode 0600); returns its manifest. An older file of that name stays until the new one is whole.

    `secret` is the master key, `audit_key` the file with which the audit is sealed; a restored log goes on only with its own.
    """
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            manifest = _write(database, file, settings, _keys(secret, audit_key), now)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _write(database: Database, file: IO[bytes], settings: Mapping[str, str], keys: Mapping[str, bytes], now: datetime) -> dict[str, Any]:
    with tarfile.open(fileobj=file, mode="w:gz") as archive, _snapshot(database) as connection:
        manifest: dict[str, Any] = {"format": _FORMAT, "revision": migrate.current(connection), "at": now.isoformat(), "tables": {}}
        for table in metadata.sorted_tables:
            lines = b"".join(_lines(connection, table))
            manifest["tables"][table.name] = {"rows": lines.count(b"\n"), "sha256": sha256(lines).hexdigest()}
            _add(archive, f"tables/{table.name}.jsonl", lines)
        _add(archive, "settings.json", json.dumps(dict(settings), indent=2).encode())
        for name, key in keys.items():
            _add(archive, name, key)
        _add(archive, "manifest.json", json.dumps(manifest, indent=2).encode())
    return manifest


def read_backup(database: Database, path: Path, settings: Settings) -> dict[str, Any]:
    """Restore into an empty database and check rows, hashes and the audit chain; nothing stays when a check fails.

    Raises `Malformed` for a damaged archive and `Conflict` when the database or the data folder holds something already.
    """
    members, manifest = _unpack(path)
    with database.read() as connection:
        _require_empty(connection)
    for name in _KEY_FILES:
        _require_place_for_key(name, members.get(name), settings)
    migrate.upgrade(database, manifest["revision"])
    with database.write() as connection:
        # Again, now that nobody else can write.
        _require_empty(connection)
        rows = _fill(connection, members, manifest)
        _check(connection, members, manifest)
        for name in _KEY_FILES:
            _place_key(name, members.get(name), settings)
    migrate.upgrade(database)
    return {"rows": rows, "revision": manifest["revision"], "at": manifest["at"], "audit": "whole"}


def _unpack(path: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The archive's members and its manifest, which agree. Nothing is written anywhere."""
    try:
        # Unpacked to its end first, because only there stands gzip's checksum of the whole.
        with gzip.open(path) as file, tarfile.open(fileobj=io.BytesIO(file.read()), mode="r:") as archive:
            members = {member.name: _content(archive, member) for member in archive.getmembers()}
        manifest = json.loads(members["manifest.json"])
        if manifest["format"] != _FORMAT or not {"revision", "at", "tables"} <= manifest.keys():
            raise ValueError("a manifest of another form")
    except (tarfile.TarError, OSError, EOFError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise _damaged(str(path)) from error
    for name, about in manifest["tables"].items():
        if sha256(members.get(f"tables/{name}.jsonl", b"")).hexdigest() != about["sha256"]:
            raise _damaged(name)
    strange = members.keys() - {"manifest.json", "settings.json", *_KEY_FILES} - {f"tables/{name}.jsonl" for name in manifest["tables"]}
    if strange:
        raise _damaged(f"{path}: {min(strange)}")
    if not migrate.knows(manifest["revision"]):
        text = Text(zh="备份来自更新版本的程序,请先升级", en="the backup was made by a newer version of the program; upgrade first")
        raise Conflict("backup_newer", text, revision=manifest["revision"])
    return members, manifest


def _keys(secret: bytes | None, audit_key: bytes | None) -> dict[str, bytes]:
    found = {"secret.key": None if secret is None else base64.b64encode(secret), AUDIT_KEY: audit_key}
    return {name: key for name, key in found.items() if key is not None}


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    with database.read() as connection:
        if not database.is_sqlite:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    # Instants leave as their stored integers, so that nothing is rounded on the way.
    columns = [type_coerce(c, BigInteger).label(c.name) if isinstance(c.type, Instant) else c for c in table.columns]
    for row in connection.execute(select(*columns).order_by(*table.primary_key.columns)).mappings():
        values = {name: _dump(value) for name, value in row.items()}
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _dump(value: Any) -> Any:
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _load(table: Table, line: bytes) -> dict[str, Any]:
    values = json.loads(line)
    for name, value in values.items():
        kind = table.columns[name].type
        if value is not None and isinstance(kind, Instant):
            values[name] = from_micros(value)
        elif value is not None and isinstance(kind, LargeBinary):
            values[name] = base64.b64decode(value["b64"])
    return dict(values)


def _require_empty(connection: Connection) -> None:
    standing = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in standing and connection.execute(select(func.count()).select_from(table)).scalar_one():
            text = Text(zh=f"数据库不是空的(表 {table.name} 有数据)", en=f"the database is not empty (table {table.name} has rows)")
            raise Conflict("database_not_empty", text)


def _fill(connection: Connection, members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> int:
    total = 0
    for table in metadata.sorted_tables:
        if table.name not in manifest["tables"]:
            continue
        rows = [_load(table, line) for line in members[f"tables/{table.name}.jsonl"].splitlines()]
        for start in range(0, len(rows), _CHUNK_ROWS):
            connection.execute(table.insert(), rows[start : start + _CHUNK_ROWS])
        total += len(rows)
    return total


def _check(connection: Connection, members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    for table in metadata.sorted_tables:
        # Sorted, because a database with another collation gives the same rows in another order.
        if table.name in manifest["tables"] and sorted(_lines(connection, table)) != sorted(members[f"tables/{table.name}.jsonl"].splitlines(True)):
            raise _damaged(table.name)
    fault = first_fault(connection)
    if fault is not None:
        raise _damaged(f"audit, {fault.words().en}")


def _require_place_for_key(name: str, key: bytes | None, settings: Settings) -> None:
    path, setting = settings.data_dir / name, _KEY_FILES[name]
    given = getattr(settings, setting)
    if key is None:
        return
    if given:
        if base64.b64encode(base64.b64decode(given)) != key:
            variable = f"SHEEPDOG_{setting.upper()}"
            text = Text(zh=f"{variable} 不是这个备份的密钥", en=f"{variable} is not the backup's key; unset it or give the right one")
            raise Conflict("secret_exists", text)
    elif path.exists() and path.read_bytes().strip() != key:
        text = Text(zh=f"{path} 已有另一把密钥", en=f"{path} holds another key already; restore into an empty data folder")
        raise Conflict("secret_exists", text)


def _place_key(name: str, key: bytes | None, settings: Settings) -> None:
    path = settings.data_dir / name
    if key is None or getattr(settings, _KEY_FILES[name]) or path.exists():
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    archive.addfile(member, io.BytesIO(data))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        raise _damaged(member.name)
    return file.read()


def _damaged(what: str) -> Malformed:
    return Malformed("backup_damaged", Text(zh=f"备份已损坏:{what}", en=f"the backup is damaged: {what}"))
