"""`sheepdog lists …`, as the guide has it, and a file of networks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("guide", ["lists.md", "lists.zh-CN.md"])
def test_the_guides_commands_do_what_it_says(people: dict[str, Shell], guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clouds.csv").write_text("entry,reason\n203.0.113.0/24,a cloud\n2001:db8::/32,a cloud\n")
    shell = people["compliance"]
    commands = re.findall(r"^sheepdog (.+?)(?:  +#.*| > .*)?$", (ROOT / "docs" / guide).read_text(), re.MULTILINE)
    said = {command.split()[1] + command.split()[2]: shell.ok(*shlex.split(command)) for command in commands}
    assert "blocked-devices" in said["lookupdevice"]
    assert said["exportwatched-networks"].startswith("entry,key,reason")
    assert [one["entries"] for one in shell.json("lists", "list")] == [0, 2]
    again = tmp_path / "kept.csv"
    again.write_text(said["exportwatched-networks"] + "\n")
    assert shell.json("lists", "import", "watched-networks", str(again))["changed"] == 2
    assert shell.json("lists", "import", "watched-networks", str(again), "--remove")["changed"] == 2


def test_a_bad_file_changes_nothing_and_names_its_lines(people: dict[str, Shell], tmp_path: Path) -> None:
    shell = people["compliance"]
    shell.ok("lists", "create", "clouds", "--kind", "watch", "--match", "cidr", "--field", "ip")
    bad = tmp_path / "bad.csv"
    bad.write_text("entry,reason\n203.0.113.0/24,a cloud\nnonsense,x\n1.2.3.4,\n")
    said = shell.refused("lists", "import", "clouds", str(bad))
    assert "line 3" in said
    assert "line 4" in said
    assert shell.json("lists", "list")[0]["entries"] == 0
    assert "list_not_found" in shell.refused("lists", "add", "none", "x", "--reason", "y")
    assert "bad_time" in shell.refused("lists", "add", "clouds", "1.2.3.4", "--reason", "y", "--until", "tomorrow")
    assert "scope" in people["shop"].refused("lists", "list")


def test_what_is_long_says_who_must_approve_it(people: dict[str, Shell], tmp_path: Path) -> None:
    shell = people["compliance"]
    shell.ok("lists", "create", "clouds", "--kind", "watch", "--match", "cidr", "--field", "ip")
    many = tmp_path / "many.csv"
    many.write_text("entry,reason\n" + "".join(f"10.{n}.0.0/16,x\n" for n in range(21)))
    asked = shell.json("lists", "import", "clouds", str(many))
    assert asked["changed"] == 0
    assert asked["approval_id"].startswith("apr_")
    assert shell.json("lists", "list")[0]["entries"] == 0
