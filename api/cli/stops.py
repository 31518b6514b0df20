"""Commands that stop a rule at once, and ask a second person to start it again. They join the group of `api.cli.rules`."""

from __future__ import annotations

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from core.text import Text


@click.command(epilog="Example:  sheepdog rules stop new-user-claim device-farm --reason 'it refuses a whole campus'")
@click.argument("policy")
@click.argument("rule")
@click.option("--reason", required=True, help="Why, for the record.")
@key_option
@merchant_option
@command_options
def stop(screen: Screen, policy: str, rule: str, reason: str, key: str | None, merchant: str | None) -> None:
    """Stop a rule: it refuses nobody any more, and what it would have refused is held for a person."""
    from fraud.stops.changing import stop_rule

    services, caller, of = services_for(key, merchant, "marketer", "compliance")
    policies = services.rulesets.bundle().for_merchant(of)
    with services.database.write() as connection:
        who, now = caller.principal_id, services.clock.now()
        made = stop_rule(connection, of, policies, policy=policy, rule=rule, reason=reason, actor=who, now=now)
    shown = Text(zh=f"已停用 {policy}/{rule}:{made['id']}", en=f"stopped {policy}/{rule}: {made['id']}")
    screen.result(made, shown.pick(screen.lang))


@click.command(epilog="Example:  sheepdog rules start stp_01J… --note 'the campus is on a list now'")
@click.argument("stop_id")
@click.option("--note", default="", help="For the person who approves.")
@key_option
@merchant_option
@command_options
def start(screen: Screen, stop_id: str, note: str, key: str | None, merchant: str | None) -> None:
    """Ask a second person to let a stopped rule count again."""
    from fraud.stops.changing import ask_start

    services, caller, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.write() as connection:
        made = ask_start(connection, of, stop_id, note, caller.principal_id, services.clock.now())
    approval = made["approval_id"]
    shown = Text(zh=f"等待第二人批准:sheepdog approvals approve {approval}", en=f"waits for a second person: sheepdog approvals approve {approval}")
    screen.result(made, shown.pick(screen.lang))


@click.command(epilog="Example:  sheepdog rules stops")
@key_option
@merchant_option
@command_options
def stops(screen: Screen, key: str | None, merchant: str | None) -> None:
    """Rules that are stopped now."""
    from fraud.stops.changing import stops_of

    services, _, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        rows = stops_of(connection, of, "", 10_000)
    lines = [f"{row['id']}  {row['policy']}/{row['rule']}  {row['stopped_at']}  {row['reason']}" for row in rows]
    screen.result(rows, "\n".join(lines) or Text(zh="没有停用的规则", en="no rule is stopped").pick(screen.lang))
