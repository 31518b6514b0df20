"""The page of questions: every command that it names is one of ours, every address is served, and both languages show the same."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from api.app import create_app
from api.cli.main import main

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ("questions.md", "questions.zh-CN.md")


def commands(name: str) -> list[str]:
    return re.findall(r"sheepdog [a-z-]+ [a-z-]+[^`\n]*", (DOCS / name).read_text(encoding="utf-8"))


def addresses(name: str) -> list[str]:
    return re.findall(r"GET (/v1/[^`?\s]+)", (DOCS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_and_option_is_ours(name: str) -> None:
    assert len(commands(name)) >= 10
    for line in commands(name):
        _, group, sub, *rest = line.split()
        context = click.Context(main)
        found = main.get_command(context, group)  # type: ignore[attr-defined]
        assert isinstance(found, click.Group), line
        command = found.commands[sub]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, line


@pytest.mark.parametrize("name", GUIDES)
def test_every_address_is_served(name: str) -> None:
    rules = {re.sub(r"<[^>]+>", "{id}", str(rule)) for rule in create_app().url_map.iter_rules()}
    assert set(addresses(name)) <= rules


def test_both_languages_name_the_same() -> None:
    assert commands(GUIDES[0]) == commands(GUIDES[1])
    assert addresses(GUIDES[0]) == addresses(GUIDES[1])
