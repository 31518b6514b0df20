"""`sheepdog audit …`: the log checked, proved, exported and signed anew from the command line."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.wiring import build_services
from core.audit.sealer import seal_once
from core.clock import SystemClock
from core.config import load_settings
from tests.cli.conftest import Shell

WHOLE = "the audit log is whole up to its last seal"


@pytest.fixture
def sealed(people: dict[str, Shell]) -> dict[str, Shell]:
    """The people's own making is in the log, and sealed; `auditor` is the platform's compliance."""
    root = people["root"]
    root.ok("principals", "create", "auditor", "--merchant", "*")
    people["auditor"] = root.with_key(root.ok("keys", "create", "auditor", "--merchant", "*", "--scope", "compliance"))
    seal(root)
    return people


def seal(shell: Shell) -> None:
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(shell.folder)}))
    while seal_once(services.database, SystemClock().now(), services.audit_keys):
        pass
    services.database.engine.dispose()


def tamper(shell: Shell, statement: str, *values: Any) -> None:
    with sqlite3.connect(shell.folder / "sheepdog.db") as connection:
        for name in ("audit_entries_no_update", "audit_entries_no_delete", "audit_seals_no_delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute(statement, values)
    connection.close()


def test_a_whole_log_says_what_it_does_not_exclude(sealed: dict[str, Shell]) -> None:
    said = sealed["compliance"].ok("audit", "verify")
    assert said.startswith(WHOLE)
    assert "no checkpoint was compared: truncation of the log's end after 20" in said
    assert "the public key at hand vouches for" in said
    chinese = sealed["compliance"].ok("audit", "verify", "--lang", "zh")
    assert chinese.startswith("审计日志完整(至最后一次封存)")
    found = sealed["compliance"].json("audit", "verify")
    assert (found["whole"], found["fault"], found["entry"], found["key_compared"]) == (True, None, None, True)
    assert found["truncation_excluded_until"] is None
    assert found["checked"] == found["size"] > 5


def test_tampering_is_named_with_the_entry_and_exit_code_1(sealed: dict[str, Shell]) -> None:
    tamper(sealed["root"], "UPDATE audit_entries SET actor = 'nobody' WHERE seq = 3")
    found = sealed["compliance"].json("audit", "verify", code=1)
    assert (found["whole"], found["fault"], found["seq"], found["columns"]) == (False, "columns", 3, ["actor"])
    assert found["entry"].startswith("aud_")
    done = sealed["compliance"].run("audit", "verify")
    assert done.exit_code == 1
    assert f"place 3, entry {found['entry']} (actor): columns were altered" in done.stdout


def test_what_could_not_be_checked_is_exit_code_3(sealed: dict[str, Shell], tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    for arguments, code in (
        (("--checkpoint", str(tmp_path / "x")), "bad_checkpoint"),
        (("--checkpoint", str(tmp_path / "none")), "file_unreadable"),
        (("--public-key", str(tmp_path / "x")), "bad_public_key"),
        (("--export", str(tmp_path / "x")), "bad_export"),
        (("--export", str(tmp_path / "none")), "file_unusable"),
        (("--since", "soon"), "bad_since"),
    ):
        done = sealed["compliance"].run("audit", "verify", *arguments)
        assert (done.exit_code, done.stdout) == (3, ""), done.output
        assert f"[{code}]" in done.stderr or code == "file_unusable"
    assert sealed["marketer"].run("audit", "verify").exit_code == 3
    assert sealed["compliance"].run("audit", "verify", "--export", "x", "--since", "1").exit_code == 2


def test_a_checkpoint_proves_that_the_end_is_still_there(sealed: dict[str, Shell], tmp_path: Path) -> None:
    kept = str(tmp_path / "checkpoint.json")
    sealed["compliance"].ok("audit", "checkpoint", "--out", kept)
    sealed["root"].ok("principals", "create", "later", "--merchant", "*")
    seal(sealed["root"])
    assert "nothing was cut off before the checkpoint of 20" in sealed["compliance"].ok("audit", "verify", "--checkpoint", kept)
    for table, column in (("audit_entries", "seq"), ("audit_seals", "size")):
        tamper(sealed["root"], f"DELETE FROM {table} WHERE {column} > 0")
    assert sealed["compliance"].ok("audit", "verify").startswith(WHOLE)
    found = sealed["compliance"].json("audit", "verify", "--checkpoint", kept, code=1)
    assert (found["fault"], found["seq"]) == ("truncated", 1)


def test_verification_may_begin_late(sealed: dict[str, Shell]) -> None:
    sealed["root"].ok("principals", "create", "later", "--merchant", "*")
    seal(sealed["root"])
    assert sealed["compliance"].json("audit", "verify", "--since", "2")["checked"] == 1
    assert sealed["compliance"].json("audit", "verify", "--since", "2999-01-01")["checked"] == 0
    assert sealed["compliance"].json("audit", "verify", "--since", "2020-01-01T00:00:00+08:00")["seals"] == 2


def test_an_export_is_verified_with_the_public_key_alone(sealed: dict[str, Shell], tmp_path: Path) -> None:
    export, key = str(tmp_path / "audit.jsonl"), str(tmp_path / "key.pem")
    sealed["auditor"].ok("audit", "export", export)
    sealed["nobody"].ok("audit", "key", "--out", key)
    # No data folder, no service, no API key.
    outside = Shell(tmp_path / "nowhere")
    found = outside.json("audit", "verify", "--export", export, "--public-key", key)
    assert (found["whole"], found["key_compared"], found["checked"]) == (True, True, found["size"])
    assert not outside.folder.exists()
    lines = Path(export).read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line) for line in lines)
    assert sum('"key.created"' in line for line in lines) > 3
    assert "compared with none kept outside" in outside.ok("audit", "verify", "--export", export)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda lines: [line.replace('"key.created"', '"key.revoked"') for line in lines], "changed"),
        (lambda lines: lines[:3] + lines[4:], "removed"),
        (lambda lines: [*lines[:3], lines[3].replace("[3,", "[2,"), *lines[3:]], "inserted"),
        (lambda lines: [*lines[:2], lines[3].replace("[3,", "[2,"), lines[2].replace("[2,", "[3,"), *lines[4:]], "reordered"),
        (lambda lines: [line.replace('\\"size\\":', '\\"size\\":1') if line.startswith('{"head"') else line for line in lines], "seal_forged"),
        (lambda lines: ['{"head":1}' if line.startswith('{"head"') else line for line in lines], "seal_forged"),
        (lambda lines: [*lines, '[99,"entry",{"id":"aud_x"}]'], "placed_without_seal"),
        (lambda lines: [*lines[:2], "garbage", *lines[3:]], "inserted"),
    ],
)
def test_an_export_that_was_tampered_with(sealed: dict[str, Shell], tmp_path: Path, change: Any, fault: str) -> None:
    export = tmp_path / "audit.jsonl"
    sealed["auditor"].ok("audit", "export", str(export))
    export.write_text("\n".join(change(export.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    assert Shell(tmp_path / "nowhere").json("audit", "verify", "--export", str(export), code=1)["fault"] == fault


def test_a_merchants_export_shows_its_own_records_and_verifies_as_a_whole(sealed: dict[str, Shell], tmp_path: Path) -> None:
    export = tmp_path / "audit.jsonl"
    sealed["compliance"].ok("audit", "export", str(export))
    rows = [json.loads(line) for line in export.read_text(encoding="utf-8").splitlines() if line.startswith("[")]
    shown, hidden = [row for row in rows if row[1] == "entry"], [row for row in rows if row[1] == "hash"]
    assert {row[2]["merchant"] for row in shown} == {"teashop"}
    assert len(hidden) > 2
    assert Shell(tmp_path / "nowhere").json("audit", "verify", "--export", str(export))["whole"]


def test_a_disk_that_is_full_leaves_no_half_file(sealed: dict[str, Shell], tmp_path: Path) -> None:
    """The limit on a file's size stands in for the disk: the write fails half way, as it would there."""
    export = tmp_path / "audit.jsonl"
    export.write_text("the older one")
    code = "import sys; from api.cli.main import main; sys.exit(main(sys.argv[1:]))"
    env = {
        "PATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SHEEPDOG_DATA_DIR": str(sealed["root"].folder),
        "SHEEPDOG_LANG": "en",
        "SHEEPDOG_API_KEY": str(sealed["auditor"].env["SHEEPDOG_API_KEY"]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, "audit", "export", str(export)],
        cwd=Path(__file__).parents[2],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert done.returncode == 1
    assert "no file was left  [export_not_written]" in done.stderr
    assert export.read_text() == "the older one"
    assert [path.name for path in tmp_path.glob("audit*")] == ["audit.jsonl"]


def test_a_proof_is_for_the_records_own_merchant_and_the_platform(sealed: dict[str, Shell], tmp_path: Path) -> None:
    entries = sealed["compliance"].json("audit", "list")
    proof = sealed["compliance"].json("audit", "prove", entries[0]["id"])
    assert (proof["kind"], proof["id"]) == ("entry", entries[0]["id"])
    sealed["compliance"].ok("audit", "prove", entries[0]["id"], "--out", str(tmp_path / "proof.json"))
    assert json.loads((tmp_path / "proof.json").read_text(encoding="utf-8")) == proof
    with sqlite3.connect(sealed["root"].folder / "sheepdog.db") as connection:
        [platform] = connection.execute("SELECT id FROM audit_entries WHERE merchant = '*' LIMIT 1").fetchone()
    connection.close()
    assert "[record_not_found]" in sealed["compliance"].refused("audit", "prove", platform)
    assert sealed["auditor"].json("audit", "prove", platform)["id"] == platform
    assert "scope" in sealed["marketer"].refused("audit", "prove", platform)


def test_the_key_is_rotated_by_the_platforms_admin(sealed: dict[str, Shell], tmp_path: Path) -> None:
    before, after = str(tmp_path / "before.pem"), str(tmp_path / "after.pem")
    sealed["nobody"].ok("audit", "key", "--out", before)
    assert "[platform_only]" in sealed["admin"].refused("audit", "rotate-key")
    assert "has taken the place of" in sealed["root"].ok("audit", "rotate-key")
    sealed["nobody"].ok("audit", "key", "--out", after)
    assert Path(before).read_text() != Path(after).read_text()
    for kept in (before, after):
        found = sealed["compliance"].json("audit", "verify", "--public-key", kept)
        assert (found["whole"], len(found["keys"])) == (True, 2)


def test_a_log_without_seals_is_whole_and_has_no_key(people: dict[str, Shell]) -> None:
    assert people["compliance"].ok("audit", "verify") == f"{WHOLE}: there is none yet"
    assert "[no_audit_key]" in people["nobody"].refused("audit", "key")
    assert "[no_checkpoint]" in people["compliance"].refused("audit", "checkpoint")


def test_the_anchors_file_is_held_against_the_log_by_itself(sealed: dict[str, Shell], tmp_path: Path) -> None:
    anchored = tmp_path / "outside.jsonl"
    sealed["compliance"].ok("audit", "checkpoint", "--out", str(tmp_path / "one.json"))
    anchored.write_text(json.dumps(json.loads((tmp_path / "one.json").read_text())) + "\n")
    env = {"SHEEPDOG_AUDIT_ANCHOR_FILE": str(anchored)}
    assert sealed["compliance"].json("audit", "verify", env=env)["truncation_excluded_until"] is not None
