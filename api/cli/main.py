"""The command `sheepdog`. Commands are imported when they are called, so that `--help` and the supervisor stay light."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

# Name → (module, attribute). Registered here once; a test runs every command's --help.
_COMMANDS = {
    "serve": ("api.cli.server", "serve"),
    "api": ("api.cli.server", "api"),
    "worker": ("api.cli.server", "worker"),
    "clerk": ("api.cli.server", "clerk"),
    "config": ("api.cli.store", "config"),
    "db": ("api.cli.store", "db"),
    "backup": ("api.cli.store", "backup"),
    "restore": ("api.cli.store", "restore"),
    "principals": ("api.cli.access", "principals"),
    "keys": ("api.cli.access", "keys"),
    "approvals": ("api.cli.access", "approvals"),
    "campaign": ("api.cli.campaign", "campaign"),
    "law": ("api.cli.law", "law"),
    "rules": ("api.cli.policies", "rules"),
    "lists": ("api.cli.lists", "lists"),
    "gangs": ("api.cli.gangs", "gangs"),
    "reviews": ("api.cli.reviews", "reviews"),
    "decisions": ("api.cli.decisions", "decisions"),
    "labels": ("api.cli.labels", "labels"),
    "audit": ("api.cli.chronicle", "audit"),
    "subject": ("api.cli.subject", "subject"),
    "privacy": ("api.cli.privacy", "privacy"),
    "ledger": ("api.cli.ledger", "ledger"),
    "withdrawals": ("api.cli.withdrawals", "withdrawals"),
    "webhooks": ("api.cli.webhooks", "webhooks"),
    "demo": ("api.cli.demo", "demo"),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name]
        found: Any = getattr(import_module(module), attribute)
        return found if isinstance(found, click.Command) else None


@click.command(cls=LazyGroup, epilog="Example:  sheepdog campaign check examples/new-user-coupon.yaml")
@click.version_option(package_name="sheepdog")
def main() -> None:
    """Sheepdog (牧羊犬): campaigns from YAML, and no wool lost on the way."""
