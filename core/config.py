"""Every setting, from `SHEEPDOG_*` environment variables into one frozen object. A start with bad settings stops and lists all that is wrong."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from core.errors import SettingsError
from core.text import Text

PREFIX = "SHEEPDOG_"


def _setting(default: Any, help_en: str, secret: bool = False, least: int = 0, most: int = 2**31) -> Any:
    return field(default=default, metadata={"help": help_en, "secret": secret, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings. Field `x_y` is read from `SHEEPDOG_X_Y`; units stand last in the names."""

    data_dir: Path = _setting(Path("var"), "where the embedded database, Valkey and the secret key live")
    database_url: str = _setting("", "sqlite:///path or postgresql+psycopg://…; empty: SQLite in data_dir", secret=True)
    redis_url: str = _setting("", "hot state: redis://, rediss://, sentinel://, redis+cluster://; empty: embedded Valkey", secret=True)
    queue_url: str = _setting("", "queue for RQ: redis:// or rediss:// (never a cluster); empty: the same as redis_url", secret=True)
    embedded_port: int = _setting(6399, "port of the embedded Valkey", least=1, most=65535)
    secret_key: str = _setting("", "32 bytes in base64 that encrypt and match personal data; empty: data_dir/secret.key", secret=True)
    old_secret_keys: str = _setting("", "master keys before this one, by commas; what they encrypted is still read", secret=True)
    retention_file: str = _setting("", "a YAML file of how long each kind of data is kept; empty: the shipped one")
    audit_key: str = _setting("", "32 bytes in base64 that sign the audit's seals (Ed25519); empty: data_dir/audit.key", secret=True)
    audit_anchor_file: str = _setting("", "a file outside this machine's disk to which the audit's checkpoints are added; empty: none")
    audit_anchor_url: str = _setting("", "where the audit's checkpoints are posted to, as webhook_targets allows; empty: nowhere", secret=True)
    audit_anchor_minutes: int = _setting(60, "how often a checkpoint is anchored outside", least=1, most=60 * 24 * 31)
    host: str = _setting("127.0.0.1", "address the API listens on")
    port: int = _setting(8470, "port of the API", least=1, most=65535)
    api_workers: int = _setting(2, "API processes", least=1, most=256)
    api_threads: int = _setting(4, "threads in each API process", least=1, most=256)
    zone: ZoneInfo = _setting(ZoneInfo("Asia/Shanghai"), "zone of times that name none")
    lang: str = _setting("", "zh or en for people; empty: from the locale")
    api_key: str = _setting("", "the key with which the command line authenticates", secret=True)
    body_bytes_max: int = _setting(256 * 1024, "largest request body", least=1024, most=64 * 1024 * 1024)
    body_depth_max: int = _setting(16, "deepest nesting of a request body", least=2, most=64)
    rate_per_minute: int = _setting(120_000, "requests a minute for each API key", least=1)
    lease_seconds: int = _setting(15, "how long a slot may be held between the gate and the database", least=1, most=3600)
    risk_deadline_ms: int = _setting(300, "time a risk check may take before the policy's when_unavailable decides", least=1, most=10_000)
    lateness_seconds: int = _setting(86_400, "how late an event's own time is still believed", least=0)
    rival_wait_ms: int = _setting(2_000, "how long a request with a key in use waits for its rival", least=0, most=10_000)
    idempotency_hours: int = _setting(24, "how long replies are kept for replay", least=24, most=24 * 90)
    review_hours: int = _setting(24, "due time of a review", least=1, most=24 * 30)
    appeal_hours: int = _setting(72, "due time of a customer's appeal", least=1, most=24 * 30)
    pass_hours: int = _setting(168, "how long the customer of an overturned appeal may ask again", least=1, most=24 * 90)
    review_second_fen: int = _setting(20_000, "releasing a held reward above this many fen needs a second person", least=0)
    gang_window_days: int = _setting(14, "how far back the search for gangs looks", least=1, most=30)
    gang_search_hours: int = _setting(6, "hours between searches for gangs; 0: only when asked", least=0, most=24 * 7)
    law_packs: str = _setting("law-cn", "packs of law that judge campaigns before publication, separated by commas")
    law_merchants: str = _setting("", "merchants with packs of their own: shop=law-none,hk=law-hk+law-cn")
    law_folder: str = _setting("", "folder with more packs of law, one folder each; empty: only the shipped ones")
    approval_rules: str = _setting("", "file of who must approve what, from which amount on; empty: what is shipped")
    webhook_targets: str = _setting("public", "where webhooks may go: public (https, public addresses), or anywhere (for development)")
    payout_channel: str = _setting("shop", "who pays withdrawals: shop (your backend, told by withdrawal.due), or sandbox (for trying out)")
    log_level: str = _setting("info", "debug, info, warning or error")

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'sheepdog.db'}"

    @property
    def effective_redis_url(self) -> str:
        return self.redis_url or f"redis://127.0.0.1:{self.embedded_port}/0"

    @property
    def effective_queue_url(self) -> str:
        return self.queue_url or self.effective_redis_url

    def shown(self) -> dict[str, str]:
        """Every setting as it takes effect, as text; a secret shows only whether it is set, a URL loses its password."""
        effective = {name: getattr(self, f"effective_{name}") for name in ("database_url", "redis_url", "queue_url")}
        return {f.name: _shown(f, effective.get(f.name, getattr(self, f.name))) for f in dataclasses.fields(self)}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment. Raises `SettingsError` with every problem: unknown names, unreadable values, settings that contradict."""
    environ = os.environ if environ is None else environ
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    known = {f.name: f for f in dataclasses.fields(Settings)}
    problems = [_unknown(name, known) for name in given if name not in known]
    values: dict[str, Any] = {}
    for name in known.keys() & given.keys():
        read = _read(known[name], given[name])
        if isinstance(read, Text):
            problems.append(Text(zh=f"{PREFIX}{name.upper()} 无效:{read.zh}", en=f"{PREFIX}{name.upper()} is not valid: {read.en}"))
        else:
            values[name] = read
    settings = Settings(**values)
    problems += _contradictions(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def secret_key_bytes(settings: Settings) -> bytes:
    """The master key: from the settings, or from a file in the data folder that is made (mode 0600) at first use."""
    if settings.secret_key:
        return _decode_key(settings.secret_key)
    path = settings.data_dir / "secret.key"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _decode_key(path.read_text(encoding="ascii").strip())
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(base64.b64encode(key := secrets.token_bytes(32)).decode())
    return key


def old_secret_keys_bytes(settings: Settings) -> list[bytes]:
    """The master keys before: those of the settings, and `secret.key.old` in the data folder."""
    given = [_decode_key(text.strip()) for text in settings.old_secret_keys.split(",") if text.strip()]
    path = settings.data_dir / "secret.key.old"
    return given + ([_decode_key(path.read_text(encoding="ascii").strip())] if not settings.secret_key and path.exists() else [])


def _decode_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the secret key is not base64") from error
    if len(key) not in (32, 64):
        raise ValueError(f"the secret key has {len(key)} bytes, not 32 or 64")
    return key


def _read(setting: dataclasses.Field[Any], text: str) -> Any:
    """The setting's value, or a `Text` that says why the text is none."""
    if setting.type == "int":
        return _whole_number(text, setting.metadata["least"], setting.metadata["most"])
    if setting.type == "Path":
        return Path(text)
    if setting.type == "ZoneInfo":
        if text not in available_timezones():
            return Text(zh=f"{text!r} 不是 IANA 时区,例如 Asia/Shanghai", en=f"{text!r} is no IANA zone, such as Asia/Shanghai")
        return ZoneInfo(text)
    return text


def _whole_number(text: str, least: int, most: int) -> int | Text:
    try:
        number = int(text)
    except ValueError:
        return Text(zh=f"{text[:40]!r} 不是整数", en=f"{text[:40]!r} is no whole number")
    if least <= number <= most:
        return number
    return Text(zh=f"{number} 不在 {least} 与 {most} 之间", en=f"{number} is not between {least} and {most}")


def _unknown(name: str, known: Mapping[str, Any]) -> Text:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint_zh, hint_en = (f",是否想写 {PREFIX}{near[0].upper()}?", f", did you mean {PREFIX}{near[0].upper()}?") if near else ("", "")
    return Text(zh=f"没有 {PREFIX}{name.upper()} 这个配置{hint_zh}", en=f"there is no setting {PREFIX}{name.upper()}{hint_en}")


def _contradictions(settings: Settings) -> list[Text]:
    found: list[Text] = []

    def complain(wrong: bool, zh: str, en: str) -> None:
        if wrong:
            found.append(Text(zh=zh, en=en))

    database, hot, queue = (_scheme(url) for url in (settings.database_url, settings.redis_url, settings.effective_queue_url))
    complain(
        database not in {"", "sqlite", "postgresql+psycopg"},
        "SHEEPDOG_DATABASE_URL 须以 sqlite:/// 或 postgresql+psycopg:// 开头",
        "SHEEPDOG_DATABASE_URL starts with sqlite:/// or postgresql+psycopg://",
    )
    complain(
        hot not in {"", "redis", "rediss", "sentinel", "redis+cluster", "rediss+cluster"},
        "SHEEPDOG_REDIS_URL 须以 redis://、rediss://、sentinel:// 或 redis+cluster:// 开头",
        "SHEEPDOG_REDIS_URL starts with redis://, rediss://, sentinel:// or redis+cluster://",
    )
    complain(
        queue not in {"redis", "rediss"},
        "SHEEPDOG_QUEUE_URL 必须是单机 redis:// 或 rediss://:RQ 不能使用集群或哨兵",
        "SHEEPDOG_QUEUE_URL must be redis:// or rediss://: RQ cannot use a cluster or Sentinel URL",
    )
    complain(settings.lang not in {"", "zh", "en"}, "SHEEPDOG_LANG 须为 zh 或 en", "SHEEPDOG_LANG is zh or en")
    complain(
        settings.log_level not in {"debug", "info", "warning", "error"},
        "SHEEPDOG_LOG_LEVEL 须为 debug、info、warning 或 error",
        "SHEEPDOG_LOG_LEVEL is debug, info, warning or error",
    )
    complain(
        settings.webhook_targets not in {"public", "anywhere"},
        "SHEEPDOG_WEBHOOK_TARGETS 须为 public 或 anywhere",
        "SHEEPDOG_WEBHOOK_TARGETS is public or anywhere",
    )
    complain(
        settings.payout_channel not in {"shop", "sandbox"},
        "SHEEPDOG_PAYOUT_CHANNEL 须为 shop 或 sandbox",
        "SHEEPDOG_PAYOUT_CHANNEL is shop or sandbox",
    )
    for name in ("secret_key", "old_secret_keys", "audit_key"):
        try:
            for text in filter(None, map(str.strip, getattr(settings, name).split(","))):
                _decode_key(text)
        except ValueError:
            complain(True, f"{PREFIX}{name.upper()} 须为 32 字节的 base64", f"{PREFIX}{name.upper()} is 32 bytes in base64")
    return found


def _scheme(url: str) -> str:
    """The URL's scheme, "" for an empty URL, and one that no store has where there is none or the URL cannot be read."""
    try:
        parts = urlsplit(url)
        # Several hosts with their own ports stand in a Sentinel URL.
        if "," not in parts.netloc and parts.port == 0:
            return "unreadable"
    except ValueError:
        return "unreadable"
    return parts.scheme or ("unreadable" if url else "")


def _shown(setting: dataclasses.Field[Any], value: Any) -> str:
    if not setting.metadata["secret"] or value == "":
        return str(value)
    scheme, between, rest = str(value).partition("://")
    address = rest.partition("?")[0].partition("#")[0]
    # An @ past the query's beginning: the password itself may hold ?, # or /, so nothing of it is safe to show.
    if not between or "@" in rest[len(address) :]:
        return "(set)"
    return f"{scheme}://{address.rpartition('@')[2]}"
