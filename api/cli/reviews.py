"""Commands about cases: the queue, one case with all that is known of it, whose it is, notes, and resolving one or many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Connection

from api.approving import release_alone_fen
from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from api.commissions import commission_view
from api.passes import passes_of
from api.resolving import Word, resolve_case
from campaigns.acting.stage import After
from core.errors import SheepdogError
from core.text import Text
from fraud.cases import holding
from fraud.cases.entities import related_cases
from fraud.cases.notes import add_note, notes_of
from fraud.cases.queue import Wanted, list_cases, policy_of, rules_of
from fraud.reviews import RESOLUTIONS, Review, find_open, find_review

_SCOPE = "compliance"
_WORDS = [word for words in RESOLUTIONS.values() for word in words]


@click.group()
def reviews() -> None:
    """Cases: held rewards, held commissions and appeals that wait for a person."""


@reviews.command("list", epilog="Example:  sheepdog reviews list --mine --overdue")
@click.option("--mine", is_flag=True, help="Only those that are assigned to you.")
@click.option("--overdue", is_flag=True, help="Only those whose time is over.")
@click.option("--kind", type=click.Choice(list(RESOLUTIONS)))
@click.option("--campaign")
@click.option("--policy")
@click.option("--rule", help="Only those in which this rule hit.")
@click.option("--state", type=click.Choice(["open", "resolved"]), default="open", show_default=True)
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True)
@key_option
@merchant_option
@command_options
def list_command(screen: Screen, mine: bool, overdue: bool, most: int, key: str | None, merchant: str | None, **narrowed: str | None) -> None:
    """List cases by the time at which they are due."""
    services, caller, of = services_for(key, merchant, _SCOPE)
    now = services.clock.now()
    wanted = Wanted(**narrowed, assignee=caller.principal_id if mine else None, due_by=now if overdue else None)
    with services.database.read() as connection:
        rows = list_cases(connection, of, wanted, most=most)
    screen.result([row.public(now) for row in rows], "\n".join(_line(screen, row, services.settings.zone, now) for row in rows))


@reviews.command(epilog="Example:  sheepdog reviews show rev_01J…")
@click.argument("review")
@key_option
@merchant_option
@command_options
def show(screen: Screen, review: str, key: str | None, merchant: str | None) -> None:
    """Show a case with its policy, the rules that hit, its notes, and how many other cases share something with it."""
    services, _, of = services_for(key, merchant, _SCOPE)
    with services.database.read() as connection:
        found = find_review(connection, review, of)
        more: dict[str, Any] = {"policy": policy_of(connection, found), "rules": rules_of(connection, review)}
        commission = commission_view(connection, found) if found.kind == "commission" else None
        notes, related = notes_of(connection, review), related_cases(connection, found)
    told = found.public(services.clock.now()) | more
    lines = [f"{name:<16} {', '.join(value) if isinstance(value, list) else value}" for name, value in told.items() if value is not None]
    lines += [] if commission is None else _commission_lines(commission)
    lines += [f"{one['at']}  {one['author']}  {one['text']}" for one in notes]
    lines += [f"{one['entity']:<16} {' '.join(f'{name}={count}' for name, count in one['counts'].items())}" for one in related if one["counts"]]
    screen.result(told | {"commission": commission, "notes": notes, "related": related}, "\n".join(lines))


@reviews.command(epilog="Example:  sheepdog reviews take rev_01J…")
@click.argument("review")
@key_option
@merchant_option
@command_options
def take(screen: Screen, review: str, key: str | None, merchant: str | None) -> None:
    """Make a case yours for half an hour; taken again, for another."""
    _hold(screen, review, key, merchant, holding.take)


@reviews.command(epilog="Example:  sheepdog reviews assign rev_01J… wang-fang")
@click.argument("review")
@click.argument("person")
@key_option
@merchant_option
@command_options
def assign(screen: Screen, review: str, person: str, key: str | None, merchant: str | None) -> None:
    """Give a case to a person, by name or id, whoever has it now."""
    _hold(screen, review, key, merchant, lambda connection, case, by, now: holding.assign(connection, case, person, by, now))


@reviews.command(epilog="Example:  sheepdog reviews release rev_01J…")
@click.argument("review")
@key_option
@merchant_option
@command_options
def release(screen: Screen, review: str, key: str | None, merchant: str | None) -> None:
    """Leave a case to whoever comes."""
    _hold(screen, review, key, merchant, holding.release)


@reviews.command(epilog="Example:  sheepdog reviews note rev_01J… 'called, no answer'")
@click.argument("review")
@click.argument("text")
@key_option
@merchant_option
@command_options
def note(screen: Screen, review: str, text: str, key: str | None, merchant: str | None) -> None:
    """Write something down about a case; it stays as it is."""
    services, caller, of = services_for(key, merchant, _SCOPE)
    with services.database.write() as connection:
        made = add_note(connection, find_review(connection, review, of, lock=True), text, caller.principal_id, services.clock.now())
    screen.result(made, Text(zh="已记下", en="noted").pick(screen.lang))


@reviews.command(epilog="Example:  sheepdog reviews resolve rev_01J… --as void --reason 'one farm of devices'")
@click.argument("cases", nargs=-1, required=True)
@click.option("--as", "resolution", type=click.Choice(_WORDS), required=True, help="post or void a reward or commissions; upheld or overturned of an appeal.")
@click.option("--reason", required=True, help="For the record; of an appeal, for the customer.")
@key_option
@merchant_option
@command_options
def resolve(screen: Screen, cases: tuple[str, ...], resolution: str, reason: str, key: str | None, merchant: str | None) -> None:
    """Resolve cases, each by itself. Those that cannot be are shown, and exit with 1; the others stand."""
    services, caller, of = services_for(key, merchant, _SCOPE)
    with services.database.read() as connection:
        second_fen = release_alone_fen(connection)
    word = Word(resolution, reason, caller.principal_id, services.clock.now(), second_fen, services.settings.pass_hours)
    told = [_resolved(screen, services, of, name, word) for name in cases]
    screen.result(told, "\n".join(f"{one['id']}  {one['said']}" for one in told))
    if any("code" in one for one in told):
        raise SystemExit(1)


@reviews.command(epilog="Example:  sheepdog reviews passes --state used")
@click.option("--state", type=click.Choice(["open", "used", "expired", "all"]), default="all", show_default=True)
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True)
@key_option
@merchant_option
@command_options
def passes(screen: Screen, state: str, most: int, key: str | None, merchant: str | None) -> None:
    """Show what overturned appeals let through: who said so and why, for whom, and what it has cost."""
    services, _, of = services_for(key, merchant, _SCOPE)
    with services.database.read() as connection:
        rows = passes_of(connection, of, services.clock.now(), state=state, after="", most=most)
    screen.result(rows, "\n".join(_pass_line(row) for row in rows))


def _pass_line(row: dict[str, Any]) -> str:
    cost = "-" if row["cost_fen"] is None else row["cost_fen"]
    return f"{row['id']}  {row['state']:<7}  {row['campaign']}  {row['scene']}  {row['customer']}  {row['granted_by']}  {cost}  {row['reason']}"


def _resolved(screen: Screen, services: Any, merchant: str, name: str, word: Word) -> dict[str, Any]:
    after = After()
    try:
        with services.database.write() as connection:
            done = resolve_case(connection, merchant, name, word, after)
    except SheepdogError as error:
        return {"id": name, "code": error.code, "said": f"✗ {error.text.pick(screen.lang)}  [{error.code}]"}
    services.follow(after)
    if done["review"]["state"] == "open":
        approval = done["approval_id"]
        waits = Text(zh=f"等待第二人审批 {approval}", en=f"waits for a second person: sheepdog approvals approve {approval}")
        return {"id": name, "approval_id": approval, "said": waits.pick(screen.lang)}
    return {"id": name, "resolution": word.resolution, "said": word.resolution}


def _hold(screen: Screen, name: str, key: str | None, merchant: str | None, act: Callable[[Connection, Review, str, datetime], Review]) -> None:
    services, caller, of = services_for(key, merchant, _SCOPE)
    now = services.clock.now()
    with services.database.write() as connection:
        done = act(connection, find_open(connection, name, of), caller.principal_id, now)
    screen.result(done.public(now), _line(screen, done, services.settings.zone, now))


def _commission_lines(held: dict[str, Any]) -> list[str]:
    """Of whose money it is, and what speaks against it."""
    lines = [f"{name:<16} {held[name]}" for name in ("order", "promoter", "buyer", "amount_fen", "doubted")]
    for one in held["decisions"]:
        lines.append(f"{one['scene']:<16} {one['outcome']} {one['score']}  {one['id']}")
        lines += [f"{'':<16} {reason['code']}: {_measured(reason['evidence'])}" for reason in one["reasons"]]
    return lines


def _measured(evidence: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['feature']} = {one['value']} ({one['operator']} {one['threshold']})" for one in evidence)


def _line(screen: Screen, row: Review, zone: Any, now: datetime) -> str:
    late = Text(zh="已超时", en="overdue").pick(screen.lang) if row.state == "open" and row.due_at <= now else row.resolution or ""
    return f"{row.id}  {row.kind:<6}  {row.due_at.astimezone(zone):%Y-%m-%d %H:%M}  {row.campaign or '-':<24}  {row.assignee or '-':<30}  {late}".rstrip()
