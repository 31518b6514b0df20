"""Settings come from the environment all at once: every mistake is told, no secret is shown, and a queue is never a cluster."""

from __future__ import annotations

import base64
import dataclasses
import re
import stat
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.config import PREFIX, Settings, load_settings, secret_key_bytes
from core.errors import SettingsError

KEY = base64.b64encode(bytes(range(32))).decode()
# A good value for every setting, other than its default.
GIVEN: dict[str, tuple[str, object]] = {
    "data_dir": ("/srv/sheepdog", Path("/srv/sheepdog")),
    "database_url": ("postgresql+psycopg://shop:p@db/sheepdog", "postgresql+psycopg://shop:p@db/sheepdog"),
    "redis_url": ("rediss+cluster://hot:6379", "rediss+cluster://hot:6379"),
    "queue_url": ("rediss://queue:6379/1", "rediss://queue:6379/1"),
    "embedded_port": ("6400", 6400),
    "secret_key": (KEY, KEY),
    "old_secret_keys": (f"{KEY},{KEY}", f"{KEY},{KEY}"),
    "retention_file": ("retention.yaml", "retention.yaml"),
    "audit_key": (KEY, KEY),
    "audit_anchor_file": ("/mnt/outside/checkpoints.jsonl", "/mnt/outside/checkpoints.jsonl"),
    "audit_anchor_url": ("https://notary.example/checkpoints", "https://notary.example/checkpoints"),
    "audit_anchor_minutes": ("5", 5),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("8000", 8000),
    "api_workers": ("3", 3),
    "api_threads": ("5", 5),
    "zone": ("Asia/Urumqi", ZoneInfo("Asia/Urumqi")),
    "lang": ("zh", "zh"),
    "api_key": ("shd_x", "shd_x"),
    "body_bytes_max": ("1024", 1024),
    "body_depth_max": ("8", 8),
    "rate_per_minute": ("60", 60),
    "lease_seconds": ("30", 30),
    "risk_deadline_ms": ("100", 100),
    "lateness_seconds": ("0", 0),
    "rival_wait_ms": ("0", 0),
    "idempotency_hours": ("48", 48),
    "review_hours": ("12", 12),
    "appeal_hours": ("24", 24),
    "pass_hours": ("48", 48),
    "review_second_fen": ("0", 0),
    "gang_window_days": ("7", 7),
    "gang_search_hours": ("0", 0),
    "law_packs": ("law-none", "law-none"),
    "law_merchants": ("shop=law-none", "shop=law-none"),
    "law_folder": ("/srv/law", "/srv/law"),
    "approval_rules": ("/etc/sheepdog/approvals.yaml", "/etc/sheepdog/approvals.yaml"),
    "webhook_targets": ("anywhere", "anywhere"),
    "payout_channel": ("sandbox", "sandbox"),
    "log_level": ("debug", "debug"),
}
NUMBERS = [setting for setting in dataclasses.fields(Settings) if setting.type == "int"]


def load(**given: str) -> Settings:
    return load_settings({PREFIX + name.upper(): value for name, value in given.items()})


def problems(**given: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(**given)
    assert caught.value.code == "bad_settings"
    assert all(any(char > "\u2e7f" for char in problem.zh) for problem in caught.value.problems)
    return [problem.en for problem in caught.value.problems]


def test_every_setting_has_a_variable() -> None:
    found = load(**{name: text for name, (text, _) in GIVEN.items()})
    assert {field.name: getattr(found, field.name) for field in dataclasses.fields(found)} == {name: value for name, (_, value) in GIVEN.items()}
    assert all(getattr(found, field.name) != field.default for field in dataclasses.fields(found))


def test_nothing_needs_to_be_set_and_the_environment_is_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings({}) == Settings()
    monkeypatch.setenv("SHEEPDOG_PORT", "9000")
    monkeypatch.setenv("OTHER_PORT", "x")
    assert load_settings() == Settings(port=9000)


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        port="0", prot="1", zone="Asia/Beijing", lang="fr", log_level="loud", secret_key="short", database_url="mysql://db", redis_url="http://x", queue_url="x"
    )
    assert len(found) == 9
    for name in ("PORT", "PROT", "ZONE", "LANG", "LOG_LEVEL", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "QUEUE_URL"):
        assert any(re.search(rf"SHEEPDOG_{name}\b", problem) for problem in found), name
    assert any("did you mean SHEEPDOG_PORT?" in problem for problem in found)


def test_a_problem_is_told_in_one_language() -> None:
    with pytest.raises(SettingsError) as caught:
        load(port="many", api_workers="0", zone="Mars")
    assert sorted(problem.zh for problem in caught.value.problems) == [
        "SHEEPDOG_API_WORKERS 无效:0 不在 1 与 256 之间",
        "SHEEPDOG_PORT 无效:'many' 不是整数",
        "SHEEPDOG_ZONE 无效:'Mars' 不是 IANA 时区,例如 Asia/Shanghai",
    ]
    assert "SHEEPDOG_PORT is not valid: 'many' is no whole number" in [problem.en for problem in caught.value.problems]


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    assert problems(zzzzzzzz="1") == ["there is no setting SHEEPDOG_ZZZZZZZZ"]


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.name)
def test_a_number_has_both_its_edges(setting: dataclasses.Field[int]) -> None:
    least, most = setting.metadata["least"], setting.metadata["most"]
    for good in (least, most):
        assert getattr(load(**{setting.name: str(good)}), setting.name) == good
    for bad in (least - 1, most + 1, "", "many", "1.5"):
        assert len(problems(**{setting.name: str(bad)})) == 1


@pytest.mark.parametrize(
    "url", ["redis+cluster://a:1", "rediss+cluster://a:1", "sentinel://a:1/0?service=m", "http://a", "a:1", "redis://[::1", "redis://a:99999"]
)
def test_a_queue_is_one_server(url: str) -> None:
    [problem] = problems(redis_url="redis://hot:6379", queue_url=url)
    assert problem.startswith("SHEEPDOG_QUEUE_URL must be")


def test_a_queue_that_is_not_set_follows_the_hot_state_and_so_may_not_be_a_cluster() -> None:
    assert load(redis_url="redis://hot:6379/0").effective_queue_url == "redis://hot:6379/0"
    assert len(problems(redis_url="redis+cluster://hot:6379")) == 1
    assert load(redis_url="redis+cluster://hot:6379", queue_url="redis://queue:6379").effective_redis_url == "redis+cluster://hot:6379"


@pytest.mark.parametrize(
    "url", ["mysql://db/x", "postgresql://db/x", "postgres://db/x", "sheepdog.db", "postgresql+psycopg://[db/x", "postgresql+psycopg://db:x/y"]
)
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    [problem] = problems(database_url=url)
    assert problem.startswith("SHEEPDOG_DATABASE_URL starts with")


@pytest.mark.parametrize("url", ["http://x", "hot:6379", "redis://[::1", "redis://hot:port", "unix:///x"])
def test_a_hot_state_of_another_kind_is_refused(url: str) -> None:
    assert [problem[:18] for problem in problems(redis_url=url, queue_url="redis://q")] == ["SHEEPDOG_REDIS_URL"]


@pytest.mark.parametrize("url", ["redis://hot", "rediss://:p@hot:1/2", "sentinel://a:1,b:2/0?service=m", "redis+cluster://a:1", "redis://[::1]:6379/0"])
def test_every_kind_of_hot_state_is_taken(url: str) -> None:
    assert load(redis_url=url, queue_url="redis://q").effective_redis_url == url


def test_what_is_not_set_is_embedded() -> None:
    found = load(data_dir="/srv/sheepdog", embedded_port="6400")
    assert found.effective_database_url == "sqlite:////srv/sheepdog/sheepdog.db"
    assert found.effective_redis_url == "redis://127.0.0.1:6400/0"
    assert found.effective_queue_url == found.effective_redis_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://shop:hush@db:5432/sheepdog", "postgresql+psycopg://db:5432/sheepdog"),
        ("postgresql+psycopg://db/sheepdog?password=hush", "postgresql+psycopg://db/sheepdog"),
        ("postgresql+psycopg:///sheepdog?host=/run&password=hush", "postgresql+psycopg:///sheepdog"),
        ("postgresql+psycopg:///sheepdog?user=a@b&password=hush", "(set)"),
        ("redis://:hush@hot:6379/0", "redis://hot:6379/0"),
        ("redis://:hu/hush@hot:6379/0", "redis://hot:6379/0"),
        ("redis://:hu#hush@hot:6379/0", "(set)"),
        ("redis://:hu?hush@hot:6379/0", "(set)"),
        ("redis://:a@hush@hot", "redis://hot"),
        ("sentinel://:hush@a:1,b:2/0?service=m", "sentinel://a:1,b:2/0"),
        ("sqlite:////srv/sheepdog.db", "sqlite:////srv/sheepdog.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert Settings(database_url=url).shown()["database_url"] == shown


def test_no_secret_is_shown() -> None:
    shown = Settings(secret_key=KEY, api_key="shd_hush").shown()
    assert (shown["secret_key"], shown["api_key"]) == ("(set)", "(set)")
    assert Settings().shown()["api_key"] == ""
    assert shown.keys() == GIVEN.keys()
    assert shown["zone"] == "Asia/Shanghai"


def test_no_mistake_repeats_a_secret() -> None:
    with pytest.raises(SettingsError) as caught:
        load(secret_key="hush-hush", database_url="mysql://u:hush@db", redis_url="ftp://u:hush@hot")
    assert "hush" not in str(caught.value) + caught.value.text.zh


@pytest.mark.parametrize("key", ["x", "é" * 44, base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(33)).decode(), KEY + "!"])
def test_a_secret_key_is_32_bytes_of_base64(key: str) -> None:
    assert problems(secret_key=key) == ["SHEEPDOG_SECRET_KEY is 32 bytes in base64"]


def test_the_key_comes_from_the_settings_or_from_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "var"
    made = secret_key_bytes(Settings(data_dir=folder))
    assert len(made) == 32
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600
    assert secret_key_bytes(Settings(data_dir=folder)) == made
    assert secret_key_bytes(Settings(data_dir=folder, secret_key=KEY)) == bytes(range(32))
    assert secret_key_bytes(Settings(data_dir=tmp_path / "other")) != made


@pytest.mark.parametrize("text", ["", "not base64!", KEY[:20]])
def test_a_damaged_key_file_is_never_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.key").write_text(text, encoding="ascii")
    with pytest.raises(ValueError, match="the secret key"):
        secret_key_bytes(Settings(data_dir=tmp_path))
    assert (tmp_path / "secret.key").read_text(encoding="ascii") == text
