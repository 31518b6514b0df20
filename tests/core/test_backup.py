"""A backup of either database restores into either, whole or not at all; a damaged one is told."""

from __future__ import annotations

import gzip
import io
import json
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from core.access.approvals import decide, propose
from core.access.principals import add_principal, create_key
from core.audit.keys import SigningKeys
from core.audit.sealer import seal_once
from core.audit.verify import first_fault
from core.config import Settings
from core.db import migrate
from core.db.backup import read_backup, write_backup
from core.db.engine import Database, open_database
from core.db.tables import api_keys, approvals, audit_entries, principals, subjects
from core.errors import Conflict, Malformed
from core.jobs.outbox import announce
from core.jobs.timers import set_timer
from core.privacy.subjects import find_subject, subject_for
from core.privacy.vault import Vault
from tests.conftest import fresh_postgres, sqlite_url

NOW = datetime(2026, 11, 20, 1, 2, 3, 456789, tzinfo=UTC)
SECRET = bytes(range(32))
NAMES = ("ada", "Ada", "a-da", "a da", "艾达", "\u2028", "z", "_")


def fill(database: Database, vault: Vault, keys: Path) -> None:
    """Rows of every kind of column, with names whose order differs between languages."""
    with database.write() as connection:
        people = [add_principal(connection, merchant=f"m{name}", kind="person", name=name, actor="system", now=NOW) for name in NAMES]
        create_key(connection, principal_id=people[0], scopes=["shop"], actor="system", now=NOW, expires_at=NOW, key="shd_given")
        asked = propose(connection, merchant="m", kind="k", target="t", content_hash="a" * 64, editors=people[:2], note="双十一\r\n", now=NOW)
        decide(connection, approval_id=asked, approve=True, by=people[2], reason="", content_hash="a" * 64, now=NOW)
        subject_for(connection, vault, "m", "u1", NOW)
        set_timer(connection, merchant="m", kind="k", ref="r", due_at=NOW)
        announce(connection, merchant="m", topic="t", ref="r", body={"字": "\u2029"}, now=NOW)
    seal_once(database, NOW, SigningKeys(keys))


@pytest.fixture
def archive(database: Database, vault: Vault, tmp_path: Path) -> Path:
    fill(database, vault, tmp_path / "keys")
    path = tmp_path / "backup.tar.gz"
    write_backup(database, path, {"port": "8470"}, SECRET, NOW, SigningKeys(tmp_path / "keys").secret())
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Another database, without a schema."""
    (tmp_path / "other").mkdir()
    with ExitStack() as stack:
        url = (
            sqlite_url(tmp_path / "other", schema=False)
            if request.param == "sqlite"
            else stack.enter_context(fresh_postgres(request.getfixturevalue("postgres_url"), schema=False))
        )
        opened = open_database(url)
        stack.callback(opened.engine.dispose)
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "restored")


def rows(connection: Connection) -> list[object]:
    tables = (principals, api_keys, approvals, subjects, audit_entries)
    return [sorted(map(repr, (tuple(row) for row in connection.execute(select(table))))) for table in tables]


def rebuilt(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with some of its members changed."""
    with tarfile.open(path, "r:gz") as archive:
        members = {member.name: (archive.extractfile(member) or io.BytesIO()).read() for member in archive.getmembers()}
    change(members)
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return path


def test_what_was_saved_comes_back_whole(database: Database, vault: Vault, archive: Path, empty: Database, settings: Settings) -> None:
    report = read_backup(empty, archive, settings)
    assert (report["audit"], report["at"], report["revision"]) == ("whole", NOW.isoformat(), migrate.newest())
    with database.read() as before, empty.read() as after:
        assert rows(after) == rows(before)
        assert first_fault(after) is None
        assert find_subject(after, vault, "m", "u1") == find_subject(before, vault, "m", "u1")
    key = settings.data_dir / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_restored_log_goes_on_with_its_own_key(archive: Path, empty: Database, settings: Settings) -> None:
    read_backup(empty, archive, settings)
    assert stat.S_IMODE((settings.data_dir / "audit.key").stat().st_mode) == 0o600
    with empty.write() as connection:
        add_principal(connection, merchant="m", kind="person", name="later", actor="system", now=NOW)
    assert seal_once(empty, NOW, SigningKeys(settings.data_dir)) == 1


def test_only_the_owner_reads_a_backup_and_its_manifest_counts_the_rows(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as opened:
        file = opened.extractfile("manifest.json")
        assert file is not None
        manifest = json.load(file)
        assert {member.mode for member in opened.getmembers()} == {0o600}
    assert manifest["tables"]["principals"]["rows"] == len(NAMES)
    assert manifest["tables"].keys() >= {"principals", "audit_entries", "transfers", "decisions"}


def test_a_backup_without_the_secret_places_none(database: Database, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "b.tar.gz"
    write_backup(database, path, {}, None, NOW)
    restored = open_database(f"sqlite:///{tmp_path / 'restored.db'}")
    read_backup(restored, path, settings)
    restored.engine.dispose()
    assert not (settings.data_dir / "secret.key").exists()


def test_a_database_that_holds_something_is_left_alone(database: Database, archive: Path, settings: Settings) -> None:
    with pytest.raises(Conflict) as caught:
        read_backup(database, archive, settings)
    assert caught.value.code == "database_not_empty"
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(principals)).scalar_one() == len(NAMES)


@pytest.mark.parametrize("name", ["secret.key", "audit.key"])
def test_another_key_in_the_data_folder_is_never_overwritten(name: str, archive: Path, empty: Database, settings: Settings) -> None:
    settings.data_dir.mkdir()
    key = settings.data_dir / name
    key.write_bytes(b"another")
    with pytest.raises(Conflict) as caught:
        read_backup(empty, archive, settings)
    assert (caught.value.code, key.read_bytes()) == ("secret_exists", b"another")


def _lose_a_row(members: dict[str, bytes]) -> None:
    members["tables/principals.jsonl"] = members["tables/principals.jsonl"].split(b"\n", 1)[1]


def _lose_a_table(members: dict[str, bytes]) -> None:
    del members["tables/principals.jsonl"]


def _lose_the_manifest(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def _lose_the_tables(members: dict[str, bytes]) -> None:
    members["manifest.json"] = b"{}"


def _come_from_the_future(members: dict[str, bytes]) -> None:
    members["manifest.json"] = json.dumps({**json.loads(members["manifest.json"]), "format": 2}).encode()


@pytest.mark.parametrize("change", [_lose_a_row, _lose_a_table, _lose_the_manifest, _lose_the_tables, _come_from_the_future])
def test_a_damaged_backup_leaves_nothing(archive: Path, empty: Database, settings: Settings, change: Callable[[dict[str, bytes]], None]) -> None:
    with pytest.raises(Malformed) as caught:
        read_backup(empty, rebuilt(archive, change), settings)
    assert caught.value.code == "backup_damaged"
    assert not (settings.data_dir / "secret.key").exists()
    with empty.read() as connection:
        assert migrate.current(connection) is None


@pytest.mark.parametrize(
    "data", [b"", b"not a backup", gzip.compress(b"x" * 2000), gzip.compress(bytes(4096))], ids=["empty", "text", "gzip of text", "gzip of zeros"]
)
def test_what_is_no_backup_is_told(empty: Database, settings: Settings, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(Malformed) as caught:
        read_backup(empty, tmp_path / "x", settings)
    assert caught.value.code == "backup_damaged"


@pytest.mark.parametrize("part", [0.01, 0.2, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("cut", [True, False])
def test_a_backup_that_is_cut_short_or_rotten_is_told(archive: Path, settings: Settings, part: float, cut: bool) -> None:
    data = archive.read_bytes()
    at = int(len(data) * part)
    archive.write_bytes(data[:at] if cut else data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 8]) + data[at + 8 :])
    unused = open_database("sqlite:////nonexistent/x.db")
    with pytest.raises(Malformed) as caught:
        read_backup(unused, archive, settings)
    assert caught.value.code == "backup_damaged"


def test_a_backup_whose_audit_was_rewritten_is_refused(database: Database, vault: Vault, tmp_path: Path, empty: Database, settings: Settings) -> None:
    fill(database, vault, tmp_path / "keys")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_entries_no_update" + ("" if database.is_sqlite else " ON audit_entries")))
        connection.execute(text("UPDATE audit_entries SET body = :b WHERE seq = 3"), {"b": b"{}"})
    write_backup(database, tmp_path / "b.tar.gz", {}, SECRET, NOW)
    with pytest.raises(Malformed, match="its bytes were changed"):
        read_backup(empty, tmp_path / "b.tar.gz", settings)
    with empty.read() as connection:
        assert connection.execute(select(func.count()).select_from(principals)).scalar_one() == 0
