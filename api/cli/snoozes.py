"""Commands that silence a rule of a policy for one value for a while. They join the group of `api.cli.rules`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from api.cli.lists import moment_of
from core.errors import Malformed
from core.text import Text


@click.group()
def snooze() -> None:
    """Rules that are silenced for one value for a while."""


@snooze.command(epilog="Example:  sheepdog rules snooze add new-user-claim device-farm --field device --value d1 --days 3 --comment 'a phone shop'")
@click.argument("policy")
@click.argument("rule")
@click.option("--field", required=True, help="The field of events: device, user, ip, phone …")
@click.option("--value", required=True, help="Its value; kept as a keyed hash.")
@click.option("--until", default=None, help="An ISO time with its zone.")
@click.option("--days", type=click.IntRange(1, 30), default=None, help="In place of a time. Beyond 7 a second person approves.")
@click.option("--comment", required=True, help="Why, for the record.")
@key_option
@merchant_option
@command_options
def add(
    screen: Screen,
    policy: str,
    rule: str,
    field: str,
    value: str,
    until: str | None,
    days: int | None,
    comment: str,
    key: str | None,
    merchant: str | None,
) -> None:
    """Silence a rule of a policy for one value of a field."""
    from fraud.snoozes.asking import asked_snooze
    from fraud.snoozes.changing import add_snooze

    services, caller, of = services_for(key, merchant, "compliance")
    now = services.clock.now()
    named = {"policy": policy, "rule": rule, "field": field, "value": value, "comment": comment}
    asked = asked_snooze(services.vault, of, services.rulesets.bundle().for_merchant(of), **named, until=_until(until, days, now), now=now)
    with services.database.write() as connection:
        made = add_snooze(connection, asked, caller.principal_id, now)
    approval = made["approval_id"]
    done = Text(zh=f"已暂停 {made['id']},至 {made['expires_at']}", en=f"snoozed, {made['id']}, until {made['expires_at']}")
    waits = Text(
        zh=f"{made['id']} 等待审批 {approval}",
        en=f"{made['id']} waits for the approval {approval}; a second person runs: sheepdog approvals approve {approval}",
    )
    screen.result(made, (waits if approval else done).pick(screen.lang))


@snooze.command("list", epilog="Example:  sheepdog rules snooze list --policy new-user-claim")
@click.option("--policy", default="", help="Of this policy only.")
@key_option
@merchant_option
@command_options
def show_all(screen: Screen, policy: str, key: str | None, merchant: str | None) -> None:
    """Those in effect, and those that wait for a second person."""
    from fraud.snoozes.changing import OPEN_MAX, snoozes_of

    services, _, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        rows = snoozes_of(connection, of, policy, services.clock.now(), "", OPEN_MAX)
    screen.result(rows, "\n".join(_line(row) for row in rows) or Text(zh="没有暂停的规则", en="no rule is snoozed").pick(screen.lang))


@snooze.command(epilog="Example:  sheepdog rules snooze end snz_01J…")
@click.argument("snooze_id")
@key_option
@merchant_option
@command_options
def end(screen: Screen, snooze_id: str, key: str | None, merchant: str | None) -> None:
    """End a snooze before its time."""
    from fraud.snoozes.changing import end_snooze

    services, caller, of = services_for(key, merchant, "compliance")
    with services.database.write() as connection:
        ended = end_snooze(connection, of, snooze_id, caller.principal_id, services.clock.now())
    screen.result(ended, Text(zh=f"已结束 {snooze_id},规则恢复", en=f"ended {snooze_id}; the rule speaks again").pick(screen.lang))


def _until(until: str | None, days: int | None, now: datetime) -> datetime:
    if (until is None) == (days is None):
        raise Malformed("bad_time", Text(zh="请用 --until 或 --days 之一", en="give either --until or --days"))
    return now + timedelta(days=days) if days is not None else moment_of(str(until))


def _line(row: dict[str, Any]) -> str:
    return f"{row['id']}  {row['state']:<8}  {row['policy']}/{row['rule']}  {row['field']}={row['value']}  {row['expires_at']}  {row['comment']}"
