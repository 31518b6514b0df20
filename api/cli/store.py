"""Commands about what is kept: effective settings, schema, backup and restore."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.common import Screen, command_options, settings_and_services
from core.config import load_settings
from core.text import Text


@click.command(epilog="Example:  sheepdog config --json")
@command_options
def config(screen: Screen) -> None:
    """Show the effective settings; secrets are masked."""
    shown = load_settings().shown()
    width = max(map(len, shown))
    screen.result(shown, "\n".join(f"SHEEPDOG_{name.upper():<{width}}  {value}" for name, value in shown.items()))


@click.group()
def db() -> None:
    """The database's schema."""


@db.command(epilog="Example:  sheepdog db upgrade")
@command_options
def upgrade(screen: Screen) -> None:
    """Bring the database to the newest schema."""
    from core.db import migrate

    settings, services = settings_and_services()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate.upgrade(services.database)
    services.keep_shipped()
    with services.database.read() as connection:
        revision = migrate.current(connection)
    screen.result({"revision": revision}, Text(zh=f"数据库已是最新版本 {revision}", en=f"the database is at revision {revision}").pick(screen.lang))


@click.command(epilog="Example:  sheepdog backup sheepdog-2026-11-23.tar.gz")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--without-secret", is_flag=True, help="Leave both keys out: personal data is then read, and the audit sealed, only where they are kept.")
@command_options
def backup(screen: Screen, file: str, without_secret: bool) -> None:
    """Write database, settings, secret key and the audit's signing key into one file (mode 0600)."""
    from core.config import secret_key_bytes
    from core.db.backup import write_backup

    settings, services = settings_and_services()
    secret = None if without_secret else secret_key_bytes(settings)
    audit_key = None if without_secret else services.audit_keys.secret()
    manifest = write_backup(services.database, Path(file), settings.shown(), secret, services.clock.now(), audit_key)
    rows = sum(table["rows"] for table in manifest["tables"].values())
    shown = Text(zh=f"已备份 {rows} 行到 {file}", en=f"{rows} rows backed up to {file}").pick(screen.lang)
    screen.result({"file": file, **manifest}, shown)


@click.command(epilog="Example:  SHEEPDOG_DATA_DIR=var-restored sheepdog restore sheepdog-2026-11-23.tar.gz")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@command_options
def restore(screen: Screen, file: str) -> None:
    """Restore a backup into an empty database and check it: rows, hashes, audit chain, ledger."""
    from api.wiring import open_store
    from core.db.backup import read_backup

    settings = load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    report = read_backup(open_store(settings), Path(file), settings)
    shown = Text(zh=f"已恢复并核对 {report['rows']} 行", en=f"{report['rows']} rows restored and checked").pick(screen.lang)
    screen.result(report, shown)
