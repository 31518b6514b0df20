"""Commands for compliance: read the audit log, check it, and take proofs of it outside."""

from __future__ import annotations

import json

import click
from sqlalchemy import select

from api.cli.audit_proofs import checkpoint, export, prove, rotate_key, show_key
from api.cli.audit_verify import verify
from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from core.db.tables import audit_entries, principals


@click.group()
def audit() -> None:
    """The append-only audit log, and its proofs."""


for _command in (verify, prove, checkpoint, export, show_key, rotate_key):
    audit.add_command(_command)


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
