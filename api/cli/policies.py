"""Commands for published policies: propose a file, see what runs, compare versions or files, bring an old version back.

They join the group of `api.cli.rules`, whose commands work on files alone.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, read_file, settings_and_services
from api.cli.histories import rules_history
from api.cli.rules import rules
from api.cli.snoozes import snooze
from api.cli.stops import start, stop, stops
from core.errors import Malformed
from core.text import Text

__all__ = ["rules"]
rules.add_command(snooze)
for _command in (stop, start, stops):
    rules.add_command(_command)
rules.add_command(rules_history, "history")


@rules.command(epilog="Example:  sheepdog rules publish rules/packs/new-user-claim.yaml --note 'farm size 3 to 5' --base 4")
@click.argument("file")
@click.option("--note", default="", help="What changes and why, for the person who approves and for the record.")
@click.option("--base", type=int, default=None, help="The version you started from; a newer one refuses the edit.")
@click.option("--from", "begins", default=None, metavar="TIME", help="Serve from then on, not at once (2026-11-11 or 2026-11-11T20:00).")
@click.option("--to", "ends", default=None, metavar="TIME", help="Serve until then; afterwards the version before it serves again.")
@key_option
@merchant_option
@command_options
def publish(screen: Screen, file: str, note: str, base: int | None, begins: str | None, ends: str | None, key: str | None, merchant: str | None) -> None:
    """Check and try a file and propose it as the policy's next version; a second person approves it with `sheepdog approvals approve`."""
    from fraud.rulesets.publishing import propose_policy

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer")
    of, ready = caller.for_merchant(merchant), _ready(screen, file)
    services.rulesets.bundle().for_merchant(of).require_scene(ready.loaded.ruleset)
    zone = ready.loaded.ruleset.zone
    with services.database.write() as connection:
        made = propose_policy(
            connection,
            merchant=of,
            loaded=ready.loaded,
            source=ready.source,
            author=caller.principal_id,
            note=note,
            now=services.clock.now(),
            base_version=base,
            effective_from=_moment(begins, zone, ends=False),
            effective_to=_moment(ends, zone, ends=True),
            includes=ready.includes,
        )
    _say_proposed(screen, made)


@rules.command("list", epilog="Example:  sheepdog rules list --json")
@key_option
@merchant_option
@command_options
def list_them(screen: Screen, key: str | None, merchant: str | None) -> None:
    """List the policies that may judge the merchant's events, and where each comes from."""
    from fraud.rulesets.catalogue import list_policies

    services, of = _reader(key, merchant)
    with services.database.read() as connection:
        rows = list_policies(connection, of, services.rulesets.shipped)
    screen.result(rows, "\n".join(f"{row['id']:<32} {row['scene']:<20} {row['origin']:<9} v{row['live_version'] or '-'}" for row in rows))


@rules.command(epilog="Example:  sheepdog rules show new-user-claim")
@click.argument("policy_id")
@key_option
@merchant_option
@command_options
def show(screen: Screen, policy_id: str, key: str | None, merchant: str | None) -> None:
    """Show one published policy: its live document and every version with author and approver."""
    from fraud.rulesets.catalogue import show_policy

    services, of = _reader(key, merchant)
    with services.database.read() as connection:
        found = show_policy(connection, of, policy_id)
    lines = [_line(one) for one in found["versions"]]
    screen.result(found, "\n".join([f"{found['id']}  {found['scene']}  v{found['live_version'] or '-'}", *lines]))


@rules.command(epilog="Example:  sheepdog rules diff new-user-claim 3 4")
@click.argument("what", nargs=-1, required=True, metavar="ID FROM TO | OLD.yaml NEW.yaml")
@key_option
@merchant_option
@command_options
def diff(screen: Screen, what: tuple[str, ...], key: str | None, merchant: str | None) -> None:
    """Show what changed between two versions of a policy, or between two files, by meaning; two files need no server."""
    from fraud.rulesets.catalogue import diff_versions
    from rules.changes import render
    from rules.diff import diff as compare

    if len(what) == 2:
        changes = compare(_document(screen, what[0]), _document(screen, what[1]))
    elif len(what) == 3 and what[1].isdecimal() and what[2].isdecimal():
        services, of = _reader(key, merchant)
        with services.database.read() as connection:
            changes = diff_versions(connection, of, what[0], int(what[1][:7]), int(what[2][:7]))
    else:
        raise click.UsageError("name a policy and two versions, or two files")
    screen.result([change.as_dict(screen.lang) for change in changes], render(changes, screen.lang))


@rules.command(epilog="Example:  sheepdog rules rollback new-user-claim 3 --note 'version 4 held honest customers'")
@click.argument("policy_id")
@click.argument("version", type=click.IntRange(1, 10**6))
@click.option("--note", default="", help="Why, for the person who approves and for the record.")
@key_option
@merchant_option
@command_options
def rollback(screen: Screen, policy_id: str, version: int, note: str, key: str | None, merchant: str | None) -> None:
    """Propose an earlier version's document as a new version; a second person approves it as any other."""
    from fraud.rulesets.gate import ready_version
    from fraud.rulesets.publishing import rollback_policy

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer")
    of = caller.for_merchant(merchant)
    ready_version(services.database, of, policy_id, version)
    with services.database.write() as connection:
        who, now = caller.principal_id, services.clock.now()
        made = rollback_policy(connection, merchant=of, policy=policy_id, to_version=version, author=who, note=note, now=now)
    _say_proposed(screen, made)


def _reader(key: str | None, merchant: str | None) -> tuple[Any, str]:
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance")
    return services, caller.for_merchant(merchant)


def _ready(screen: Screen, file: str) -> Any:
    """The file, checked and tried; what is wrong is shown with its lines."""
    from api.cli.rules_files import from_here, problems_in, render
    from fraud.rulesets.gate import ready_file

    path = Path(file)

    def beside(name: str) -> bytes | None:
        other = path.parent / name
        return other.read_bytes() if other.is_file() and other.resolve().parent == path.parent.resolve() else None

    try:
        return ready_file(read_file(file), path.name, beside)
    except Malformed as error:
        if screen.as_json or not problems_in(error):
            raise
        click.echo(render(problems_in(from_here(error, path)), screen.lang), err=True)
        raise SystemExit(1) from error


def _document(screen: Screen, file: str) -> Any:
    from api.cli.rules_files import load_path, problems_in, render

    try:
        return load_path(file).document
    except Malformed as error:
        if screen.as_json:
            raise
        click.echo(render(problems_in(error), screen.lang), err=True)
        raise SystemExit(1) from error


def _moment(written: str | None, zone: Any, *, ends: bool) -> datetime | None:
    from rules.files.literals import moment

    found = None if written is None else moment(written, zone, ends=ends)
    if written is not None and found is None:
        text = Text(zh=f"{written} 不是日期或时间,写成 2026-11-11 或 2026-11-11T20:00", en=f"{written} is no time; write 2026-11-11 or 2026-11-11T20:00")
        raise Malformed("not_a_time", text)
    return found


def _say_proposed(screen: Screen, made: Any) -> None:
    body = {"policy": made.policy, "version": made.version, "approval_id": made.approval_id, "content_hash": made.content_hash}
    command = f"\n  sheepdog approvals approve {made.approval_id}"
    shown = Text(
        zh=f"{made.policy} 第 {made.version} 版已送审。另一位同事批准后两秒内生效:{command}",
        en=f"{made.policy} version {made.version} is proposed. A second person puts it live within two seconds:{command}",
    )
    screen.result(body, shown.pick(screen.lang))


def _line(one: dict[str, Any]) -> str:
    words = [f"v{one['version']:<4}", f"{one['state']:<9}", one["content_hash"][:12], "", f"{one['author']} / {one['approver'] or '-'}", "", one["note"]]
    if one["based_on"]:
        words.append(f"(v{one['based_on']})")
    if one["effective_from"] or one["effective_to"]:
        words.append(f"{one['effective_from'] or ''} … {one['effective_to'] or ''}")
    return " ".join(words).rstrip()
