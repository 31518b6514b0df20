"""Commands about lists: make them, bring entries in from a file, and see which of them hold a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for, text_of
from core.errors import Malformed
from core.text import Text
from fraud.lists.changing import change_list, create_list, delete_list, find_list, opened_by
from fraud.lists.entries import KINDS, Change, Head, change_of, read_changes, written_csv
from fraud.lists.reading import all_lists, every_entry, holders_of
from rules.windows.listed import MATCHES


@click.group()
def lists() -> None:
    """Who and what is blocked, allowed or watched."""


@lists.command("list", epilog="Example:  sheepdog lists list")
@key_option
@merchant_option
@command_options
def show_all(screen: Screen, key: str | None, merchant: str | None) -> None:
    """All lists, with how many entries are in effect."""
    services, _, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        found = all_lists(connection, of, services.clock.now())
    lines = [f"{one['name']:<32} {one['kind']:<6} {one['match']:<7} {one['field']:<16} {one['entries']:>9,}  {one['origin']}" for one in found]
    screen.result(found, "\n".join(lines))


@lists.command(epilog="Example:  sheepdog lists create blocked-devices --kind block --field device")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True)
@click.option("--match", type=click.Choice(MATCHES), default="text", show_default=True)
@click.option("--field", required=True, help="The field of events that its entries are of: device, ip, phone …")
@click.option("--note", default="")
@key_option
@merchant_option
@command_options
def create(screen: Screen, name: str, kind: str, match: str, field: str, note: str, key: str | None, merchant: str | None) -> None:
    """Make an empty list."""
    services, caller, of = services_for(key, merchant, "compliance")
    with services.database.write() as connection:
        create_list(connection, Head(of, name, kind, match, field, note), caller.principal_id, services.clock.now())
    screen.result({"name": name}, Text(zh=f"已建立名单 {name}", en=f"made the list {name}").pick(screen.lang))


@lists.command(epilog="Example:  sheepdog lists add blocked-devices d-93 --reason 'sells coupons'")
@click.argument("name")
@click.argument("entry")
@click.option("--reason", required=True)
@click.option("--until", help="An ISO time; without it the entry has no end.")
@key_option
@merchant_option
@command_options
def add(screen: Screen, name: str, entry: str, reason: str, until: str | None, key: str | None, merchant: str | None) -> None:
    """Add or renew one entry."""
    _change_one(screen, (name, entry, reason, until), key, merchant, remove=False)


@lists.command(epilog="Example:  sheepdog lists remove blocked-devices d-93 --reason 'sold second-hand'")
@click.argument("name")
@click.argument("entry")
@click.option("--reason", required=True)
@key_option
@merchant_option
@command_options
def remove(screen: Screen, name: str, entry: str, reason: str, key: str | None, merchant: str | None) -> None:
    """Remove one entry, named by its value or its key."""
    _change_one(screen, (name, entry, reason, None), key, merchant, remove=True)


@lists.command("import", epilog="Example:  sheepdog lists import datacenter-networks clouds.csv --note 'published ranges, October'")
@click.argument("name")
@click.argument("file")
@click.option("--remove", is_flag=True, help="Remove the entries of the file.")
@click.option("--note", default="", help="For the second person, who approves what is long.")
@key_option
@merchant_option
@command_options
def import_entries(screen: Screen, name: str, file: str, remove: bool, note: str, key: str | None, merchant: str | None) -> None:
    """Bring in a CSV with the columns entry and reason (and expires_at); all of it or nothing. A long one waits for approval."""
    services, caller, of = services_for(key, merchant, "compliance")
    now = services.clock.now()
    with services.database.read() as connection:
        head = find_list(connection, of, name)
    changes = read_changes(services.vault, head, text_of(file), now, remove=remove)
    _apply(screen, services, caller, head, changes, note)


@lists.command(epilog="Example:  sheepdog lists export blocked-devices > blocked-devices.csv")
@click.argument("name")
@key_option
@merchant_option
@command_options
def export(screen: Screen, name: str, key: str | None, merchant: str | None) -> None:
    """Write the entries in effect as CSV. `key` names an entry where its value is masked, and can be imported again."""
    services, _, of = services_for(key, merchant, "compliance")
    with services.database.read() as connection:
        for line in written_csv(every_entry(connection, find_list(connection, of, name), services.clock.now())):
            click.echo(line, nl=False)


@lists.command(epilog="Example:  sheepdog lists lookup device d-93")
@click.argument("field")
@click.argument("value")
@key_option
@merchant_option
@command_options
def lookup(screen: Screen, field: str, value: str, key: str | None, merchant: str | None) -> None:
    """Which lists hold a value, by whom and why."""
    services, _, of = services_for(key, merchant, "compliance")
    with services.database.read() as connection:
        found = holders_of(connection, services.vault, of, field, value, services.clock.now())
    lines = [f"{one['name']} ({one['kind']}): {one['entry']['entry']}  {one['entry']['reason']}  {one['entry']['owner']}" for one in found]
    screen.result(found, "\n".join(lines) or Text(zh="没有名单包含它", en="no list holds it").pick(screen.lang))


@lists.command(epilog="Example:  sheepdog lists delete old-devices")
@click.argument("name")
@key_option
@merchant_option
@command_options
def delete(screen: Screen, name: str, key: str | None, merchant: str | None) -> None:
    """Delete a list; refused while a policy asks for it."""
    services, caller, of = services_for(key, merchant, "compliance")
    policies = list(services.rulesets.bundle().for_merchant(of))
    with services.database.write() as connection:
        delete_list(connection, find_list(connection, of, name), policies, caller.principal_id, services.clock.now())
    screen.result({"deleted": name}, Text(zh=f"已删除名单 {name}", en=f"deleted the list {name}").pick(screen.lang))


def _change_one(screen: Screen, written: tuple[str, str, str, str | None], key: str | None, merchant: str | None, *, remove: bool) -> None:
    name, entry, reason, until = written
    services, caller, of = services_for(key, merchant, "compliance")
    with services.database.read() as connection:
        head = find_list(connection, of, name)
    moment = None if until is None else moment_of(until)
    one = change_of(services.vault, head, entry, reason, moment, remove=remove, now=services.clock.now())
    _apply(screen, services, caller, head, [one], reason)


def _apply(screen: Screen, services: Any, caller: Any, head: Head, changes: list[Change], note: str) -> None:
    if not changes:
        raise Malformed("nothing_to_change", Text(zh="没有要改的条目", en="there is nothing to change"))
    opening = opened_by(services.rulesets.bundle().for_merchant(head.merchant))
    with services.database.write() as connection:
        approval = change_list(connection, head, changes, caller.principal_id, note, services.clock.now(), opening)
    done = Text(zh=f"名单 {head.name}:已改 {len(changes)} 条", en=f"list {head.name}: changed {len(changes)}")
    waits = Text(
        zh=f"名单 {head.name}:{len(changes)} 条等待审批 {approval}",
        en=f"list {head.name}: {len(changes)} wait for the approval {approval}; a second person runs: sheepdog approvals approve {approval}",
    )
    screen.result({"changed": 0 if approval else len(changes), "approval_id": approval}, (waits if approval else done).pick(screen.lang))


def moment_of(text: str) -> datetime:
    """An ISO time as it is given on the command line. Raises `Malformed`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_time", Text(zh="时间如 2026-12-31T20:00:00+08:00", en="a time is such as 2026-12-31T20:00:00+08:00")) from error
    if at.tzinfo is None:
        raise Malformed("bad_time", Text(zh="时间须带时区", en="give the time with its zone"))
    return at
