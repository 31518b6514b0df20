"""Commands about people: what is kept of them, what they chose, seeing them in clear, and erasing them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from api.persons.erase import erase_person
from api.persons.export import export_person
from api.persons.unmask import ask_unmask, masked_of, unmasked
from core.privacy.choices import NAMES, choose, view
from core.privacy.subjects import subject_for
from core.text import Text

reason_option = click.option("--reason", required=True, help="Why; no names, no numbers of people.")
by_id_option = click.option("--by-id", is_flag=True, help="USER is a subject's id (sub_…), not the shop's name for the person.")


@click.group()
def subject() -> None:
    """People: export, erase, choices, clear values."""


@subject.command(epilog='Example:  sheepdog subject export ann --reason "she asked on 2026-12-01" --out ann.json')
@click.argument("user")
@click.option("--out", default=None, help="The file that it is written to, readable by you alone (default: shown).")
@reason_option
@by_id_option
@key_option
@merchant_option
@command_options
def export(screen: Screen, user: str, out: str | None, reason: str, by_id: bool, key: str | None, merchant: str | None) -> None:
    """Everything that is kept of a person, as one JSON document with headings in both languages."""
    services, caller, of = services_for(key, merchant, "compliance")
    document = export_person(services, of, **_named(user, by_id), by=caller.principal_id, reason=reason)
    if out is None:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    _write(Path(out), json.dumps(document, ensure_ascii=False, indent=2))
    rows = sum(len(section["rows"]) for section in document["sections"])
    done = {"subject": document["subject"], "file": out, "rows": rows}
    screen.result(done, Text(zh=f"已导出 {rows} 行到 {out}", en=f"{rows} rows exported to {out}").pick(screen.lang))


@subject.command(epilog='Example:  sheepdog subject erase ann --reason "she asked on 2026-12-01"')
@click.argument("user")
@reason_option
@by_id_option
@key_option
@merchant_option
@command_options
def erase(screen: Screen, user: str, reason: str, by_id: bool, key: str | None, merchant: str | None) -> None:
    """Erase a person, and tell what is gone, what stays, until when and why."""
    services, caller, of = services_for(key, merchant, "compliance")
    receipt = erase_person(services, of, **_named(user, by_id), by=caller.principal_id, reason=reason)
    screen.result(receipt, _told(receipt, screen))


@subject.command(epilog='Example:  sheepdog subject show ann --reason "a call from the customer"')
@click.argument("user")
@reason_option
@by_id_option
@key_option
@merchant_option
@command_options
def show(screen: Screen, user: str, reason: str, by_id: bool, key: str | None, merchant: str | None) -> None:
    """What is known of a person, masked."""
    services, caller, of = services_for(key, merchant, "compliance")
    found = masked_of(services, of, **_named(user, by_id), by=caller.principal_id, reason=reason)
    screen.result(found, _identifiers(found))


@subject.command("choose", epilog="Example:  sheepdog subject choose ann --marketing no --no-automated-decision yes")
@click.argument("user")
@click.option("--marketing", type=click.BOOL, default=None, help="Whether they want anything unasked.")
@click.option("--sensitive-data", type=click.BOOL, default=None, help="Separate consent to the processing of sensitive data.")
@click.option("--under-14", type=click.BOOL, default=None, help="A child.")
@click.option("--guardian-consent", type=click.BOOL, default=None, help="The guardian has agreed.")
@click.option("--no-automated-decision", type=click.BOOL, default=None, help="They refuse to be refused by a machine alone.")
@key_option
@merchant_option
@command_options
def choose_command(screen: Screen, user: str, key: str | None, merchant: str | None, **told: bool | None) -> None:
    """Note what a person chose; what is left out stays as it is."""
    services, caller, of = services_for(key, merchant, "shop", "compliance")
    said = {name: told[name] for name in NAMES if told[name] is not None}
    now = services.clock.now()
    with services.database.write() as connection:
        found = subject_for(connection, services.vault, of, user, now)
        chosen = view(choose(connection, of, found.id, said, caller.principal_id, now))
    screen.result({"subject": found.id, **chosen}, "\n".join(f"{name:<24} {'-' if value is None else value}" for name, value in chosen.items()))


@subject.command(epilog='Example:  sheepdog subject unmask sub_01J… --field phone --reason "a payout came back"')
@click.argument("subject_id")
@click.option("--field", "fields", multiple=True, required=True, help="Which value: phone, address, payment_account, receiver, real_name …")
@reason_option
@key_option
@merchant_option
@command_options
def unmask(screen: Screen, subject_id: str, fields: tuple[str, ...], reason: str, key: str | None, merchant: str | None) -> None:
    """Ask to see values in clear; a second person approves."""
    services, caller, of = services_for(key, merchant, "compliance")
    with services.database.write() as connection:
        asked = ask_unmask(connection, services, of, subject_id, fields, caller.principal_id, reason)
    name = asked["approval_id"]
    words = Text(
        zh=f"等待审批 {name}。批准后一小时内可看:sheepdog subject unmasked {name}",
        en=f"waits for the approval {name}; within an hour of it run: sheepdog subject unmasked {name}",
    )
    screen.result(asked, words.pick(screen.lang))


@subject.command("unmasked", epilog="Example:  sheepdog subject unmasked apr_01J…")
@click.argument("approval")
@key_option
@merchant_option
@command_options
def unmasked_command(screen: Screen, approval: str, key: str | None, merchant: str | None) -> None:
    """The values in clear, for whoever asked, within an hour of the approval. Each look is noted."""
    services, caller, of = services_for(key, merchant, "compliance")
    found = unmasked(services, of, approval, caller.principal_id)
    screen.result(found, _identifiers(found))


def _named(user: str, by_id: bool) -> dict[str, str | None]:
    return {"user": None if by_id else user, "subject": user if by_id else None}


def _identifiers(found: dict[str, Any]) -> str:
    return "\n".join([found["subject"], *(f"{field:<16} {', '.join(values)}" for field, values in found["identifiers"].items())])


_KEPT = ("text", "until", "why", "article")


def _told(receipt: dict[str, Any], screen: Screen) -> str:
    lines = [Text(zh="已删除:", en="erased:").pick(screen.lang)] if receipt["erased"] else []
    lines += [f"  {one['text'][screen.lang]}" for one in receipt["erased"]]
    lines += [Text(zh="保留:", en="kept:").pick(screen.lang)] if receipt["kept"] else []
    never = Text(zh="不删除", en="not deleted").pick(screen.lang)
    form = "  {}({};{};{})" if screen.lang == "zh" else "  {} ({}; {}; {})"
    lines += [form.format(*(one[part][screen.lang] if part != "until" else one[part] or never for part in _KEPT)) for one in receipt["kept"]]
    return "\n".join([*lines, receipt["note"][screen.lang]])


def _write(path: Path, text: str) -> None:
    """For its owner alone: it is in clear."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
