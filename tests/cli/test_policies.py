"""Published policies on the command line: proposed from a file, listed, compared, brought back, by people with keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.fraud.rulesets.shelf import policy_file


@pytest.fixture
def files(tmp_path: Path) -> dict[int, str]:
    """Files that differ in their threshold, by it."""
    found = {}
    for threshold in (3, 5):
        path = tmp_path / f"claims-{threshold}.yaml"
        path.write_text(policy_file(threshold))
        found[threshold] = str(path)
    return found


def publish(people: dict[str, Shell], file: str, *more: str) -> dict[str, object]:
    made = people["marketer"].json("rules", "publish", file, *more)
    people["compliance"].ok("approvals", "approve", made["approval_id"])
    return dict(made)


def test_a_file_is_proposed_and_approved_by_two_people(people: dict[str, Shell], files: dict[int, str]) -> None:
    said = people["marketer"].ok("rules", "publish", files[3], "--note", "farms")
    approval = said.split()[-1]
    assert f"claims version 1 is proposed. A second person puts it live within two seconds:\n  sheepdog approvals approve {approval}" == said
    assert "[own_work]" not in people["compliance"].ok("approvals", "approve", approval)
    rows = people["compliance"].json("rules", "list")
    assert [(row["id"], row["live_version"]) for row in rows if row["origin"] == "merchant"] == [("claims", 1)]
    assert "new-user-claim" in [row["id"] for row in rows if row["origin"] == "shipped"]
    assert "claims" in people["marketer"].ok("rules", "list")


def test_versions_are_shown_compared_and_brought_back(people: dict[str, Shell], files: dict[int, str]) -> None:
    publish(people, files[3], "--note", "first")
    publish(people, files[5], "--note", "second", "--base", "1")
    marketer = people["marketer"]
    assert marketer.ok("rules", "diff", "claims", "1", "2") == "~ rule farm when: accounts >= 3 → 5"
    assert marketer.json("rules", "diff", "claims", "2", "1")[0]["new"] == "3"
    back = marketer.json("rules", "rollback", "claims", "1", "--note", "too mild")
    shown = marketer.json("rules", "show", "claims")
    assert [(one["version"], one["state"], one["note"], one["based_on"]) for one in shown["versions"]] == [
        (1, "retired", "first", None),
        (2, "live", "second", 1),
        (3, "proposed", "too mild", 1),
    ]
    assert back["version"] == 3
    told = marketer.ok("rules", "show", "claims").splitlines()
    assert told[0] == "claims  coupon.claim  v2"
    assert len(told) == 4


def test_two_files_are_compared_without_a_key_or_a_server(shell: Shell, files: dict[int, str]) -> None:
    assert shell.ok("rules", "diff", files[3], files[5]) == "~ rule farm when: accounts >= 3 → 5"
    assert shell.ok("rules", "diff", files[3], files[3], "--lang", "zh") == "没有差异"
    assert shell.json("rules", "diff", files[3], files[5])[0]["path"] == ["rules", "farm", "when"]
    assert shell.run("rules", "diff", files[3]).exit_code == 2


def test_mistakes_are_shown_with_their_lines(people: dict[str, Shell], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(policy_file(features="  total: {last: device, by: user, window: 1h}"))
    said = people["marketer"].refused("rules", "publish", str(bad))
    assert said.startswith(f"{bad}:6:")
    assert "[feature_not_online]" in said
    bad.write_text(policy_file().replace("decision: allow", "decision: reject"))
    assert people["marketer"].json("rules", "publish", str(bad), code=1)["code"] == "trial_failed"


def test_included_files_are_read_from_beside_the_file(people: dict[str, Shell], tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("pack: more\nparameters: {farm: 3}\n")
    file = tmp_path / "claims.yaml"
    file.write_text("include: [more.yaml]\n" + policy_file())
    publish(people, str(file))
    assert people["marketer"].json("rules", "show", "claims")["document"]["parameters"] == {"farm": 3}


def test_a_version_may_be_given_its_time(people: dict[str, Shell], files: dict[int, str]) -> None:
    publish(people, files[3])
    publish(people, files[5], "--from", "2099-11-11", "--to", "2099-11-11")
    rows = people["marketer"].json("rules", "show", "claims")["versions"]
    assert [(row["state"], row["effective_from"], row["effective_to"]) for row in rows] == [
        ("live", None, None),
        ("approved", "2099-11-10T16:00:00+00:00", "2099-11-11T16:00:00+00:00"),
    ]
    assert "[not_a_time]" in people["marketer"].refused("rules", "publish", files[5], "--from", "tomorrow")


def test_the_shop_s_till_may_neither_publish_nor_look(people: dict[str, Shell], files: dict[int, str]) -> None:
    for command in (("publish", files[3]), ("list",), ("show", "claims"), ("rollback", "claims", "1"), ("diff", "claims", "1", "2")):
        assert "[scope_missing]" in people["shop"].refused("rules", *command)
        assert "[key_missing]" in people["nobody"].refused("rules", *command)
