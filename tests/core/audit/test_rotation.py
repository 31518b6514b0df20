"""Keys come, go and are lost; whoever kept one of them can follow, and nobody else is believed."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from sqlalchemy import event

from core.audit import keys as keys_module
from core.audit.faults import What
from core.audit.keys import SigningKeys, from_pem, key_id, public_of, to_pem
from core.audit.rotate import rotate_key
from core.audit.verify import Report
from core.errors import Conflict, Malformed, Unavailable
from tests.core.audit.ledgers import Log


def rotate(log: Log, lost: bool = False) -> bytes:
    return rotate_key(log.database, log.keys, "prn_root", log.now, lost)[1]


def public(log: Log) -> bytes:
    found = log.keys.public()
    assert found is not None
    return found


def test_the_old_key_names_the_new_one_and_either_vouches_for_the_whole(log: Log) -> None:
    log.filled(3)
    old = public(log)
    new = rotate(log)
    assert new == public(log) != old
    log.filled(0)
    log.entry("after")
    log.seal()
    for kept in (old, new):
        report = log.verify(trusted=[kept])
        assert (report.whole, report.key_compared, report.unnamed_keys) == (True, True, [])
        assert set(report.keys) == {key_id(old), key_id(new)}
    body = log.one("SELECT body FROM audit_entries WHERE action = 'audit.key_rotated'")
    assert key_id(old).encode() in bytes(body)
    assert key_id(new).encode() in bytes(body)


def test_a_key_that_was_lost_is_followed_only_by_who_is_told(log: Log, tmp_path: Path) -> None:
    log.filled(3)
    old = public(log)
    log.keys = SigningKeys(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="audit_key_missing"):
        rotate(log)
    new = rotate(log, lost=True)
    log.seal()
    assert log.one("SELECT count(*) FROM audit_entries WHERE action = 'audit.key_replaced' AND seq IS NOT NULL") == 1
    fault = log.verify(trusted=[old]).fault
    assert fault is not None
    assert (fault.what, fault.seal) == (What.KEY_FORGED, 2)
    told: Report = log.verify(trusted=[new])
    assert (told.whole, told.unnamed_keys) == (True, [2])


@pytest.mark.parametrize("committed", [True, False])
def test_a_rotation_that_is_killed_leaves_the_key_that_the_log_names(log: Log, monkeypatch: pytest.MonkeyPatch, committed: bool) -> None:
    log.filled(3)
    old = public(log)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    if committed:
        monkeypatch.setattr(SigningKeys, "adopt_next", die)
    else:
        event.listen(log.database.engine, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        rotate(log)
    monkeypatch.undo()
    log.database.engine.dispose()
    if not committed:
        event.remove(log.database.engine, "commit", die)
    assert public(log) == old
    assert log.keys.next_file.exists()
    log.entry("after")
    log.seal()
    assert (public(log) != old) == committed
    assert log.verify(trusted=[old]).whole
    assert log.verify(trusted=[public(log)]).whole
    rotate(log)
    log.seal()
    assert log.verify(trusted=[old]).whole


def test_a_log_may_begin_with_a_rotation(log: Log) -> None:
    rotate(log)
    log.seal()
    assert log.verify(trusted=[public(log)]).whole


def test_a_key_from_a_setting_is_changed_by_whoever_keeps_the_settings(log: Log, tmp_path: Path) -> None:
    given = base64.b64encode(bytes(range(32))).decode()
    log.keys = SigningKeys(tmp_path / "setting", given)
    log.filled(3)
    new = rotate(log)
    assert log.keys.from_setting
    assert log.keys.secret() is None
    assert public(log) != new
    after = SigningKeys(tmp_path / "other-machine", log.keys.next_file.read_text())
    log.keys = after
    assert public(log) == new
    assert log.seal() == 1
    assert log.verify(trusted=[new]).whole


def test_the_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "new")
    assert keys.public() is None
    assert not (tmp_path / "new").exists()
    made = keys.for_new_log()
    assert public_of(SigningKeys(tmp_path / "new").for_new_log()) == public_of(made)
    assert stat.S_IMODE((tmp_path / "new" / "audit.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["audit.key"]


@pytest.mark.parametrize("content", ["", "short", base64.b64encode(bytes(31)).decode(), "é"])
def test_a_file_that_holds_no_key_is_told_and_never_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "audit.key").write_text(content, encoding="utf-8")
    with pytest.raises(Unavailable) as caught:
        SigningKeys(tmp_path).for_new_log()
    assert caught.value.code == "audit_key_unreadable"
    assert (tmp_path / "audit.key").read_text(encoding="utf-8") == content


def test_public_keys_are_read_as_they_are_written_and_nothing_else_is(tmp_path: Path) -> None:
    one, other = (public_of(SigningKeys(tmp_path / name).for_new_log()) for name in "ab")
    assert from_pem((to_pem(one) + to_pem(other)).encode()) == [one, other]
    for bad in (b"", b"x", to_pem(one).encode().replace(b"MC", b"XX")):
        with pytest.raises(Malformed):
            from_pem(bad)


def test_a_rotation_to_the_same_key_is_refused(log: Log) -> None:
    log.filled(1)
    (log.keys.next_file).write_bytes(log.keys.secret() or b"")
    with pytest.raises(Conflict) as caught:
        rotate(log)
    assert caught.value.code == "audit_key_same"
    assert keys_module.FILE == "audit.key"
