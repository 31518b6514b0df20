"""Facts that follow from an event's own fields, by the names that expressions use; and the one spelling by which entities are told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from core.event import PERSONAL_FIELDS
from rules.enrich.address import address_area, one_address
from rules.enrich.agents import agent_app, agent_robot
from rules.enrich.mailboxes import email_disposable, email_domain, one_mailbox
from rules.enrich.networks import ip_kind, ip_net, one_ip
from rules.enrich.phones import one_phone, phone_kind
from rules.lang.kinds import Kind

# Name → kind, the field that it comes from, and how.
DERIVED: Mapping[str, tuple[Kind, str, Callable[[str], Any]]] = {
    "ip_net": (Kind.TEXT, "ip", ip_net),
    "ip_kind": (Kind.TEXT, "ip", ip_kind),
    "phone_kind": (Kind.TEXT, "phone", phone_kind),
    "email_domain": (Kind.TEXT, "email", email_domain),
    "email_disposable": (Kind.BOOLEAN, "email", email_disposable),
    "address_area": (Kind.TEXT, "address", address_area),
    "agent_app": (Kind.TEXT, "user_agent", agent_app),
    "agent_robot": (Kind.BOOLEAN, "user_agent", agent_robot),
}
# Those that still say where somebody lives or sits: kept and shown as their fields are.
DERIVED_PERSONAL = ("ip_net", "address_area")
# Whose values are neither shown nor kept in clear.
HIDDEN_FIELDS = frozenset({*PERSONAL_FIELDS, *DERIVED_PERSONAL})
_SPELLINGS: Mapping[str, Callable[[str], str]] = {"ip": one_ip, "phone": one_phone, "email": one_mailbox, "address": one_address}


def derived(record: Mapping[str, Any], names: Iterable[str] = DERIVED) -> dict[str, Any]:
    """Those of `names` that the record's fields tell; nothing for what cannot be told."""
    found: dict[str, Any] = {}
    for name in names:
        _, field, make = DERIVED[name]
        given = record.get(field)
        value = make(given) if isinstance(given, str) and given.strip() else None
        if value is not None and value != "":
            found[name] = value
    return found


def one_spelling(field: str, value: str) -> str | None:
    """By which an entity is known, however it was typed; None where nothing is left of it."""
    text = value.strip()
    spelled = _SPELLINGS[field](text) if text and field in _SPELLINGS else text
    return spelled or None
