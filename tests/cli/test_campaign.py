"""The command `campaign check`: every mistake of every file in one go, in the reader's language, and an exit code that tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "new-user-coupon.yaml")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(Path(EXAMPLE).read_text(encoding="utf-8").replace("total: 1000", "totl: 1000"), encoding="utf-8")
    return str(path)


def test_a_good_file_is_told_by_its_campaign(shell: Shell) -> None:
    assert shell.ok("campaign", "check", EXAMPLE) == f"✓ {EXAMPLE}  new-user-coupon (coupon)"
    assert shell.json("campaign", "check", EXAMPLE) == {"ok": True, "errors": [], "findings": []}


@pytest.mark.parametrize(("lang", "words"), [("en", ("unknown key 'totl'", "did you mean total?")), ("zh", ("未知的键 'totl'", "是否想写 total?"))])
def test_a_mistake_has_its_place_and_its_fix_in_both_languages(shell: Shell, bad: str, lang: str, words: tuple[str, str]) -> None:
    done = shell.run("campaign", "check", bad, "--lang", lang)
    assert done.exit_code == 1
    assert f"{bad}:15:3: {words[0]}" in done.stdout
    assert words[1] in done.stdout


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(shell: Shell, bad: str, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.yaml")
    done = shell.run("campaign", "check", gone, bad, EXAMPLE)
    assert done.exit_code == 1
    assert done.stdout.index("file_unreadable") < done.stdout.index("unknown_key") < done.stdout.index("✓")
    found = shell.json("campaign", "check", gone, bad, EXAMPLE, code=1)["errors"]
    assert [(error["file"], error["code"]) for error in found] == [(gone, "file_unreadable"), (bad, "unknown_key")]
