"""The command line in this process, with a data folder of its own, and the four people of a shop."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main

MERCHANT = "teashop"
PEOPLE = {"marketer": "li-ming", "compliance": "wang-fang", "shop": "till", "admin": "boss"}


@dataclass
class Shell:
    """Runs `sheepdog …`; English unless the environment says otherwise. A fault that no command caught is raised here."""

    folder: Path
    env: dict[str, str | None] = field(default_factory=dict)

    def run(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
        # Without a locale of the developer's machine.
        given = {"LC_ALL": None, "LANG": "en_US.UTF-8", "SHEEPDOG_DATA_DIR": str(self.folder), **self.env, **(env or {})}
        result = CliRunner(env=given).invoke(main, arguments, prog_name="sheepdog")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> str:
        """What a command that succeeds writes."""
        done = self.run(*arguments, env=env)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    def json(self, *arguments: str, code: int = 0, env: Mapping[str, str | None] | None = None) -> Any:
        """What a command writes with `--json`, and nothing else on either stream."""
        done = self.run(*arguments, "--json", env=env)
        assert done.exit_code == code, done.output
        assert done.stderr == ""
        return json.loads(done.stdout)

    def refused(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> str:
        """The message of a command that fails: on stderr, with exit code 1."""
        done = self.run(*arguments, env=env)
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        return done.stderr

    def with_key(self, key: str) -> Shell:
        return Shell(self.folder, {**self.env, "SHEEPDOG_API_KEY": key})


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """On a machine where nothing was done yet."""
    return Shell(tmp_path / "var")


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Shell]]:
    """A data folder with the people of a shop, made as an operator would make them, once; every test has a copy."""
    shell = Shell(tmp_path_factory.mktemp("settled") / "var")
    return shell.folder, _settle(shell)


@pytest.fixture
def people(shell: Shell, settled: tuple[Path, dict[str, Shell]]) -> dict[str, Shell]:
    """Each person's own shell, with their key set. `nobody` has no key."""
    folder, made = settled
    shutil.copytree(folder, shell.folder)
    return {name: Shell(shell.folder, one.env) for name, one in made.items()}


def _settle(shell: Shell) -> dict[str, Shell]:
    shell.ok("db", "upgrade")
    shell.ok("principals", "create", "root", "--merchant", "*")
    root = shell.with_key(shell.ok("keys", "create", "root", "--merchant", "*", "--scope", "admin"))
    found = {"nobody": shell, "root": root}
    for scope, name in PEOPLE.items():
        root.ok("principals", "create", name, "--merchant", MERCHANT, "--kind", "service" if scope == "shop" else "person")
        found[scope] = shell.with_key(root.ok("keys", "create", name, "--merchant", MERCHANT, "--scope", scope))
    return found
