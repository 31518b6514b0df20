"""Commands about who may act: principals, their keys, and approvals. The first principal is made on an empty database without a key."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import func, select

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from api.cli.delegations import add, check, end, rules, show_all
from core.access.approvals import STATES
from core.access.principals import PLATFORM, SCOPES, SYSTEM, add_principal, create_key, find_principal, revoke_key
from core.db.tables import api_keys
from core.db.tables import principals as principals_table
from core.errors import Forbidden, NotFound
from core.text import Text


@click.group()
def principals() -> None:
    """People and services that may act."""


@principals.command("create", epilog="Example:  sheepdog principals create li-ming --merchant teashop --kind person")
@click.argument("name")
@click.option("--kind", type=click.Choice(["person", "service"]), default="person")
@key_option
@merchant_option
@command_options
def create_principal(screen: Screen, name: str, kind: str, key: str | None, merchant: str | None) -> None:
    """Make a principal; `--merchant '*'` makes one of the platform."""
    _, services = settings_and_services()
    actor, merchant = _administrator(services, key, merchant)
    with services.database.write() as connection:
        made = add_principal(connection, merchant=merchant, kind=kind, name=name, actor=actor, now=services.clock.now())
    screen.result({"id": made, "name": name, "merchant": merchant}, made)


@principals.command("list", epilog="Example:  sheepdog principals list --merchant teashop")
@key_option
@merchant_option
@command_options
def list_principals(screen: Screen, key: str | None, merchant: str | None) -> None:
    """List a merchant's principals."""
    _, services = settings_and_services()
    _, merchant = _administrator(services, key, merchant)
    with services.database.read() as connection:
        query = select(principals_table).where(principals_table.c.merchant == merchant).order_by(principals_table.c.name)
        rows = [{"id": row.id, "name": row.name, "kind": row.kind, "merchant": row.merchant} for row in connection.execute(query)]
    screen.result(rows, "\n".join(f"{row['id']}  {row['kind']:<8} {row['name']}" for row in rows))


@click.group()
def keys() -> None:
    """API keys of principals."""


@keys.command("create", epilog="Example:  sheepdog keys create li-ming --merchant teashop --scope marketer")
@click.argument("principal")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES))
@key_option
@merchant_option
@command_options
def create(screen: Screen, principal: str, scopes: tuple[str, ...], key: str | None, merchant: str | None) -> None:
    """Make a key for a principal (by name). It is shown once and kept only as a hash."""
    _, services = settings_and_services()
    actor, merchant = _administrator(services, key, merchant)
    with services.database.write() as connection:
        owner = find_principal(connection, merchant, principal)
        if owner is None:
            raise NotFound("principal_not_found", Text(zh=f"没有主体 {principal}", en=f"there is no principal {principal}"))
        made = create_key(connection, principal_id=owner["id"], scopes=list(scopes), actor=actor, now=services.clock.now())
    screen.result({"id": made[0], "key": made[1], "principal": owner["id"], "scopes": sorted(scopes)}, made[1])


@keys.command("list", epilog="Example:  sheepdog keys list --merchant teashop")
@key_option
@merchant_option
@command_options
def list_keys(screen: Screen, key: str | None, merchant: str | None) -> None:
    """List a merchant's keys; the keys themselves are not kept."""
    _, services = settings_and_services()
    _, merchant = _administrator(services, key, merchant)
    query = (
        select(api_keys, principals_table.c.name)
        .join(principals_table, principals_table.c.id == api_keys.c.principal_id)
        .where(api_keys.c.merchant == merchant)
        .order_by(api_keys.c.id)
    )
    with services.database.read() as connection:
        rows = [
            {"id": row.id, "principal": row.name, "scopes": row.scopes.split(), "revoked_at": row.revoked_at and row.revoked_at.isoformat()}
            for row in connection.execute(query)
        ]
    screen.result(rows, "\n".join(f"{row['id']}  {row['principal']:<20} {' '.join(row['scopes'])}{'  revoked' if row['revoked_at'] else ''}" for row in rows))


@keys.command("revoke", epilog="Example:  sheepdog keys revoke key_01J…")
@click.argument("key_id")
@key_option
@merchant_option
@command_options
def revoke(screen: Screen, key_id: str, key: str | None, merchant: str | None) -> None:
    """Revoke a key; it stops working everywhere within two seconds."""
    _, services = settings_and_services()
    actor, merchant = _administrator(services, key, merchant)
    with services.database.write() as connection:
        owner = connection.execute(select(api_keys.c.merchant).where(api_keys.c.id == key_id)).scalar_one_or_none()
        if owner != merchant:
            raise NotFound("key_not_found", Text(zh="没有这个密钥", en="there is no such key"))
        revoke_key(connection, key_id=key_id, actor=actor, now=services.clock.now())
    screen.result({"id": key_id, "revoked": True}, Text(zh="已吊销", en="revoked").pick(screen.lang))


@click.group()
def approvals() -> None:
    """What waits for a second person."""


for _command in (rules, check, add, show_all, end):
    approvals.add_command(_command)


@approvals.command("list", epilog="Example:  sheepdog approvals list --state void")
@click.option("--state", type=click.Choice([*STATES, "all"]), default="pending", show_default=True, help="void: what it was about has ended.")
@key_option
@merchant_option
@command_options
def list_approvals(screen: Screen, state: str, key: str | None, merchant: str | None) -> None:
    """List what waits, or what became of it."""
    from core.db.tables import approvals as table

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance")
    columns = (table.c.id, table.c.kind, table.c.target, table.c.note, table.c.proposed_by, table.c.state, table.c.reason)
    query = select(*columns).where(table.c.merchant == caller.for_merchant(merchant)).order_by(table.c.id)
    if state != "all":
        query = query.where(table.c.state == state)
    with services.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    screen.result(rows, "\n".join(_approval_line(row) for row in rows))


def _approval_line(row: dict[str, Any]) -> str:
    became = "" if row["state"] == "pending" else f"  {row['state']}: {row['reason'] or ''}"
    return f"{row['id']}  {row['kind']}  {row['target']}  {row['note']}{became}".rstrip()


def _decide(screen: Screen, approval_id: str, reason: str, key: str | None, merchant: str | None, approve: bool) -> None:
    from api.deciding import decide_approval

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance")
    decided = decide_approval(services, caller, caller.for_merchant(merchant), approval_id, approve=approve, reason=reason)
    screen.result(decided, _said(decided).pick(screen.lang))


def _said(decided: dict[str, Any]) -> Text:
    if decided["state"] == "pending":
        voices, needed = len(decided["agreed"]), decided["needed"]
        return Text(zh=f"已同意;共需 {needed} 人,已有 {voices} 人", en=f"agreed; {voices} of {needed} people have")
    return Text(zh="已批准,现已生效", en="approved; it is live") if decided["state"] == "approved" else Text(zh="已驳回", en="rejected")


@approvals.command("approve", epilog="Example:  sheepdog approvals approve apr_01J… --reason 'checked budget and dates'")
@click.argument("approval_id")
@click.option("--reason", default="", help="Why, for the record.")
@key_option
@merchant_option
@command_options
def approve(screen: Screen, approval_id: str, reason: str, key: str | None, merchant: str | None) -> None:
    """Approve exactly what was proposed; an editor cannot."""
    _decide(screen, approval_id, reason, key, merchant, approve=True)


@approvals.command("reject", epilog="Example:  sheepdog approvals reject apr_01J… --reason 'budget too high'")
@click.argument("approval_id")
@click.option("--reason", required=True, help="Why, for the record.")
@key_option
@merchant_option
@command_options
def reject(screen: Screen, approval_id: str, reason: str, key: str | None, merchant: str | None) -> None:
    """Reject what was proposed."""
    _decide(screen, approval_id, reason, key, merchant, approve=False)


def _administrator(services: Any, key: str | None, merchant: str | None) -> tuple[str, str]:
    """Who acts and for which merchant. On a database without any key the machine's own operator may begin."""
    with services.database.read() as connection:
        empty = connection.execute(select(func.count()).select_from(api_keys)).scalar_one() == 0
    if empty and not (key or services.settings.api_key):
        return SYSTEM, merchant or PLATFORM
    caller = caller_of(services, key)
    caller.require("admin")
    if caller.merchant == PLATFORM:
        return caller.principal_id, merchant or PLATFORM
    if merchant not in (None, caller.merchant):
        raise Forbidden("other_merchant", Text(zh="不可访问其他商户", en="another merchant's data is out of reach"))
    return caller.principal_id, caller.merchant
