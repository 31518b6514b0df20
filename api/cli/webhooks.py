"""Commands about webhooks: register, list, look at what was given up, send it again."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import ColumnElement

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from core.audit.log import append
from core.text import Text
from core.webhooks import deliveries, endpoints
from core.webhooks.addresses import addresses_of, parse_target
from core.webhooks.signing import secret_of
from core.webhooks.tables import webhook_deliveries


@click.group()
def webhooks() -> None:
    """Where other systems hear of what happens."""


@webhooks.command(epilog="Example:  sheepdog webhooks add https://erp.example.com/sheepdog --topic reward.posted")
@click.argument("url")
@click.option("--topic", "topics", multiple=True, help="Only this topic; may be given several times.")
@key_option
@merchant_option
@command_options
def add(screen: Screen, url: str, topics: tuple[str, ...], key: str | None, merchant: str | None) -> None:
    """Register an address; shows the secret with which its receiver checks signatures."""
    services, caller, of = _who(key, merchant)
    addresses_of(parse_target(url, services.webhooks_anywhere), services.webhooks_anywhere)
    with services.database.write() as connection:
        made = endpoints.register(connection, of, url, topics, caller.principal_id, services.clock.now())
    secret = secret_of(services.vault, made.id, made.secret_number)
    screen.result({**made.public(), "secret": secret}, f"{made.id}\n{Text(zh='密钥', en='secret').pick(screen.lang)}: {secret}")


@webhooks.command("list", epilog="Example:  sheepdog webhooks list")
@key_option
@merchant_option
@command_options
def list_webhooks(screen: Screen, key: str | None, merchant: str | None) -> None:
    """List the merchant's webhooks."""
    services, _, of = _who(key, merchant)
    with services.database.read() as connection:
        rows = [one.public() for one in endpoints.endpoints_of(connection, of)]
    lines = [f"{row['id']}  {'on ' if row['enabled'] else 'off'}  {row['url']}  {','.join(row['topics']) or '*'}" for row in rows]
    screen.result(rows, "\n".join(lines))


@webhooks.command(epilog="Example:  sheepdog webhooks dead whe_01J…")
@click.argument("webhook")
@key_option
@merchant_option
@command_options
def dead(screen: Screen, webhook: str, key: str | None, merchant: str | None) -> None:
    """List what was given up."""
    services, _, of = _who(key, merchant)
    with services.database.read() as connection:
        endpoints.find(connection, of, webhook)
        rows = deliveries.listed(connection, of, webhook, "dead", "", 1000)
    lines = [f"{row['id']}  {row['topic']:<20}  {row['ref']}  {row['last_status'] or row['last_error']}" for row in rows]
    screen.result(rows, "\n".join(lines))


@webhooks.command(epilog="Example:  sheepdog webhooks replay whe_01J… --topic reward.posted")
@click.argument("webhook")
@click.option("--topic", default=None, help="Only this topic.")
@click.option("--delivery", default=None, help="Only this delivery, whether it was given up or delivered.")
@key_option
@merchant_option
@command_options
def replay(screen: Screen, webhook: str, topic: str | None, delivery: str | None, key: str | None, merchant: str | None) -> None:
    """Send again what was given up, or one delivery."""
    services, caller, of = _who(key, merchant)
    mine, now = webhook_deliveries.c, services.clock.now()
    asked: list[ColumnElement[bool]] = [mine.endpoint_id == webhook, mine.id == delivery if delivery else mine.state == "dead"]
    asked += [mine.topic == topic] if topic else []
    with services.database.write() as connection:
        endpoints.find(connection, of, webhook)
        count = deliveries.replay(connection, of, *asked, now=now)
        append(connection, merchant=of, actor=caller.principal_id, action="webhook.replayed", target=webhook, now=now, detail={"count": count})
    screen.result({"count": count}, Text(zh=f"将重新发送 {count} 条", en=f"{count} will be sent again").pick(screen.lang))


def _who(key: str | None, merchant: str | None) -> tuple[Any, Any, str]:
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("admin")
    return services, caller, caller.for_merchant(merchant)
