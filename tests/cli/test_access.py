"""Who may act, on the command line: the first key without a key, every later one with one; secrets are shown once, refusals exit with 1."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.access.principals import KEY_PREFIX
from core.db.engine import open_database
from core.db.tables import api_keys
from tests.cli.conftest import MERCHANT, PEOPLE, Shell


def test_upgrade_makes_the_schema_and_may_be_run_again(shell: Shell) -> None:
    first = shell.json("db", "upgrade")
    assert shell.json("db", "upgrade") == first
    assert f"at revision {first['revision']}" in shell.ok("db", "upgrade")
    assert f"最新版本 {first['revision']}" in shell.ok("db", "upgrade", "--lang", "zh")


@pytest.mark.parametrize("command", [("keys", "list"), ("principals", "create", "a"), ("campaign", "list", "--key", "k"), ("backup", "b.tar.gz")])
def test_before_the_schema_every_command_says_what_to_run(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    assert "run sheepdog db upgrade" in shell.refused(*command)
    assert shell.json(*command, code=1)["code"] == "schema_missing"


def test_the_first_principal_and_key_need_no_key(shell: Shell) -> None:
    shell.ok("db", "upgrade")
    made = shell.json("principals", "create", "root", "--merchant", "*")
    assert (made["name"], made["merchant"]) == ("root", "*")
    key = shell.json("keys", "create", "root", "--merchant", "*", "--scope", "admin")
    assert key["principal"] == made["id"]
    assert key["scopes"] == ["admin"]
    assert key["key"].startswith(KEY_PREFIX)


@pytest.mark.parametrize(
    "command",
    [
        ("principals", "create", "mallory"),
        ("principals", "list"),
        ("keys", "create", "root", "--scope", "admin"),
        ("keys", "list"),
        ("keys", "revoke", "key_x"),
        ("approvals", "list"),
        ("approvals", "approve", "apr_x"),
        ("campaign", "list"),
        ("campaign", "pause", "c"),
        ("audit", "list"),
        ("audit", "find"),
    ],
)
def test_once_there_is_a_key_nobody_acts_without_one(people: dict[str, Shell], command: tuple[str, ...]) -> None:
    assert "name a key with --key or SHEEPDOG_API_KEY  [key_missing]" in people["nobody"].refused(*command)
    assert "[key_invalid]" in people["nobody"].refused(*command, "--key", "shd_guessed")
    assert people["nobody"].json(*command, code=1)["code"] == "key_missing"


def test_a_merchants_people_and_keys_are_listed_without_the_keys(people: dict[str, Shell]) -> None:
    rows = people["admin"].json("principals", "list")
    assert {(row["name"], row["kind"], row["merchant"]) for row in rows} == {
        (name, "service" if scope == "shop" else "person", MERCHANT) for scope, name in PEOPLE.items()
    }
    keys = people["admin"].json("keys", "list")
    assert {(row["principal"], *row["scopes"]) for row in keys} == {(name, scope) for scope, name in PEOPLE.items()}
    shown = people["admin"].ok("keys", "list") + str(keys)
    secrets = [shell.env["SHEEPDOG_API_KEY"] for name, shell in people.items() if name != "nobody"]
    assert len(secrets) == 5
    assert not any(str(secret) in shown for secret in secrets)


def test_a_key_is_kept_only_as_a_hash(people: dict[str, Shell]) -> None:
    key = str(people["marketer"].env["SHEEPDOG_API_KEY"])
    files = [path for path in people["nobody"].folder.iterdir() if path.is_file()]
    assert "sheepdog.db" in {path.name for path in files}
    assert not any(key.encode() in path.read_bytes() for path in files)
    assert stat.S_IMODE((people["nobody"].folder / "secret.key").stat().st_mode) == 0o600


def test_a_revoked_key_is_refused(people: dict[str, Shell]) -> None:
    old = str(people["marketer"].env["SHEEPDOG_API_KEY"])
    assert people["nobody"].json("campaign", "list", "--key", old) == []
    row = next(row for row in people["admin"].json("keys", "list") if row["principal"] == PEOPLE["marketer"])
    assert row["revoked_at"] is None
    assert people["admin"].json("keys", "revoke", row["id"]) == {"id": row["id"], "revoked": True}
    assert "[key_invalid]" in people["nobody"].refused("campaign", "list", "--key", old)
    again = next(row for row in people["admin"].json("keys", "list") if row["principal"] == PEOPLE["marketer"])
    assert again["revoked_at"] is not None
    assert "revoked" in people["admin"].ok("keys", "list")
    assert "已吊销" in people["admin"].ok("keys", "revoke", row["id"], "--lang", "zh")


def test_a_key_without_the_scope_is_told_which_it_lacks(people: dict[str, Shell]) -> None:
    assert "this key lacks the scope: admin  [scope_missing]" in people["marketer"].refused("keys", "list")
    assert "this key lacks the scope: compliance  [scope_missing]" in people["marketer"].refused("audit", "find")
    assert "此密钥没有所需权限:marketer" in people["shop"].refused("campaign", "publish", os.devnull, "--lang", "zh")
    told = people["shop"].json("principals", "create", "mallory", code=1)
    assert (told["code"], told["wanted"]) == ("scope_missing", ["admin"])


def test_an_administrator_stays_with_the_own_merchant(people: dict[str, Shell]) -> None:
    other = ("--merchant", "coffeeshop")
    assert "[other_merchant]" in people["admin"].refused("principals", "create", "spy", *other)
    assert "[other_merchant]" in people["marketer"].refused("campaign", "list", *other)
    people["root"].ok("principals", "create", "barista", *other)
    theirs = people["root"].json("keys", "create", "barista", *other, "--scope", "marketer")
    assert people["root"].json("keys", "list", *other)[0]["id"] == theirs["id"]
    assert "[key_not_found]" in people["admin"].refused("keys", "revoke", theirs["id"])
    assert people["nobody"].json("campaign", "list", "--key", theirs["key"]) == []


def test_what_is_not_there_or_there_already_is_told(people: dict[str, Shell]) -> None:
    assert "there is a principal li-ming already" in people["admin"].refused("principals", "create", "li-ming")
    assert "there is no principal nobody" in people["admin"].refused("keys", "create", "nobody", "--scope", "shop")
    assert people["admin"].json("keys", "revoke", "key_x", code=1)["code"] == "key_not_found"
    wrong = people["admin"].run("keys", "create", "li-ming", "--scope", "king")
    assert wrong.exit_code == 2
    assert "'king' is not one of 'marketer'" in wrong.stderr


def test_config_shows_what_takes_effect_and_no_secret(shell: Shell) -> None:
    secrets = {
        "SHEEPDOG_DATABASE_URL": "postgresql+psycopg://shop:hush-1@db/x",
        "SHEEPDOG_REDIS_URL": "redis://:hush-2@hot:6379/0",
        "SHEEPDOG_API_KEY": "shd_hush-3",
    }
    env = {**secrets, "SHEEPDOG_PORT": "8123"}
    shown = shell.json("config", env=env)
    assert (shown["port"], shown["host"], shown["data_dir"]) == ("8123", "127.0.0.1", str(shell.folder))
    assert shown["database_url"] == "postgresql+psycopg://db/x"
    assert shown["queue_url"] == shown["redis_url"] == "redis://hot:6379/0"
    assert shown["api_key"] == "(set)"
    text = shell.ok("config", env=env)
    assert "SHEEPDOG_PORT " in text
    assert len(text.splitlines()) == len(shown)
    assert "hush" not in text + str(shown)


def test_config_of_the_defaults_names_the_embedded_stores(shell: Shell) -> None:
    shown = shell.json("config")
    assert shown["database_url"] == f"sqlite:///{shell.folder / 'sheepdog.db'}"
    assert shown["redis_url"] == "redis://127.0.0.1:6399/0"
    assert shown["secret_key"] == ""
    assert not shell.folder.exists(), "looking changes nothing"


def test_bad_settings_are_listed_all_at_once(shell: Shell) -> None:
    env = {"SHEEPDOG_PROT": "1", "SHEEPDOG_ZONE": "Asia/Beijing", "SHEEPDOG_API_WORKERS": "0"}
    for command in (("config",), ("keys", "list"), ("serve",), ("api",), ("worker",), ("clerk",)):
        said = shell.refused(*command, env=env).splitlines()
        assert len(said) == 3
        assert all(line.startswith("✗ ") for line in said)
        assert "did you mean SHEEPDOG_PORT?" in "".join(said)
    told = shell.json("config", env=env, code=1)
    assert told["code"] == "bad_settings"
    assert len(told["problems"]) == 3
    assert "没有 SHEEPDOG_PROT 这个配置" in shell.refused("config", "--lang", "zh", env=env)


def test_a_data_folder_that_cannot_be_one_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = {"SHEEPDOG_DATA_DIR": str(tmp_path / "file")}
    for command in (("db", "upgrade"), ("keys", "list"), ("demo", "load"), ("worker",), ("clerk",)):
        said = shell.refused(*command, env=env)
        assert str(tmp_path / "file") in said
        assert "SHEEPDOG_DATA_DIR" in said


def test_a_secret_key_file_that_was_damaged_is_told_and_kept(shell: Shell) -> None:
    shell.folder.mkdir()
    (shell.folder / "secret.key").write_text("not a key")
    assert "secret.key" in shell.refused("db", "upgrade")
    assert (shell.folder / "secret.key").read_text() == "not a key"


def test_a_database_that_is_away_is_told(people: dict[str, Shell]) -> None:
    env = {"SHEEPDOG_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"}
    assert "[database_away]" in people["admin"].refused("keys", "list", env=env)
    assert "[database_away]" in people["admin"].refused("db", "upgrade", env=env)


def test_every_key_that_was_made_stands_in_the_table(people: dict[str, Shell]) -> None:
    opened = open_database(f"sqlite:///{people['nobody'].folder / 'sheepdog.db'}")
    with opened.read() as connection:
        assert len(connection.execute(api_keys.select()).all()) == len(PEOPLE) + 1
    opened.engine.dispose()
