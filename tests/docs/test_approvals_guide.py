"""The guide to approvals says what the shipped file says, its own file is good, and both languages show the same."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from api.approving import KINDS
from api.cli.main import main
from core.access.rulefile import load_rules, shipped_rules
from tests.cli.test_help import walk

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = [DOCS / "approvals.md", DOCS / "approvals.zh-CN.md"]
READ = [path.read_text(encoding="utf-8") for path in GUIDES]


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", READ, ids=["en", "zh"])
def test_the_table_has_every_kind_with_its_threshold_as_shipped(guide: str) -> None:
    rows = {match[1]: match[2] for match in re.finditer(r"^\| `([a-z_.]+\.[a-z_]+)` \| [^|]+ \| ([^|]+) \|", guide, re.MULTILINE)}
    assert rows.keys() == KINDS.keys()
    for kind, measure in KINDS.items():
        if measure is not None and measure.alone:
            assert re.findall(r"\d+", rows[kind]) == [str(shipped_rules().terms(kind).above)], kind


def test_both_languages_have_the_same_file_which_is_good_and_the_same_commands() -> None:
    files = [blocks(guide, "yaml") for guide in READ]
    english, chinese = ([re.sub(r" +#.*", "", block) for block in found] for found in files)
    assert english == chinese
    found = load_rules(files[0][0].encode(), "approvals.yaml", KINDS)
    assert [found.terms("review.release").needed(fen) for fen in (50_001, 500_000, 500_001)] == [1, 1, 3]
    assert found.terms("campaign.publish").needed(None) == 2
    words = [re.findall(r"sheepdog ([a-z]+ [a-z]+)", "".join(blocks(guide, "sh"))) for guide in READ]
    assert words[0] == words[1]
    known = {path for path, command in walk(main) if not isinstance(command, click.Group)}
    assert set(words[0]) <= known


def test_both_languages_name_the_same_words_of_the_program() -> None:
    named = [sorted(set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", guide, flags=re.MULTILINE | re.DOTALL)))) for guide in READ]
    assert named[0] == named[1]
