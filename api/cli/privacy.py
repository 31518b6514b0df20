"""Commands about the keys of personal data, and about how long data is kept."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import click

from api.cli.common import Screen, caller_of, command_options, key_option, settings_and_services
from api.persons.keeping import due, keep_once
from core.config import Settings
from core.errors import Forbidden
from core.privacy.retention import KINDS, view
from core.privacy.rotation import require_rotated, rotate
from core.privacy.wiping import BATCH_ROWS
from core.text import Text


@click.group()
def privacy() -> None:
    """Keys of personal data, and retention."""


@privacy.command("new-key", epilog="Example:  sheepdog privacy new-key")
@key_option
@command_options
def new_key(screen: Screen, key: str | None) -> None:
    """Make the next master key. The service reads both until `rotate-key` has done its work."""
    settings, services = settings_and_services()
    _require_platform_admin(services, key)
    require_rotated(services.database, services.vault)
    made = base64.b64encode(services.vault.successor()).decode()
    if settings.secret_key:
        words = Text(
            zh="请设 SHEEPDOG_SECRET_KEY 为下面的值,把原值放入 SHEEPDOG_OLD_SECRET_KEYS,重启全部进程,再运行 sheepdog privacy rotate-key",
            en="set SHEEPDOG_SECRET_KEY to this and SHEEPDOG_OLD_SECRET_KEYS to the value it had, restart all processes, then run: sheepdog privacy rotate-key",
        )
        screen.result({"secret_key": made}, f"{words.pick(screen.lang)}\n{made}")
        return
    _put_in_place(settings, made)
    words = Text(
        zh="新密钥已就位(旧的在 secret.key.old)。请重启全部进程,再运行 sheepdog privacy rotate-key",
        en="the new key is in place, the old one in secret.key.old; restart all processes, then run: sheepdog privacy rotate-key",
    )
    screen.result({"file": str(settings.data_dir / "secret.key")}, words.pick(screen.lang))


@privacy.command("rotate-key", epilog="Example:  sheepdog privacy rotate-key")
@key_option
@command_options
def rotate_key(screen: Screen, key: str | None) -> None:
    """Wrap every subject's key under the newest master key, while the service runs. A second run finds nothing to do."""
    _, services = settings_and_services()
    actor = _require_platform_admin(services, key)

    def progress(done: int, of: int) -> None:
        if not screen.as_json:
            click.echo(f"\r{done}/{of}", nl=False, err=True)

    changed = rotate(services.database, services.vault, actor, services.clock.now(), progress)
    if not screen.as_json:
        click.echo("", err=True)
    words = Text(
        zh=f"已改由新密钥加密 {changed} 位顾客的密钥;旧密钥可以移除(SHEEPDOG_OLD_SECRET_KEYS 或 secret.key.old),备份仍需要它",
        en=f"{changed} keys are under the new master key; the old one may go (SHEEPDOG_OLD_SECRET_KEYS, or secret.key.old); older backups still need it",
    )
    screen.result({"rewrapped": changed, "key": services.vault.name}, words.pick(screen.lang))


@privacy.command(epilog="Example:  sheepdog privacy retention --dry-run")
@click.option("--dry-run", is_flag=True, help="Only tell how many rows are over.")
@key_option
@command_options
def retention(screen: Screen, dry_run: bool, key: str | None) -> None:
    """Delete what is over by the retention rules; the clerk does the same every hour."""
    _, services = settings_and_services()
    _require_platform_admin(services, key)
    now = services.clock.now()
    with services.database.read() as connection:
        counts = due(connection, services.retention, now)
    if not dry_run:
        while keep_once(services.database, services.vault, services.retention, now) >= BATCH_ROWS:
            pass
    rules = {one["kind"]: one for one in view(services.retention)}
    rows = [{**rules[kind], "rows": counts.get(kind)} for kind in KINDS]
    lines = [f"{_days(one['days'], screen):>12}  {'-' if one['rows'] is None else one['rows']:>8}  {one['title'][screen.lang]}" for one in rows]
    head = Text(zh=f"规则 {services.retention.name}:期限、到期行数、内容", en=f"rules {services.retention.name}: kept for, rows that are over, what").pick(
        screen.lang
    )
    screen.result({"rules": services.retention.name, "dry_run": dry_run, "kinds": rows}, "\n".join([head, *lines]))


def _days(days: int | None, screen: Screen) -> str:
    return Text(zh="不删除", en="for ever").pick(screen.lang) if days is None else Text(zh=f"{days} 天", en=f"{days} days").pick(screen.lang)


def _require_platform_admin(services: object, key: str | None) -> str:
    """All merchants' data is concerned. Returns the principal's id."""
    caller = caller_of(services, key)
    caller.require("admin")
    if caller.merchant != "*":
        raise Forbidden("platform_only", Text(zh="须用平台密钥", en="this needs a key of the platform"))
    return str(caller.principal_id)


def _put_in_place(settings: Settings, made: str) -> None:
    """The old file stays beside the new one, which is whole when it appears."""
    path = settings.data_dir / "secret.key"
    _write(settings.data_dir / "secret.key.old", path.read_text(encoding="ascii"))
    _write(settings.data_dir / "secret.key.new", made)
    (settings.data_dir / "secret.key.new").replace(path)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
