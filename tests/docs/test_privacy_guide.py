"""The page on privacy: both languages have the same commands, each of which is there, and name the same codes and calls."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from api.app import create_app
from api.cli.main import main
from core.config import Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("privacy.md", "privacy.zh-CN.md")


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    return [line for block in re.findall(r"^```sh\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL) for line in block.splitlines()]


def test_both_languages_have_the_same_commands_codes_and_rows() -> None:
    english, chinese = PAGES
    assert commands(english) == commands(chinese) != []
    for pattern in (r"`[a-z_]+_[a-z_]+`", r"`(?:POST|GET) [^`]+`", r"SHEEPDOG_\w+", r"^## ", r"^\|", r"\b\d+\b days| \d+ 天"):
        counts = [len(re.findall(pattern, text(page), re.MULTILINE)) for page in PAGES]
        assert counts[0] == counts[1], pattern


@pytest.mark.parametrize("line", commands("privacy.md"))
def test_every_command_is_there_with_its_options(line: str) -> None:
    words = shlex.split(line)
    assert words.pop(0) == "sheepdog"
    command: click.Command = main
    with click.Context(main) as ctx:
        while isinstance(command, click.Group):
            found = command.get_command(ctx, words.pop(0))
            assert found is not None, line
            command = found
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("page", PAGES)
def test_every_call_is_there(page: str) -> None:
    routes = {(method, rule.rule) for rule in create_app(Settings()).url_map.iter_rules() for method in rule.methods or ()}
    named = re.findall(r"`(POST|GET) (/v1/[^`]+)`", text(page))
    assert named
    assert set(named) <= routes
