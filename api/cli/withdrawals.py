"""Commands about withdrawals: list and show them, a person's statement, and the tax that was withheld in a month."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from campaigns.withdrawals.model import MACHINE, find_withdrawal, list_withdrawals
from campaigns.withdrawals.statement import as_csv, statement
from campaigns.withdrawals.taxes import month_of, withheld_in
from core.errors import NotFound
from core.money import Money
from core.privacy.subjects import find_subject
from core.text import Text


@click.group()
def withdrawals() -> None:
    """What promoters have paid out."""


@withdrawals.command("list", epilog="Example:  sheepdog withdrawals list --state auditing")
@click.option("--state", type=click.Choice(list(MACHINE)), default=None, help="Only those in this state.")
@click.option("--most", type=click.IntRange(1, 1000), default=50, help="How many at most.")
@key_option
@merchant_option
@command_options
def list_command(screen: Screen, state: str | None, most: int, key: str | None, merchant: str | None) -> None:
    """List withdrawals in the order in which they were asked for."""
    services, of = _who(key, merchant)
    with services.database.read() as connection:
        rows = list_withdrawals(connection, of, after="", most=most, filters={"state": state} if state else {})
    lines = [f"{row.id}  {row.state:<16} {_yuan(row.gross_fen):>12} → {_yuan(row.net_fen):>12}  {row.bill_no}" for row in rows]
    screen.result([row.public() for row in rows], "\n".join(lines))


@withdrawals.command(epilog="Example:  sheepdog withdrawals show wdr_01J…")
@click.argument("withdrawal")
@key_option
@merchant_option
@command_options
def show(screen: Screen, withdrawal: str, key: str | None, merchant: str | None) -> None:
    """Show one withdrawal, and how its tax follows."""
    services, of = _who(key, merchant)
    with services.database.read() as connection:
        found = find_withdrawal(connection, of, withdrawal).public()
    told = {name: value for name, value in found.items() if name != "basis"} | found["basis"]
    screen.result(found, "\n".join(f"{name:<20} {value}" for name, value in told.items()))


@withdrawals.command("statement", epilog="Example:  sheepdog withdrawals statement ann --since 2026-11-01 --out ann.csv")
@click.argument("user")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="From the beginning of this day on.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Up to the beginning of this day.")
@click.option("--out", default=None, help="The CSV file that it is written to (default: shown).")
@key_option
@merchant_option
@command_options
def statement_command(
    screen: Screen, user: str, since: datetime | None, until: datetime | None, out: str | None, key: str | None, merchant: str | None
) -> None:
    """A person's statement as CSV: every change of what is frozen, owed, on its way and in debt."""
    services, of = _who(key, merchant)
    zone = services.settings.zone
    with services.database.read() as connection:
        subject = find_subject(connection, services.vault, of, user)
        if subject is None:
            raise NotFound("promoter_not_found", Text(zh="没有这位推广员", en="there is no such promoter"))
        bounds = (None if day is None else day.replace(tzinfo=zone) for day in (since, until))
        text = as_csv(statement(connection, of, subject.id, *bounds))
    _put(screen, text, out)


@withdrawals.command(epilog="Example:  sheepdog withdrawals taxes 2026-11 --out taxes.csv")
@click.argument("month")
@click.option("--out", default=None, help="The CSV file that it is written to (default: shown).")
@key_option
@merchant_option
@command_options
def taxes(screen: Screen, month: str, out: str | None, key: str | None, merchant: str | None) -> None:
    """What was paid out and withheld in a month, person by person, as CSV for the declaration."""
    services, of = _who(key, merchant)
    begin, end = month_of(month, services.settings.zone)
    with services.database.read() as connection:
        rows = withheld_in(connection, of, begin, end)
    head = "promoter,regime,withdrawals,gross_yuan,tax_yuan\r\n"
    lines = [f"{row.promoter},{row.regime},{row.count},{_yuan(row.gross_fen)},{_yuan(row.tax_fen)}\r\n" for row in rows]
    total = f"total,,{sum(row.count for row in rows)},{_yuan(sum(row.gross_fen for row in rows))},{_yuan(sum(row.tax_fen for row in rows))}\r\n"
    _put(screen, head + "".join(lines) + total, out)


def _put(screen: Screen, text: str, out: str | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    # The mark tells spreadsheets that this is UTF-8.
    Path(out).write_text("\ufeff" + text, encoding="utf-8", newline="")
    screen.result({"file": out}, Text(zh=f"已写入 {out}", en=f"written to {out}").pick(screen.lang))


def _who(key: str | None, merchant: str | None) -> tuple[Any, str]:
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("shop", "compliance")
    return services, caller.for_merchant(merchant)


def _yuan(fen: int) -> str:
    return Money(fen).yuan()
