"""Since when the series of live policies are recorded. Written down when a version goes live, so that every process and every replay knows the same.

A series that another live policy of the merchant or of the platform records goes on from there; a merchant without any event begins warm.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from core.access.principals import PLATFORM
from core.canon import canonical
from core.clock import to_micros
from fraud.features.plan import series_names
from fraud.rulesets.tables import policy_versions
from fraud.store.tables import decisions, events
from rules.files.load import ruleset_from_document
from rules.model import Ruleset

# Series → microseconds since 1970 when it began, None for one that has all there ever was.
Since: TypeAlias = Mapping[str, int | None]


def recorded_since(connection: Connection, merchant: str, document: bytes, now: datetime) -> bytes | None:
    """For a version that goes live now, as it is stored; called while what it replaces is still live. None for one that does not build: it never serves."""
    names = _names_in(document)
    if names is None:
        return None
    known = _recorded(connection, merchant)
    began = to_micros(now) if _has_history(connection, merchant) else None
    return canonical({name: known.get(name, began) for name in names})


def since_of(stored: bytes | None) -> Since | None:
    """What was stored; None for a version that went live before this was written down."""
    return None if stored is None else json.loads(stored)


def late_series(policies: Iterable[Ruleset], shipped: frozenset[str], since: Mapping[str, Since | None]) -> dict[str, int]:
    """Of what these policies record: the series that began while the merchant was there already, and when. `since` is by policy id."""
    held = [since.get(one.id) for one in policies]
    late = {name for one in held if one is not None for name, at in one.items() if at is not None} - shipped
    if not late:
        return {}
    merged = _earliest(dict.fromkeys(series_names(policy)) if one is None else one for policy, one in zip(policies, held, strict=True))
    return {name: at for name in late if (at := merged[name]) is not None}


def _recorded(connection: Connection, merchant: str) -> dict[str, int | None]:
    columns = (policy_versions.c.recorded_since, policy_versions.c.document)
    live = select(*columns).where(policy_versions.c.merchant.in_({merchant, PLATFORM}), policy_versions.c.state == "live")
    rows = connection.execute(live).all()
    return _earliest(dict.fromkeys(_names_in(row.document) or ()) if (held := since_of(row.recorded_since)) is None else held for row in rows)


def _earliest(found: Iterable[Since]) -> dict[str, int | None]:
    merged: dict[str, int | None] = {}
    for one in found:
        for name, at in one.items():
            before = merged.get(name, at)
            merged[name] = None if at is None or before is None else min(at, before)
    return merged


def _names_in(document: bytes) -> frozenset[str] | None:
    try:
        return series_names(ruleset_from_document(json.loads(document)))
    except (ValueError, LookupError, TypeError):
        return None


def _has_history(connection: Connection, merchant: str) -> bool:
    """Whether anything ever happened at the merchant; for the platform, at any."""
    for table in (events, decisions):
        query: Any = select(table.c.merchant).limit(1)
        if connection.execute(query if merchant == PLATFORM else query.where(table.c.merchant == merchant)).first() is not None:
            return True
    return False
