"""The entities of an event: who or what features are counted by. One spelling per thing, and only keyed hashes ever leave for Redis."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote

from core.event import PERSONAL_FIELDS, Event
from core.privacy.vault import Vault
from rules.windows.phone import national_number

KINDS = PERSONAL_FIELDS


def entity_value(event: Event, kind: str) -> str | None:
    """The entity's one spelling; None when the event does not have it. Blank counts as not having it."""
    given: str | None = getattr(event, kind)
    value = "" if given is None else given.strip()
    if not value:
        return None
    if kind == "ip":
        return _one_address(value)
    if kind == "phone":
        return national_number(value) or value
    return value


def entity_token(vault: Vault, event: Event, kind: str) -> str | None:
    """The keyed hash of the entity within the event's merchant."""
    value = entity_value(event, kind)
    return None if value is None else vault.token(event.merchant, kind, value)


def entity_tag(merchant: str, kind: str, token: str) -> str:
    """The hash tag of all keys of one entity: they share a slot on a cluster, and no merchant's name can close the brace early."""
    return f"sd:f:{{{_quoted(merchant)}:{kind}:{token}}}"


@lru_cache(maxsize=1024)
def _quoted(merchant: str) -> str:
    return quote(merchant, safe="")


def _one_address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
