"""Commands for the marketer: check a file, publish it, look at what runs, stop it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.cli.campaign_check import check_command, render_findings
from api.cli.campaign_codes import codes_command
from api.cli.campaign_preview import preview_command
from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, read_file, services_for, settings_and_services
from api.cli.histories import campaign_history
from core.errors import Malformed
from core.text import Text


@click.group()
def campaign() -> None:
    """Campaigns from YAML files."""


campaign.add_command(check_command)
campaign.add_command(preview_command)
campaign.add_command(codes_command)
campaign.add_command(campaign_history, "history")


@campaign.command(epilog="Example:  sheepdog campaign schema > campaign.schema.json")
def schema() -> None:
    """Print the JSON Schema of campaign files, for editors."""
    from campaigns.files.jsonschema import campaign_json_schema

    click.echo(json.dumps(campaign_json_schema(), ensure_ascii=False, indent=2))


@campaign.command(epilog="Example:  sheepdog campaign publish examples/new-user-coupon.yaml --note 'November'")
@click.argument("file")
@click.option("--note", default="", help="What changes and why, for the person who approves and for the record.")
@click.option("--base", type=int, default=None, help="The version you started from; a newer one refuses the edit.")
@key_option
@merchant_option
@command_options
def publish(screen: Screen, file: str, note: str, base: int | None, key: str | None, merchant: str | None) -> None:
    """Check a file and propose it as the campaign's next version; a second person approves it with `sheepdog approvals approve`."""
    from campaigns.judging import BLOCK
    from campaigns.publishing import propose_campaign
    from core.yamlfile.problems import render_problems

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer")
    source, of = read_file(file), caller.for_merchant(merchant)
    policies = services.rulesets.bundle().for_merchant(of).serving
    try:
        with services.database.write() as connection:
            made = propose_campaign(
                connection,
                merchant=of,
                source=source,
                name=Path(file).name,
                author=caller.principal_id,
                note=note,
                now=services.clock.now(),
                base_version=base,
                policies=policies,
                law=services.law,
            )
    except Malformed as error:
        if screen.as_json or "errors" not in error.extra:
            raise
        found = error.extra["errors"]
        shown = render_findings(found, screen.lang, source) if error.code == BLOCK else render_problems(found, screen.lang, source)
        click.echo(shown, err=True)
        raise SystemExit(1) from error
    _say_proposed(screen, made, source)


def _say_proposed(screen: Screen, made: Any, source: bytes = b"") -> None:
    body = {"campaign": made.campaign, "version": made.version, "approval_id": made.approval_id, "content_hash": made.content_hash}
    body |= {"further_approvals": [{"kind": kind, "approval_id": approval_id} for kind, approval_id in made.further]}
    before = "".join(f"\n  sheepdog approvals approve {approval_id}   # {kind}" for kind, approval_id in made.further)
    shown = Text(
        zh=f"{made.campaign} 第 {made.version} 版已送审。另一位同事批准后立即生效:{before}\n  sheepdog approvals approve {made.approval_id}",
        en=f"{made.campaign} version {made.version} is proposed. A second person puts it live:{before}\n  sheepdog approvals approve {made.approval_id}",
    )
    body |= {"findings": [one.as_dict(screen.lang) for one in made.findings]}
    told = [render_findings(made.findings, screen.lang, source)] if made.findings else []
    screen.result(body, "\n".join([*told, shown.pick(screen.lang)]))


@campaign.command("list", epilog="Example:  sheepdog campaign list --json")
@key_option
@merchant_option
@command_options
def list_them(screen: Screen, key: str | None, merchant: str | None) -> None:
    """List the merchant's campaigns."""
    from campaigns.catalogue import list_campaigns

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance", "shop")
    with services.database.read() as connection:
        rows = list_campaigns(connection, caller.for_merchant(merchant), "", 10_000)
    screen.result(rows, "\n".join(f"{row['id']:<32} {row['mechanic']:<10} {row['status']:<9} v{row['live_version'] or '-'}" for row in rows))


@campaign.command(epilog="Example:  sheepdog campaign show new-user-coupon")
@click.argument("campaign_id")
@key_option
@merchant_option
@command_options
def show(screen: Screen, campaign_id: str, key: str | None, merchant: str | None) -> None:
    """Show one campaign: its live document and every version with author and approver."""
    from campaigns.catalogue import show_campaign

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance", "shop")
    with services.database.read() as connection:
        found = show_campaign(connection, caller.for_merchant(merchant), campaign_id)
    screen.result(found, json.dumps(found, ensure_ascii=False, indent=2))


@campaign.command(epilog="Example:  sheepdog campaign diff new-user-coupon 1 2")
@click.argument("campaign_id")
@click.argument("old", type=click.IntRange(1, 10**6), metavar="FROM")
@click.argument("new", type=click.IntRange(1, 10**6), metavar="TO")
@key_option
@merchant_option
@command_options
def diff(screen: Screen, campaign_id: str, old: int, new: int, key: str | None, merchant: str | None) -> None:
    """Show what changed between two versions of a campaign, by meaning."""
    from campaigns.diff import diff_campaign
    from rules.changes import render

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance", "shop")
    with services.database.read() as connection:
        changes = diff_campaign(connection, caller.for_merchant(merchant), campaign_id, old, new)
    screen.result([change.as_dict(screen.lang) for change in changes], render(changes, screen.lang))


@campaign.command(epilog="Example:  sheepdog campaign rollback new-user-coupon 1 --note 'version 2 gave too much'")
@click.argument("campaign_id")
@click.argument("version", type=click.IntRange(1, 10**6))
@click.option("--note", default="", help="Why, for the person who approves and for the record.")
@key_option
@merchant_option
@command_options
def rollback(screen: Screen, campaign_id: str, version: int, note: str, key: str | None, merchant: str | None) -> None:
    """Propose an earlier version's document as a new version; a second person approves it as any other."""
    from campaigns.publishing import rollback_campaign

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer")
    of = caller.for_merchant(merchant)
    with services.database.write() as connection:
        who, now = caller.principal_id, services.clock.now()
        made = rollback_campaign(connection, merchant=of, campaign=campaign_id, to_version=version, author=who, note=note, now=now, law=services.law)
    _say_proposed(screen, made)


def _act(name: str, help_en: str) -> None:
    @campaign.command(name, help=help_en, epilog=f"Example:  sheepdog campaign {name} new-user-coupon --reason 'stock check'")
    @click.argument("campaign_id")
    @click.option("--reason", default="", help="Why, for the record.")
    @key_option
    @merchant_option
    @command_options
    def command(screen: Screen, campaign_id: str, reason: str, key: str | None, merchant: str | None) -> None:
        from campaigns.lifecycle import act

        _, services = settings_and_services()
        caller = caller_of(services, key)
        caller.require("marketer", "compliance")
        of = caller.for_merchant(merchant)
        with services.database.write() as connection:
            who, now = caller.principal_id, services.clock.now()
            status = act(connection, merchant=of, campaign=campaign_id, name=name, actor=who, reason=reason, now=now)
        screen.result({"campaign": campaign_id, "status": status}, f"{campaign_id}: {status}")


_act("pause", "Refuse new claims until `resume`; what was given stays given.")


@campaign.command(epilog="Example:  sheepdog campaign resume new-user-coupon --reason 'stock is back'")
@click.argument("campaign_id")
@click.option("--reason", default="", help="Why, for the person who approves and for the record.")
@key_option
@merchant_option
@command_options
def resume(screen: Screen, campaign_id: str, reason: str, key: str | None, merchant: str | None) -> None:
    """Ask a second person to let a paused campaign run again."""
    from campaigns.lifecycle import ask_resume

    services, caller, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.write() as connection:
        approval = ask_resume(connection, merchant=of, campaign=campaign_id, actor=caller.principal_id, note=reason, now=services.clock.now())
    shown = Text(zh=f"等待第二人批准:sheepdog approvals approve {approval}", en=f"waits for a second person: sheepdog approvals approve {approval}")
    screen.result({"campaign": campaign_id, "status": "paused", "approval_id": approval}, shown.pick(screen.lang))


_act("end", "End a campaign for good; coupons that were given keep their validity.")
