"""Commands about the rules of approvals, and about words that are lent. They join the group of `api.cli.access`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, read_file, services_for
from core.config import load_settings
from core.errors import Malformed
from core.text import Text


@click.command(epilog="Example:  sheepdog approvals rules")
@key_option
@merchant_option
@command_options
def rules(screen: Screen, key: str | None, merchant: str | None) -> None:
    """Show the rules in force: who must approve what, from which amount on."""
    from core.access.inforce import adoptions, rules_in_force

    services, _, _ = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        found, adopted = rules_in_force(connection), adoptions(connection)
    lines = [f"{found.name}  {found.version[:12]}"]
    for kind in found.document["kinds"]:
        terms = found.terms(kind)
        above = "" if terms.above is None else f"  > {terms.above}"
        more = "".join(f"  > {limit}: {people}" for limit, people in terms.more)
        lines.append(f"{kind:<24} {terms.approvers} × {'/'.join(terms.scopes):<12} {terms.open_for or '∞'}{above}{more}")
    lines += [f"{one['adopted_at']}  {one['name']}  {one['version'][:12]}" for one in adopted]
    body = {"name": found.name, "version": found.version, "document": found.document, "adoptions": adopted}
    screen.result(body, "\n".join(lines))


@click.command(epilog="Example:  sheepdog approvals check approvals.yaml")
@click.argument("file", required=False)
@command_options
def check(screen: Screen, file: str | None) -> None:
    """Check a file of rules for approvals: every mistake at once, with its place and its fix. Needs no server.

    Without a FILE, the rules that the settings ask for.
    """
    from api.approving import KINDS, wanted_rules
    from core.access.rulefile import load_rules
    from core.yamlfile.problems import render_problems

    settings = load_settings()
    named = file or settings.approval_rules
    source = read_file(named) if named else b""
    try:
        found = load_rules(source, Path(named).name, KINDS) if file else wanted_rules(settings)
    except Malformed as error:
        problems = error.extra.get("errors", ())
        screen.result({"ok": False, "errors": [one.as_dict(screen.lang) for one in problems]}, render_problems(problems, screen.lang, source))
        raise SystemExit(1) from error
    screen.result(
        {"ok": True, "errors": [], "document": found.document, "version": found.version}, f"✓ {named or found.name}  {found.name}  {found.version[:12]}"
    )


@click.command("delegate", epilog="Example:  sheepdog approvals delegate wang-fang --kind review.release --days 7 --reason 'on leave'")
@click.argument("to")
@click.option("--kind", "kinds", multiple=True, required=True, help="Kind of approval; may be given more than once.")
@click.option("--until", default=None, help="An ISO time with its zone.")
@click.option("--days", type=click.IntRange(1, 90), default=None, help="In place of a time.")
@click.option("--reason", required=True, help="Why, for the record.")
@key_option
@merchant_option
@command_options
def add(screen: Screen, to: str, kinds: tuple[str, ...], until: str | None, days: int | None, reason: str, key: str | None, merchant: str | None) -> None:
    """Let a person decide kinds of approval for you until a time. Nothing that you had a hand in, and they cannot pass it on."""
    from api.approving import KINDS
    from api.v1.delegations import delegation_view
    from core.access.delegating import delegate

    services, caller, of = services_for(key, merchant, "marketer", "compliance")
    now = services.clock.now()
    with services.database.write() as connection:
        made = delegate(connection, caller, of, to=to, kinds=kinds, known=KINDS, until=_until(until, days, now), reason=reason, now=now)
    shown = Text(zh=f"已委托 {to},至 {made.expires_at.isoformat()}:{made.id}", en=f"{to} may decide for you until {made.expires_at.isoformat()}: {made.id}")
    screen.result(delegation_view(made), shown.pick(screen.lang))


@click.command("delegations", epilog="Example:  sheepdog approvals delegations --json")
@key_option
@merchant_option
@command_options
def show_all(screen: Screen, key: str | None, merchant: str | None) -> None:
    """Words that are lent now."""
    from api.v1.delegations import delegation_view
    from core.access.standing import delegations_where
    from core.db.tables import delegations

    services, _, of = services_for(key, merchant, "marketer", "compliance")
    standing = (delegations.c.revoked_at.is_(None), delegations.c.expires_at > services.clock.now())
    with services.database.read() as connection:
        rows = [delegation_view(one) for one in delegations_where(connection, of, *standing)]
    lines = [f"{row['id']}  {row['delegator']} → {row['delegate']}  {', '.join(row['kinds'])}  {row['expires_at']}" for row in rows]
    screen.result(rows, "\n".join(lines) or Text(zh="没有委托", en="no word is lent").pick(screen.lang))


@click.command("revoke", epilog="Example:  sheepdog approvals revoke dlg_01J…")
@click.argument("delegation_id")
@key_option
@merchant_option
@command_options
def end(screen: Screen, delegation_id: str, key: str | None, merchant: str | None) -> None:
    """Take a delegation back at once; whoever gave it, or an administrator."""
    from api.v1.delegations import delegation_view
    from core.access.delegating import revoke

    services, caller, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.write() as connection:
        ended = revoke(connection, caller, of, delegation_id, services.clock.now())
    screen.result(delegation_view(ended), Text(zh=f"已撤销 {delegation_id}", en=f"revoked {delegation_id}").pick(screen.lang))


def _until(until: str | None, days: int | None, now: datetime) -> datetime:
    from api.cli.lists import moment_of

    if (until is None) == (days is None):
        raise Malformed("bad_time", Text(zh="请用 --until 或 --days 之一", en="give either --until or --days"))
    return now + timedelta(days=days) if days is not None else moment_of(str(until))
