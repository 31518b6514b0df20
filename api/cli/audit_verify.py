"""`sheepdog audit verify`: the whole log in the database, or an export with the public key alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, caller_of, command_options, key_option, read_file, settings_and_services
from core.audit.checkpoints import Checkpoint, read_checkpoints
from core.audit.export import ExportSource
from core.audit.keys import from_pem
from core.audit.seals import Seal
from core.audit.source import DatabaseSource, Source
from core.audit.store import last_seal, seal_before, tree_of
from core.audit.verify import Progress, Report
from core.audit.verify import verify as verify_log
from core.errors import Malformed, SheepdogError, Unavailable
from core.text import Text

BROKEN, NOT_CHECKED = 1, 3


@click.command(epilog="Example:  sheepdog audit verify --checkpoint checkpoint.json")
@click.option("--since", default=None, metavar="SEAL|TIME", help="Take what is before this seal's number, or this time, as it is.")
@click.option("--checkpoint", "checkpoints", multiple=True, metavar="FILE", help="A checkpoint kept outside; proves that nothing before it was cut off.")
@click.option("--export", "export", default=None, metavar="FILE", help="Check an export instead of the database; needs no service and no key of the API.")
@click.option("--public-key", "public_keys", multiple=True, metavar="FILE", help="The public key that was kept outside (default: the data folder's own).")
@key_option
@command_options
def verify(screen: Screen, **options: Any) -> None:
    """Check the whole log: bytes, order, columns, seals, keys. Names the first thing that does not hold and what was done.

    Exit code 0: whole; 1: something does not hold; 2: wrong options; 3: it could not be checked.
    """
    started = time.monotonic()
    try:
        report = _checked(screen, **options)
    except (SheepdogError, OSError) as error:
        _not_checked(screen, error)
    screen.result(_shown(report, time.monotonic() - started), "\n".join(words.pick(screen.lang) for words in told(report)))
    if not report.whole:
        raise SystemExit(BROKEN)


def _checked(screen: Screen, since: str | None, checkpoints: tuple[str, ...], export: str | None, public_keys: tuple[str, ...], key: str | None) -> Report:
    trusted = [public for file in public_keys for public in from_pem(read_file(file))]
    kept = [one for file in checkpoints for one in read_checkpoints(read_file(file))]
    if export is not None:
        if since is not None:
            raise click.UsageError("--since is for the database; an export is checked as a whole")
        source = ExportSource(Path(export))
        with _bar(screen, max((seal.head.size for seal in source.seals()), default=0)) as progress:
            return verify_log(source, trusted, kept, progress=progress)
    return _online(screen, since, kept, trusted, key)


def _online(screen: Screen, since: str | None, kept: list[Checkpoint], trusted: list[bytes], key: str | None) -> Report:
    settings, services = settings_and_services()
    caller_of(services, key).require("compliance")
    own = services.audit_keys.public()
    if not trusted and own is not None:
        trusted = [own]
    anchored = Path(settings.audit_anchor_file)
    if not kept and since is None and settings.audit_anchor_file and anchored.exists() and anchored.stat().st_size:
        kept = read_checkpoints(read_file(str(anchored)))
    source: Source = DatabaseSource(services.database.read)
    beginning, total = _beginning(services, since, settings.zone)
    with _bar(screen, total) as progress:
        return verify_log(source, trusted, kept, beginning, progress)


def _beginning(services: Any, since: str | None, zone: Any) -> tuple[Seal | None, int]:
    """The seal to go on from, and how many records follow it."""
    with services.database.read() as connection:
        try:
            newest = last_seal(connection)
            if since is None:
                seal = None
            elif since.isdigit():
                seal = seal_before(connection, number=int(since))
            else:
                seal = seal_before(connection, at=_time(since, zone))
            size = tree_of(seal).size
        except ValueError as error:
            raise _cannot_begin() from error
    if seal is not None and not seal.signed_by_its_key():
        raise _cannot_begin()
    return seal, 0 if newest is None else newest.head.size - size


def _time(text: str, zone: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        example = "2026-11-20T08:00"
        words = Text(zh=f"{text!r} 既不是封印编号,也不是时间(如 {example})", en=f"{text!r} is neither a seal's number nor a time such as {example}")
        raise Malformed("bad_since", words) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _cannot_begin() -> Unavailable:
    words = Text(zh="日志的封印已损坏,请不带 --since 核对", en="a seal is damaged; verify without --since to have it named")
    return Unavailable("audit_log_damaged", words)


@contextmanager
def _bar(screen: Screen, total: int) -> Iterator[Progress]:
    """A progress bar where somebody is looking."""
    if screen.as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn("audit"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("audit", total=total)
        yield lambda done: bar.update(task, completed=done)


def told(report: Report) -> list[Text]:
    """The report in words: the verdict, what the key says, and what is not excluded."""
    lines = [_verdict(report)]
    if report.unnamed_keys:
        numbers = ", ".join(map(str, report.unnamed_keys))
        words = Text(
            zh=f"封印 {numbers} 的新密钥未经旧密钥签名引入,只因您信任它", en=f"no old key names the key of seal {numbers}; it passes because you trust it"
        )
        lines.append(words)
    if report.clock_set_back:
        numbers = ", ".join(map(str, report.clock_set_back[:10]))
        lines.append(Text(zh=f"封存时时钟被拨回过:封印 {numbers}", en=f"the clock had been set back at seal {numbers}"))
    if report.fault is None:
        lines += [_about_key(report), _about_end(report)] if report.seals else []
    return lines


def _verdict(report: Report) -> Text:
    if report.fault is not None:
        words = report.fault.words()
        return Text(zh=f"审计日志有问题。{words.zh}", en=f"the audit log does not hold. {words.en}")
    head = report.head
    if head is None:
        return Text(zh="审计日志完整(至最后一次封存):尚无封印", en="the audit log is whole up to its last seal: there is none yet")
    when = head.at.isoformat(timespec="seconds")
    return Text(
        zh=f"审计日志完整(至最后一次封存):核对了 {report.checked} 条记录、{report.seals} 个封印,最后封存于 {when}",
        en=f"the audit log is whole up to its last seal: {report.checked} records and {report.seals} seals, the last of {when}",
    )


def _about_key(report: Report) -> Text:
    names = ", ".join(report.keys)
    if report.key_compared:
        return Text(zh=f"签名密钥 {names} 与所持公钥相符", en=f"signed by key {names}, which the public key at hand vouches for")
    return Text(
        zh=f"签名密钥 {names} 未与外部保存的公钥对照,请用 --public-key",
        en=f"signed by key {names}, which was compared with none kept outside; give --public-key",
    )


def _about_end(report: Report) -> Text:
    if report.proven_until is not None:
        until = report.proven_until.isoformat(timespec="seconds")
        return Text(
            zh=f"到检查点 {until} 为止没有截断;此后的截断不能排除",
            en=f"nothing was cut off before the checkpoint of {until}; truncation after it is not excluded",
        )
    began = "" if report.began_at is None else report.began_at.isoformat(timespec="seconds")
    return Text(
        zh=f"没有对照检查点:不能排除 {began} 之后的日志末尾曾被截断",
        en=f"no checkpoint was compared: truncation of the log's end after {began} is not excluded",
    )


def _shown(report: Report, seconds: float) -> dict[str, Any]:
    head = report.head
    fault = {"seq": None, "entry": None, "fault": None} if report.fault is None else report.fault.shown()
    return {
        "whole": report.whole,
        **fault,
        "words": None if report.fault is None else {"zh": report.fault.words().zh, "en": report.fault.words().en},
        "checked": report.checked,
        "seals": report.seals,
        "size": report.size,
        "sealed_at": None if head is None else head.at.isoformat(),
        "root": None if head is None else head.root,
        "keys": report.keys,
        "key_compared": report.key_compared,
        "unnamed_keys": report.unnamed_keys,
        "clock_set_back": report.clock_set_back,
        "truncation_excluded_until": None if report.proven_until is None else report.proven_until.isoformat(),
        "seconds": round(seconds, 3),
    }


def _not_checked(screen: Screen, error: SheepdogError | OSError) -> Any:
    if isinstance(error, OSError):
        where = error.filename or ""
        error = Unavailable("file_unusable", Text(zh=f"无法使用 {where}:{error.strerror}", en=f"cannot use {where}: {error.strerror}"))
    try:
        screen.fail(error)
    except SystemExit:
        raise SystemExit(NOT_CHECKED) from None
