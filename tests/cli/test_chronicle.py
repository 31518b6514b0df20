"""`sheepdog audit find | timeline | report | extract`: questions on the command line, and tables with a manifest that gives changes away."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from api.chronicle import extract
from tests.cli.conftest import Shell

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "new-user-coupon.yaml")


@pytest.fixture
def compliance(people: dict[str, Shell]) -> Shell:
    """Of a shop that published a campaign."""
    made = people["marketer"].json("campaign", "publish", EXAMPLE, "--note", "=cmd|' /C calc'!A0")
    people["compliance"].ok("approvals", "approve", made["approval_id"], "--reason", "看过了")
    return people["compliance"]


def test_entries_are_told_in_words_of_the_readers_language(compliance: Shell) -> None:
    english, chinese = (compliance.ok("audit", "find", "--campaign", "new-user-coupon", "--version", "1", "--lang", lang) for lang in ("en", "zh"))
    assert "wang-fang approved the publication of new-user-coupon@1: 看过了" in english
    assert "wang-fang 批准发布活动 new-user-coupon@1:看过了" in chinese
    assert compliance.json("audit", "find", "--actor", "li-ming", "--action", "campaign.")[0]["action"] == "campaign.publish.proposed"
    assert compliance.json("audit", "find", "--user", "nobody") == []
    assert "[bad_time]" in compliance.refused("audit", "find", "--since", "monday")


def test_a_month_goes_to_paper_and_to_a_spreadsheet(compliance: Shell, tmp_path: Path) -> None:
    month = compliance.json("audit", "find", "--limit", "1")[0]["at"][:7]
    html, table = tmp_path / "m.html", tmp_path / "m.csv"
    compliance.ok("audit", "report", "new-user-coupon", "--month", month, "--html", str(html), "--csv", str(table), "--lang", "zh")
    assert "审批" in html.read_text(encoding="utf-8")
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "[bad_month]" in compliance.refused("audit", "report", "new-user-coupon", "--month", "November")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tables_come_with_a_manifest_that_gives_changes_away(compliance: Shell, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "out"
    manifest = compliance.json("audit", "extract", str(folder), "--format", form)
    assert sorted(one["name"] for one in manifest["files"]) == sorted(f"{name}.{form}" for name in extract.PARTS)
    for one in manifest["files"]:
        data = (folder / one["name"]).read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (one["bytes"], one["sha256"])
    rows = read(folder / f"entries.{form}", form)
    assert len(rows) == next(one["rows"] for one in manifest["files"] if one["name"].startswith("entries")) > 2
    assert {json.loads(row["body"])["action"] for row in rows} >= {"campaign.live"}
    assert compliance.ok("audit", "check-extract", str(folder)) == "every file is what the manifest says"
    (folder / f"entries.{form}").write_bytes(b"x")
    (folder / f"cases.{form}").unlink()
    assert compliance.json("audit", "check-extract", str(folder), code=1)["changed"] == [f"entries.{form}", f"cases.{form}"]
    assert "[folder_exists]" in compliance.refused("audit", "extract", str(folder))
    assert compliance.json("audit", "find", "--action", "data.extracted")[0]["detail"]["files"]


def test_of_a_table_words_are_marked_and_numbers_are_not(tmp_path: Path) -> None:
    rows = [[-5, "-5", "＝1", "\n=1", None, "a"]]
    extract._as_csv(tmp_path / "t.csv", extract.Part(extract.PARTS["cases"].table, "opened_at", tuple("abcdef")), [rows])
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1] == ["-5", "'-5", "'＝1", "'\n=1", "", "a"]


def test_a_disk_that_is_full_leaves_nothing_behind(compliance: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device", str(tmp_path / "out"))

    monkeypatch.setitem(extract._WRITERS, "csv", full)
    (tmp_path / "there").mkdir()
    assert "No space left" in compliance.refused("audit", "extract", str(tmp_path / "there" / "out"))
    assert list((tmp_path / "there").iterdir()) == []


def test_who_may_not_ask(people: dict[str, Shell], tmp_path: Path) -> None:
    for command in (["find"], ["timeline", "rwd_1"], ["extract", str(tmp_path / "o")], ["report", "c", "--month", "2026-11"]):
        assert "[scope_missing]" in people["shop"].refused("audit", *command)
    assert not (tmp_path / "o").exists()


def read(path: Path, form: str) -> list[dict[str, Any]]:
    if form == "parquet":
        return list(pyarrow.parquet.read_table(path).to_pylist())
    if form == "jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
