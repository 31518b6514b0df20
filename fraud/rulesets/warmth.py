"""Since when the series of live policies are recorded. Written down when a version goes live, so that every process and every replay knows the same.

A series that another live policy of the merchant or of the platform records goes on from there; a merchant without any event begins warm. What the
shipped policies record is known to the processes only: each time says with it which of them had been replaced before, and so vouch for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from core.access.principals import PLATFORM
from core.canon import canonical
from core.clock import to_micros
from fraud.features.plan import series_names
from fraud.rulesets.tables import policies, policy_versions
from fraud.store.tables import decisions, events
from rules.files.load import ruleset_from_document
from rules.model import Ruleset

# Series → microseconds since 1970 when it began, None for one that has all there ever was. As it is stored, the time may have policies behind it:
# then it holds unless a shipped policy other than these records the series.
Since: TypeAlias = Mapping[str, int | None]
Stored: TypeAlias = Mapping[str, int | Sequence[Any] | None]


def recorded_since(connection: Connection, merchant: str, document: bytes, at: datetime) -> bytes | None:
    """For a version that goes live, as it is stored; called while what it replaces is still live. None for one that does not build: it never serves."""
    began = _began(connection, merchant, at) if _has_history(connection, merchant) else None
    return _since(connection, merchant, document, began)


def will_be_recorded_since(connection: Connection, merchant: str, document: bytes, at: datetime) -> bytes | None:
    """For a version whose time is still to come: processes begin with it at that instant, its timer fires somewhat later and writes down what holds."""
    return _since(connection, merchant, document, _began(connection, merchant, at))


def left_since(connection: Connection, merchant: str, at: datetime) -> bytes:
    """For a policy of which nothing of the merchant's own serves from then on, as it is stored; called while what ends is still live."""
    return canonical({"at": _began(connection, merchant, at), "known": _recorded(connection, merchant)})


def behind(policy: Iterable[str], since: Stored | None, left: Mapping[str, Any]) -> Stored:
    """Of a policy that serves again where a merchant left its own: since when its series are recorded there. `left` is what was stored then."""
    return {name: left["known"].get(name, max(left["at"], (since or {}).get(name), key=_time)) for name in policy}


def _time(one: int | Sequence[Any] | None) -> int:
    return 0 if one is None else one if isinstance(one, int) else int(one[0])


def _since(connection: Connection, merchant: str, document: bytes, began: Any) -> bytes | None:
    names = _names_in(document)
    if names is None:
        return None
    known = _recorded(connection, merchant)
    return canonical({name: known.get(name, began) for name in names})


def _began(connection: Connection, merchant: str, at: datetime) -> int | list[Any]:
    """A beginning, and the policies that were ever published for the merchant: in their place no shipped one was recording all the while."""
    ever = select(policy_versions.c.policy).where(policy_versions.c.merchant.in_({merchant, PLATFORM}), policy_versions.c.live_from.is_not(None)).distinct()
    replaced = sorted(connection.execute(ever).scalars())
    return [to_micros(at), *replaced] if replaced else to_micros(at)


def since_of(stored: bytes | None) -> Stored | None:
    """What was stored; None for a version that went live before this was written down."""
    return None if stored is None else json.loads(stored)


def late_series(serving: Iterable[Ruleset], shipped: Mapping[str, frozenset[str]], since: Mapping[str, Stored | None]) -> dict[str, int]:
    """Of what these policies record: the series that began while the merchant was there already, and when. `since` and `shipped` are by policy id."""
    held = [None if (one := since.get(policy.id)) is None else _resolved(one, shipped) for policy in serving]
    late = {name for one in held if one is not None for name, at in one.items() if at is not None}
    if not late:
        return {}
    merged = _earliest(dict.fromkeys(series_names(policy)) if one is None else one for policy, one in zip(serving, held, strict=True))
    return {name: at for name in late if (at := merged[name]) is not None}


def _resolved(stored: Stored, shipped: Mapping[str, frozenset[str]]) -> Since:
    return {name: None if one is None else _at(name, one, shipped) for name, one in stored.items()}


def _at(name: str, one: int | Sequence[Any], shipped: Mapping[str, frozenset[str]]) -> int | None:
    at, *replaced = [one] if isinstance(one, int) else one
    return None if any(name in names for policy, names in shipped.items() if policy not in replaced) else int(at)


def _recorded(connection: Connection, merchant: str) -> dict[str, Any]:
    """What is recorded at the merchant, as it is stored."""
    columns = (policy_versions.c.merchant, policy_versions.c.policy, policy_versions.c.recorded_since, policy_versions.c.document)
    live = select(*columns).where(policy_versions.c.merchant.in_({merchant, PLATFORM}), policy_versions.c.state == "live")
    rows = connection.execute(live).all()
    own = {row.policy for row in rows if row.merchant == merchant}
    # The platform's policy records nothing at a merchant who has put another in its place.
    serving = [row for row in rows if row.merchant == merchant or row.policy not in own]
    left = {} if merchant == PLATFORM else _left(connection, merchant)
    return _earliest(_held(row, None if row.merchant == merchant else left.get(row.policy)) for row in serving)


def _left(connection: Connection, merchant: str) -> dict[str, Any]:
    query = select(policies.c.id, policies.c.left_since).where(policies.c.merchant == merchant, policies.c.left_since.is_not(None))
    return {row.id: json.loads(row.left_since) for row in connection.execute(query)}


def _held(row: Any, left: Mapping[str, Any] | None) -> Stored:
    names, held = _names_in(row.document) or frozenset(), since_of(row.recorded_since)
    if left is not None:
        return behind(names, held, left)
    return dict.fromkeys(names) if held is None else held


def _earliest(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Of several beginnings of a series the first; of those with policies behind them, the one that most of the shipped can still vouch for."""
    merged: dict[str, Any] = {}
    for one in found:
        for name, at in one.items():
            before = merged.get(name, at)
            merged[name] = None if at is None or before is None else min(at, before, key=_order)
    return merged


def _order(one: int | Sequence[Any]) -> tuple[int, int]:
    return (1, one) if isinstance(one, int) else (len(one), int(one[0]))


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
