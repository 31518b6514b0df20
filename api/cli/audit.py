"""Commands for compliance: read the audit log and check its chain."""

from __future__ import annotations

import json

import click
from sqlalchemy import select

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from core.audit.sealer import verify_chain
from core.db.tables import audit_entries, principals
from core.text import Text


@click.group()
def audit() -> None:
    """The append-only audit log."""


@audit.command(epilog="Example:  sheepdog audit verify")
@key_option
@command_options
def verify(screen: Screen, key: str | None) -> None:
    """Recompute the chain of hashes from the first entry; names the first break. Exit code 1 when there is one."""
    _, services = settings_and_services()
    caller_of(services, key).require("compliance")
    with services.database.read() as connection:
        broken = verify_chain(connection)
    if broken is None:
        screen.result({"whole": True}, Text(zh="审计日志完整(至最后一次封存)", en="the audit log is whole up to its last seal").pick(screen.lang))
        return
    words = Text(zh=f"第 {broken.seq} 条有问题:{broken.fault}", en=f"entry {broken.seq} does not hold: {broken.fault}")
    screen.result({"whole": False, "seq": broken.seq, "entry": broken.entry_id, "fault": broken.fault}, words.pick(screen.lang))
    raise SystemExit(1)


@audit.command("list", epilog="Example:  sheepdog audit list --target new-user-coupon@1")
@click.option("--target", default=None, help="Only entries about this (a campaign@version, reward, decision, key …).")
@click.option("--limit", default=50, type=click.IntRange(1, 1000))
@key_option
@merchant_option
@command_options
def list_entries(screen: Screen, target: str | None, limit: int, key: str | None, merchant: str | None) -> None:
    """List entries, newest first."""
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("compliance")
    query = select(audit_entries, principals.c.name).outerjoin(principals, principals.c.id == audit_entries.c.actor)
    query = query.where(audit_entries.c.merchant == caller.for_merchant(merchant))
    if target is not None:
        query = query.where(audit_entries.c.target == target)
    with services.database.read() as connection:
        found = connection.execute(query.order_by(audit_entries.c.id.desc()).limit(limit)).all()
    rows = [
        {"id": r.id, "seq": r.seq, "at": r.at.isoformat(), "actor": r.actor, "name": r.name}
        | {"action": r.action, "target": r.target, "detail": json.loads(r.body)["detail"]}
        for r in found
    ]
    lines = [f"{row['at']}  {row['name'] or row['actor']:<20}  {row['action']:<20}  {row['target']}" for row in rows]
    screen.result(rows, "\n".join(lines))
