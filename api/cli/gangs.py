"""Commands about gangs: look for them now, and see what holds each together."""

from __future__ import annotations

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from core.text import Text


@click.group()
def gangs() -> None:
    """Accounts that always act together."""


@gangs.command(epilog="Example:  sheepdog gangs search --days 30 --keep")
@click.option("--days", type=click.IntRange(1, 30), default=None, help="How far back; as the settings say without it.")
@click.option("--keep", is_flag=True, help="Put the members on the list gang-accounts, as the job does.")
@key_option
@merchant_option
@command_options
def search(screen: Screen, days: int | None, keep: bool, key: str | None, merchant: str | None) -> None:
    """Look for gangs in what is on record; changes nothing without --keep."""
    from fraud.gangs.keeping import gang_id, gang_text, keep_gangs

    services, _, of = services_for(key, merchant, "compliance")
    record, found = services.gangs.look(of, days)
    if keep:
        with services.database.write() as connection:
            keep_gangs(connection, record, found, services.clock.now())
    rows = [
        {
            "id": gang_id(record, gang),
            "accounts": len(gang.accounts),
            "evidence": [{"kind": one.kind, "share": round(one.share, 2), "text": one.text.pick(screen.lang)} for one in gang.evidence],
        }
        for gang in found
    ]
    none = Text(zh=f"在 {len(record):,} 个事件中没有发现团伙", en=f"no gang in {len(record):,} events")
    screen.result(rows, "\n".join(gang_text(record, gang).pick(screen.lang) for gang in found) or none.pick(screen.lang))
