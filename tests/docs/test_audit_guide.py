"""The audit's guide: both languages have the same commands and cases, each case's test is there, and the commands run in their order."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell, people, settled, shell  # noqa: F401
from tests.cli.test_audit import seal

ROOT = Path(__file__).parents[2]
GUIDES = ("audit.md", "audit.zh-CN.md")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def commands(name: str) -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", page(name), re.DOTALL) for line in block.splitlines()]


def cases(name: str) -> list[tuple[str, str]]:
    return re.findall(r"\| `(tests/\S+\.py)::(test_\w+)` \|", page(name))


def words_in_code(name: str) -> list[str]:
    return re.findall(r"`([a-z_]+|SHEEPDOG_\w+|GET [^`]+)`", page(name))


def test_both_languages_say_the_same() -> None:
    english, chinese = GUIDES
    assert commands(english) == commands(chinese)
    assert len(commands(english)) > 8
    assert cases(english) == cases(chinese)
    assert sorted(words_in_code(english)) == sorted(words_in_code(chinese))


def test_every_case_has_its_test() -> None:
    named = cases(GUIDES[0])
    assert len(named) == len(set(named)) > 20
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert not missing


@pytest.mark.usefixtures("settled")
def test_the_commands_run_in_their_order(people: dict[str, Shell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    seal(people["root"])
    [entry, *_] = people["compliance"].json("audit", "list")
    monkeypatch.chdir(tmp_path)
    # The guide's admin is the platform's.
    callers = {"COMPLIANCE": people["compliance"], "ADMIN": people["root"]}
    for command in commands(GUIDES[0]):
        words = shlex.split(command.replace("DECISION_ID", entry["id"]))
        if words[0] == "python":
            done = subprocess.run([sys.executable, str(ROOT / words[1]), *words[2:]], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout[:6]) == (0, "PROVED"), done.stdout
            continue
        who = callers[words[words.index("--key") + 1].strip("$")] if "--key" in words else people["nobody"]
        told = who.ok(*(words[1 : words.index("--key")] if "--key" in words else words[1:]))
        assert told
