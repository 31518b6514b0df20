"""People on the command line: told, shown, erased, with keys that change and rules that are carried out."""

from __future__ import annotations

import json
import stat

from tests.cli.conftest import Shell

WHY = ("--reason", "the customer asked")


def test_choices_make_a_person_who_is_exported_and_erased(people: dict[str, Shell], valkey_url: str) -> None:
    till, officer = (Shell(one.folder, {**one.env, "SHEEPDOG_REDIS_URL": valkey_url}) for one in (people["shop"], people["compliance"]))
    chosen = till.json("subject", "choose", "ann", "--marketing", "no", "--under-14", "no")
    assert (chosen["marketing"], chosen["sensitive_data"]) == (False, None)
    out = officer.folder / "ann.json"
    told = officer.json("subject", "export", "ann", *WHY, "--out", str(out))
    assert told["subject"] == chosen["subject"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["heading"]["zh"].startswith("关于您")
    assert "a****" in officer.ok("subject", "show", "ann", *WHY)
    shown = officer.ok("subject", "erase", "ann", *WHY)
    assert "erased:" in shown
    assert "E-Commerce Law, article 31" in shown
    assert "电子商务法第三十一条" in officer.ok("subject", "erase", chosen["subject"], "--by-id", *WHY, "--lang", "zh")
    assert officer.json("subject", "erase", "ann", *WHY)["state"] == "nothing_held"
    assert "[subject_not_found]" in officer.refused("subject", "export", "ann", *WHY)


def test_without_the_scope_nothing_is_learnt(people: dict[str, Shell]) -> None:
    for command in ("export", "erase", "show"):
        assert "[scope_missing]" in people["shop"].refused("subject", command, "ann", *WHY)
    assert "[scope_missing]" in people["marketer"].refused("subject", "choose", "ann", "--marketing", "no")


def test_clear_values_need_a_second_person(people: dict[str, Shell], valkey_url: str) -> None:
    officer, root = people["compliance"], people["root"]
    named = people["shop"].json("subject", "choose", "ann", "--marketing", "no")["subject"]
    assert "[unknown_field]" in officer.refused("subject", "unmask", named, "--field", "shoe", *WHY)
    approval = officer.json("subject", "unmask", named, "--field", "user", *WHY)["approval_id"]
    assert "[not_approved]" in officer.refused("subject", "unmasked", approval)
    root.ok("approvals", "approve", approval, "--merchant", "teashop", "--reason", "agreed")
    assert officer.json("subject", "unmasked", approval)["subject"] == named


def test_the_master_key_changes(people: dict[str, Shell]) -> None:
    root, till = people["root"], people["shop"]
    named = till.json("subject", "choose", "ann", "--marketing", "no")["subject"]
    before = (root.folder / "secret.key").read_text()
    assert "[platform_only]" in people["admin"].refused("privacy", "new-key")
    root.ok("privacy", "new-key")
    assert (root.folder / "secret.key.old").read_text() == before
    assert (root.folder / "secret.key").read_text() != before
    assert stat.S_IMODE((root.folder / "secret.key").stat().st_mode) == 0o600
    assert till.json("subject", "choose", "ann", "--marketing", "yes")["subject"] == named
    assert "[rotation_unfinished]" in root.refused("privacy", "new-key")
    assert root.json("privacy", "rotate-key")["rewrapped"] == 1
    assert root.json("privacy", "rotate-key")["rewrapped"] == 0
    (root.folder / "secret.key.old").unlink()
    assert till.json("subject", "choose", "ann", "--marketing", "no")["subject"] == named
    assert people["compliance"].json("subject", "export", "ann", *WHY)["subject"] == named
    given = {"SHEEPDOG_SECRET_KEY": (root.folder / "secret.key").read_text()}
    assert len(root.json("privacy", "new-key", env=given)["secret_key"]) == 88


def test_retention_is_told_and_carried_out(people: dict[str, Shell]) -> None:
    root = people["root"]
    shown = root.json("privacy", "retention", "--dry-run")
    assert shown["dry_run"] is True
    assert {one["kind"]: one["rows"] for one in shown["kinds"]}["replies"] == 0
    assert {one["kind"]: one["rows"] for one in shown["kinds"]}["audit"] is None
    assert "for ever" in root.ok("privacy", "retention")
    bad = root.folder / "bad.yaml"
    bad.write_text("retention: x\nkeep:\n  ledger: {for: 1d, because: {zh: 无, en: none}}\n")
    told = root.json("privacy", "retention", code=1, env={"SHEEPDOG_RETENTION_FILE": str(bad)})
    assert {"file": "bad.yaml", "line": 3, "column": 17, "code": "below_floor"}.items() <= next(
        one for one in told["errors"] if one["code"] == "below_floor"
    ).items()
