"""A service that cannot start says in one line what is wrong and what to do, and leaves nothing running."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.embedded.valkey import EmbeddedValkey
from core.errors import Unavailable
from tests.cli.conftest import Shell


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shell]:
    # The service goes to its own folder; the tests' stays.
    monkeypatch.chdir(tmp_path)
    shell.folder.mkdir(exist_ok=True)
    port = free_port()
    shell.env |= {"SHEEPDOG_PORT": str(free_port()), "SHEEPDOG_EMBEDDED_PORT": str(port)}
    yield shell
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the embedded Valkey is left running"


@pytest.mark.parametrize(("lang", "words"), [("en", "the step `demo load` failed: bad settings: "), ("zh", "启动步骤 demo load 失败:配置有误:")])
def test_a_damaged_key_file_stops_the_start_with_one_line(start: Shell, lang: str, words: str) -> None:
    (start.folder / "secret.key").write_text("junk", encoding="ascii")
    said = start.refused("serve", "--demo", "--lang", lang)
    assert words in said
    assert "secret.key" in said
    assert len(said.splitlines()) == 1


def test_a_file_that_is_no_database_stops_the_start_with_one_line(start: Shell) -> None:
    (start.folder / "sheepdog.db").write_bytes(b"no database at all " * 300)
    said = start.refused("serve")
    assert "the step `db upgrade` failed: The database file is damaged or no database at all; restore a backup." in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("variable", ["SHEEPDOG_PORT", "SHEEPDOG_EMBEDDED_PORT"])
def test_a_port_in_use_is_named_with_its_setting(start: Shell, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = start.refused("serve", env={variable: str(taken.getsockname()[1])})
    assert "[port_in_use]" in said
    assert f"set {variable}" in said


def test_a_data_folder_that_is_a_file_is_named_with_its_setting(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = {"SHEEPDOG_DATA_DIR": str(tmp_path / "file"), "SHEEPDOG_PORT": str(free_port()), "SHEEPDOG_EMBEDDED_PORT": str(free_port())}
    assert "set SHEEPDOG_DATA_DIR" in shell.refused("serve", env=env)
    with pytest.raises(Unavailable):
        EmbeddedValkey(tmp_path / "file", port=0).start()
