"""`sheepdog approvals`: a file of rules checked and adopted at a start, words lent and taken back, and what only two start again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from api.approving import adopt_rules, wanted_rules
from core.clock import SystemClock
from core.config import load_settings
from core.db.engine import open_database
from core.db.tables import audit_entries
from core.errors import Malformed, SettingsError
from tests.cli.conftest import Shell
from tests.e2e.service import coupon

OWN = "approvals: teashop\nkinds:\n  review.release: {above_fen: 500}\n  campaign.publish: {approvers: 2}\n"


def file(folder: Path, text: str) -> str:
    path = folder / "approvals.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def start(shell: Shell, **given: str) -> bool:
    """What worker and clerk do when they start."""
    settings = load_settings({"SHEEPDOG_DATA_DIR": str(shell.folder), **{f"SHEEPDOG_{name.upper()}": value for name, value in given.items()}})
    database = open_database(settings.effective_database_url)
    try:
        return adopt_rules(settings, database, SystemClock())
    finally:
        database.engine.dispose()


def test_a_file_is_checked_with_lines_and_fixes(shell: Shell, tmp_path: Path) -> None:
    assert "teashop" in shell.ok("approvals", "check", file(tmp_path, OWN))
    assert shell.ok("approvals", "check").startswith("✓ shipped")
    done = shell.run("approvals", "check", file(tmp_path, OWN.replace("release", "relase").replace("approvers: 2", "approvers: 12")), "--lang", "zh")
    assert done.exit_code == 1
    assert "approvals.yaml:3:3: 没有审批种类 'review.relase'  [unknown_kind]" in done.stdout
    assert "改法: 是否想写 review.release?" in done.stdout
    assert "approvals.yaml:4:33:" in done.stdout
    assert [one["line"] for one in shell.json("approvals", "check", file(tmp_path, "approvals: A\n"), code=1)["errors"]] == [1]


def test_a_start_adopts_the_file_once_and_the_audit_shows_each_change(people: dict[str, Shell], tmp_path: Path) -> None:
    shell, own = people["compliance"], file(tmp_path, OWN)
    assert people["root"].json("approvals", "rules", "--merchant", "teashop")["name"] == "shipped"
    assert [start(shell), start(shell), start(shell, approval_rules=own), start(shell, approval_rules=own), start(shell)] == [True, False, True, False, True]
    start(shell, approval_rules=own)
    shown = shell.ok("approvals", "rules").splitlines()
    assert shown[0].startswith("teashop  ")
    assert next(line.split() for line in shown if line.startswith("review.release")) == [
        "review.release",
        "1",
        "×",
        "compliance",
        "30",
        "days,",
        "0:00:00",
        ">",
        "500",
    ]
    adopted = shell.json("approvals", "rules")["adoptions"]
    assert [one["name"] for one in adopted] == ["teashop", "shipped", "teashop", "shipped"]
    database = open_database(load_settings({"SHEEPDOG_DATA_DIR": str(shell.folder)}).effective_database_url)
    with database.read() as connection:
        mine = audit_entries.c.action == "approvals.rules_adopted"
        entries = connection.execute(select(audit_entries).where(mine).order_by(audit_entries.c.id)).all()
    database.engine.dispose()
    assert [one.after_hash for one in entries] == [one["version"] for one in reversed(adopted)]
    assert [one.before_hash for one in entries] == [None, *(one.after_hash for one in entries[:-1])]
    assert all(b"review.release" in one.body for one in entries)


def test_a_file_that_is_wrong_or_contradicted_stops_the_start(people: dict[str, Shell], tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        start(people["nobody"], approval_rules=file(tmp_path, "approvals: x\nkinds: {nothing: {}}\n"))
    with pytest.raises(Malformed):
        start(people["nobody"], approval_rules=str(tmp_path / "missing.yaml"))
    with pytest.raises(SettingsError) as caught:
        start(people["nobody"], approval_rules=file(tmp_path, OWN), review_second_fen="100")
    assert "above_fen" in caught.value.problems[0].en
    # Without a file the older setting goes on to say the same.
    assert wanted_rules(load_settings({"SHEEPDOG_REVIEW_SECOND_FEN": "100"})).terms("review.release").above == 100


def test_words_are_lent_and_taken_back_and_two_agree(people: dict[str, Shell], tmp_path: Path) -> None:
    start(people["nobody"], approval_rules=file(tmp_path, OWN))
    people["root"].ok("principals", "create", "dan", "--merchant", "teashop")
    dan = people["root"].with_key(people["root"].ok("keys", "create", "dan", "--merchant", "teashop", "--scope", "marketer"))
    campaign = tmp_path / "c.yaml"
    campaign.write_text(coupon("new"))
    asked = people["marketer"].json("campaign", "publish", str(campaign))["approval_id"]
    assert people["compliance"].ok("approvals", "approve", asked) == "agreed; 1 of 2 people have"
    assert "[scope_missing]" in dan.refused("approvals", "approve", asked)
    lent = people["compliance"].json("approvals", "delegate", "dan", "--kind", "campaign.publish", "--days", "7", "--reason", "on leave")
    assert lent["id"] in people["marketer"].ok("approvals", "delegations")
    # The word is that of somebody who has spoken already.
    assert "[approval_decided]" in dan.refused("approvals", "approve", asked)
    assert people["compliance"].ok("approvals", "revoke", lent["id"]) == f"revoked {lent['id']}"
    assert people["marketer"].ok("approvals", "delegations") == "no word is lent"
    assert "[bad_time]" in people["compliance"].refused("approvals", "delegate", "dan", "--kind", "campaign.publish", "--reason", "r")


def test_one_stops_and_two_start(people: dict[str, Shell], tmp_path: Path) -> None:
    campaign = tmp_path / "c.yaml"
    campaign.write_text(coupon("run"))
    people["compliance"].ok("approvals", "approve", people["marketer"].json("campaign", "publish", str(campaign))["approval_id"])
    assert people["marketer"].ok("campaign", "pause", "run") == "run: paused"
    said = people["marketer"].ok("campaign", "resume", "run", "--reason", "stock is back")
    assert "[own_work]" not in people["compliance"].ok("approvals", "approve", said.split()[-1])
    assert people["marketer"].json("campaign", "show", "run")["status"] == "live"
    stopped = people["marketer"].json("rules", "stop", "new-user-claim", "device-farm", "--reason", "a campus")
    assert "new-user-claim/device-farm" in people["compliance"].ok("rules", "stops")
    asked = people["marketer"].json("rules", "start", stopped["id"])["approval_id"]
    people["compliance"].ok("approvals", "approve", asked)
    assert people["compliance"].ok("rules", "stops") == "no rule is stopped"
