"""The entities of an event: who or what features are counted by. One spelling per thing, and only keyed hashes ever leave for Redis."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from core.event import Event
from core.privacy.vault import Vault
from rules.enrich.derived import one_spelling


def entity_value(event: Event, kind: str) -> str | None:
    """The entity's one spelling; None when the event does not have it. Blank counts as not having it."""
    given: str | None = getattr(event, kind)
    return None if given is None else one_spelling(kind, given)


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
