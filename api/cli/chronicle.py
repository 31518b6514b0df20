"""Commands that ask the audit log: entries by whatever is known, the life of a reward, a campaign's month, tables for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.cli.audit import audit
from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from api.cli.lists import moment_of
from core.text import Text

_SCOPE = "compliance"


@audit.command(epilog="Example:  sheepdog audit find --user openid-42 --since 2026-11-01T00:00+08:00")
@click.option("--user", default=None, help="A customer, as the shop calls them.")
@click.option("--subject", default=None, help="A customer, by our id.")
@click.option("--campaign", default=None)
@click.option("--policy", default=None)
@click.option("--rule", default=None, help="A rule of --policy.")
@click.option("--version", type=click.IntRange(1), default=None, help="Of --campaign or of --policy.")
@click.option("--decision", default=None)
@click.option("--reward", default=None)
@click.option("--target", default=None)
@click.option("--actor", default=None, help="A principal's id or name.")
@click.option("--action", default=None, help="Such as reward.posted, or 'reward.' for all that begin so.")
@click.option("--since", default=None, help="An ISO time with its zone.")
@click.option("--until", default=None, help="An ISO time with its zone.")
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), show_default=True)
@key_option
@merchant_option
@command_options
def find(screen: Screen, user: str | None, since: str | None, until: str | None, limit: int, key: str | None, merchant: str | None, **asked: Any) -> None:
    """Find entries to which all that is given applies, newest first, in words."""
    from api.chronicle.entries import Question, find_entries
    from core.privacy.subjects import find_subject

    services, _, of = services_for(key, merchant, _SCOPE)
    asked |= {name: None if given is None else moment_of(given) for name, given in (("since", since), ("until", until))}
    with services.database.read() as connection:
        if user is not None:
            person = find_subject(connection, services.vault, of, user)
            asked["subject"] = "" if person is None else person.id
        found = find_entries(connection, Question(of, **asked), limit)
    screen.result([one.public() for one in found], "\n".join(f"{one.at.isoformat()}  {one.words.pick(screen.lang)}  [{one.id}]" for one in found))


@audit.command(epilog="Example:  sheepdog audit timeline rwd_01J…")
@click.argument("reward")
@key_option
@merchant_option
@command_options
def timeline(screen: Screen, reward: str, key: str | None, merchant: str | None) -> None:
    """Tell the life of a reward, from its campaign's first draft to the money."""
    from api.chronicle.reward import reward_timeline

    services, _, of = services_for(key, merchant, _SCOPE)
    with services.database.read() as connection:
        steps = reward_timeline(connection, of, reward)
    screen.result([one.public() for one in steps], "\n".join(f"{one.at.isoformat()}  {one.words.pick(screen.lang)}" for one in steps))


@audit.command(epilog="Example:  sheepdog audit report new-user-coupon --month 2026-11 --html november.html --csv november.csv")
@click.argument("campaign")
@click.option("--month", required=True, help="Such as 2026-11, by the campaign's own clocks.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), default=None)
@click.option("--csv", "table", type=click.Path(dir_okay=False, path_type=Path), default=None)
@key_option
@merchant_option
@command_options
def report(screen: Screen, campaign: str, month: str, html: Path | None, table: Path | None, key: str | None, merchant: str | None) -> None:
    """Write a campaign's month: counts, money, refusals by reason, appeals, and who overruled the engine."""
    from api.chronicle.report import month_report
    from api.chronicle.shown import as_csv, as_html, as_json

    services, _, of = services_for(key, merchant, _SCOPE, "marketer")
    with services.database.read() as connection:
        found = month_report(connection, of, campaign, month)
    for path, shown in ((html, as_html), (table, as_csv)):
        if path is not None:
            path.write_text(shown(found, screen.lang), encoding="utf-8", newline="")
    screen.result(as_json(found), as_csv(found, screen.lang).lstrip("\ufeff").replace("\r\n", "\n").rstrip())


@audit.command(epilog="Example:  sheepdog audit extract november --format parquet --since 2026-11-01T00:00+08:00 --until 2026-12-01T00:00+08:00")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl", "parquet"]), default="csv", show_default=True)
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(["entries", "decisions", "rewards", "transfers", "cases"]), help="Several may be named; default: all."
)
@click.option("--since", default=None, help="An ISO time with its zone.")
@click.option("--until", default=None, help="An ISO time with its zone.")
@key_option
@merchant_option
@command_options
def extract(
    screen: Screen, folder: Path, form: str, parts: tuple[str, ...], since: str | None, until: str | None, key: str | None, merchant: str | None
) -> None:
    """Write tables of the record into a folder, with a manifest that has the SHA-256 of each file."""
    from api.chronicle.extract import PARTS, Wanted
    from api.chronicle.extract import extract as write
    from core.audit.log import append
    from core.canon import digest_of

    services, caller, of = services_for(key, merchant, _SCOPE)
    begin, end = (None if given is None else moment_of(given) for given in (since, until))
    now = services.clock.now()
    wanted = Wanted(of, list(parts) or list(PARTS), form, begin, end, caller.principal_id, now)
    with services.database.read() as connection:
        manifest = write(connection, wanted, folder)
    with services.database.write() as connection:
        detail = {"files": [{name: one[name] for name in ("name", "rows", "sha256")} for one in manifest["files"]]}
        append(connection, merchant=of, actor=caller.principal_id, action="data.extracted", target=digest_of(manifest), now=now, detail=detail)
    lines = [f"{one['name']:<20}{one['rows']:>10}  {one['sha256']}" for one in manifest["files"]]
    screen.result(manifest, "\n".join([*lines, Text(zh=f"已写入 {folder}", en=f"written to {folder}").pick(screen.lang)]))


@audit.command("check-extract", epilog="Example:  sheepdog audit check-extract november")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@command_options
def check_extract(screen: Screen, folder: Path) -> None:
    """Compare the files of a folder with its manifest; needs no key and no server. Exit code 1 where one differs."""
    from api.chronicle.extract import check

    changed = check(folder)
    words = Text(zh="全部文件与清单一致", en="every file is what the manifest says") if not changed else Text(zh="不一致:", en="not what the manifest says: ")
    screen.result({"changed": changed}, words.pick(screen.lang) + ", ".join(changed))
    if changed:
        raise SystemExit(1)
