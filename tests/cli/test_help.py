"""Every command explains itself: one line of what it does, an example that names it, and JSON where a program may read the result."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from api.cli.main import main
from tests.cli.conftest import Shell

# These run until they are stopped, or what they write is meant for another program already.
WITHOUT_RESULT = {"serve", "api", "worker", "clerk"}
ANOTHER_FORM = {"campaign schema", "rules schema", "demo env"}
LINE_MAX = 200


def walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None, name
        yield " ".join((*path, name)), found
        if isinstance(found, click.Group):
            yield from walk(found, (*path, name))


COMMANDS = dict(walk(main))
LEAVES = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}


def example(command: click.Command) -> str:
    return re.sub(r"\s+", " ", command.epilog or "").removeprefix("Example: ").strip()


def test_the_walk_finds_the_commands() -> None:
    assert len(LEAVES) >= 27
    assert {"serve", "campaign publish", "approvals approve", "keys revoke", "restore", "audit verify"} <= LEAVES.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_help_of_one_line_first(shell: Shell, path: str) -> None:
    said = shell.ok(*path.split(), "--help")
    assert said.startswith(f"Usage: sheepdog {path} ")
    first = (COMMANDS[path].help or "").splitlines()[0].strip()
    assert len("Demo.") < len(first) <= LINE_MAX, first
    assert first[0].isupper()
    assert first.endswith(".")


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_shows_an_example_of_itself(shell: Shell, path: str) -> None:
    assert "Example:" in shell.ok(*path.split(), "--help")
    words = shlex.split(example(LEAVES[path]).replace('"$(', "").replace(')"', ""))
    assert " ".join(words[words.index("sheepdog") + 1 :]).startswith(path)


@pytest.mark.parametrize("path", LEAVES)
def test_every_example_is_understood(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    words = shlex.split(example(LEAVES[path]).replace('"$(', "").replace(')"', "").partition(" > ")[0])
    arguments = words[words.index("sheepdog") + 1 + len(path.split()) :]
    # A file that the example names need not be there.
    command = LEAVES[path]
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            monkeypatch.setattr(parameter.type, "exists", False)
    command.make_context(path, list(arguments))


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - ANOTHER_FORM - WITHOUT_RESULT))
def test_every_result_can_be_had_as_json_and_in_either_language(path: str) -> None:
    names = {name for parameter in LEAVES[path].params for name in parameter.opts}
    assert {"--json", "--lang"} <= names


def test_the_exceptions_are_commands_still() -> None:
    assert LEAVES.keys() >= WITHOUT_RESULT | ANOTHER_FORM
    names = {path: {name for parameter in LEAVES[path].params for name in parameter.opts} for path in ANOTHER_FORM}
    assert all("--json" not in options for options in names.values())


def test_a_word_that_is_no_command_is_told_and_fails(shell: Shell) -> None:
    done = shell.run("campain", "list")
    assert done.exit_code == 2
    assert "No such command 'campain'" in done.stderr


def test_the_version_is_the_package_s(shell: Shell) -> None:
    assert re.fullmatch(r"sheepdog, version \d+\.\d+\.\d+", shell.ok("--version"))
