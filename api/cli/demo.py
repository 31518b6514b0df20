"""The demo merchant: four principals with keys, a campaign of every mechanic, proposed by one and approved by another, and lines to paste."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, command_options, settings_and_services
from core.config import Settings, load_settings
from core.text import Text

MERCHANT = "demo"
# Who the demo's people are, and what they may do.
PEOPLE = {"marketer": "marketer", "compliance": "compliance", "shop": "shop", "admin": "admin"}
CAMPAIGNS = (
    "new-user-coupon.yaml",
    "first-order-coupon.yaml",
    "three-person-group-buy.yaml",
    "friends-bargain.yaml",
    "nightly-brand-sale.yaml",
    "daily-check-in.yaml",
    "autumn-full-reduction.yaml",
    "autumn-free-shipping.yaml",
    "evening-flash-discount.yaml",
    "three-tier-rebate.yaml",
    "promoter-payouts.yaml",
)
_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@click.group()
def demo() -> None:
    """Demo data."""


@demo.command(epilog="Example:  sheepdog demo load")
@command_options
def load(screen: Screen) -> None:
    """Make the demo merchant, its keys and its campaigns, in a database with the newest schema; what exists already stays."""
    from core.db import migrate

    settings, services = settings_and_services()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate.upgrade(services.database)
    keys = _keys(settings, services)
    live = [_campaign(services, _EXAMPLES / name) for name in CAMPAIGNS]
    screen.result({"merchant": MERCHANT, "campaigns": live, "keys_file": str(_keys_file(settings))}, f"{MERCHANT}: {', '.join(live)} ({len(keys)} keys)")


@demo.command(epilog="Example:  sheepdog demo show")
@command_options
def show(screen: Screen) -> None:
    """Print the demo keys and two lines to paste into a shell."""
    settings = load_settings()
    path = _keys_file(settings)
    keys: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    screen.result({"keys": keys}, _lines(settings, keys).pick(screen.lang))


@demo.command(epilog='Example:  eval "$(sheepdog demo env)"')
def env() -> None:
    """Print the demo keys as shell variables: MARKETER, COMPLIANCE, SHOP, ADMIN, and the address as SHEEPDOG."""
    settings = load_settings()
    path = _keys_file(settings)
    if not path.exists():
        raise click.ClickException("there are no demo keys yet: run `sheepdog serve --demo` or `sheepdog demo load`")
    click.echo(f"export SHEEPDOG=http://{settings.host}:{settings.port}")
    for name, key in json.loads(path.read_text()).items():
        click.echo(f"export {name.upper()}={key}")


def _keys(settings: Settings, services: Any) -> dict[str, str]:
    """Each person's key; made once and kept in the data folder (mode 0600), since the database holds only hashes."""
    from core.access.principals import SYSTEM, add_principal, create_key, find_principal

    path = _keys_file(settings)
    keys: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    now = services.clock.now()
    with services.database.write() as connection:
        for name, scope in PEOPLE.items():
            found = find_principal(connection, MERCHANT, f"demo-{name}")
            if found is not None and name in keys:
                continue
            kind = "service" if name == "shop" else "person"
            who = found["id"] if found else add_principal(connection, merchant=MERCHANT, kind=kind, name=f"demo-{name}", actor=SYSTEM, now=now)
            _, keys[name] = create_key(connection, principal_id=who, scopes=[scope], actor=SYSTEM, now=now)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(keys, file, indent=2)
    return keys


def _campaign(services: Any, path: Path) -> str:
    """Propose and approve the file, unless the merchant has the campaign."""
    from sqlalchemy import select

    from campaigns.publishing import check_file, decide_publication, propose_campaign
    from campaigns.store.tables import campaigns
    from core.access.principals import find_principal

    source, now = path.read_bytes(), services.clock.now()
    name = check_file(source, path.name).campaign.id
    with services.database.write() as connection:
        mine = (campaigns.c.merchant == MERCHANT, campaigns.c.id == name)
        if connection.execute(select(campaigns.c.id).where(*mine)).first() is not None:
            return name
        maker, checker = (find_principal(connection, MERCHANT, f"demo-{who}") for who in ("marketer", "compliance"))
        if maker is None or checker is None:
            raise RuntimeError("the demo's people are made before its campaigns")
        proposal = {"merchant": MERCHANT, "source": source, "name": path.name, "author": maker["id"], "note": "demo", "now": now, "law": services.law}
        made = propose_campaign(connection, **proposal)
        decide_publication(connection, approval_id=made.approval_id, approve=True, by=checker["id"], reason="demo", now=now, law=services.law)
    return name


def _keys_file(settings: Settings) -> Path:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings.data_dir / "demo-keys.json"


def _lines(settings: Settings, keys: dict[str, str]) -> Text:
    address = f"http://{settings.host}:{settings.port}"
    shop = keys.get("shop", "…")
    named = "\n".join(f"  {name:<11} {key}" for name, key in keys.items())
    head = f"-H 'Authorization: Bearer {shop}' -H 'Content-Type: application/json'"
    claim = (
        f"curl -s {address}/v1/campaigns/new-user-coupon/claims {head} -H 'Idempotency-Key: try-1' "
        """-d '{"user": "alice", "device": "phone-1", "ip": "203.0.113.7", "registered_at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'", "order_count": 0}'"""
    )
    check = f"""curl -s {address}/v1/risk/checks {head} -d '{{"id": "check-1", "scene": "coupon.claim", "user": "bob", "device": "phone-2", "ip": "203.0.113.8"}}'"""
    return Text(
        zh=f"演示商户 {MERCHANT} 的密钥:\n{named}\n\n领取一张新人券:\n{claim}\n\n做一次风控检查:\n{check}\n",
        en=f"Keys of the demo merchant:\n{named}\n\nClaim a new-user coupon:\n{claim}\n\nAsk the risk engine:\n{check}\n",
    )
