"""What changed between two versions of a campaign, by meaning: limits, dates, amounts, and constants inside its condition."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, select

from campaigns.store.tables import campaign_versions
from core.errors import NotFound
from core.money import Money
from core.text import Text
from rules.changes import ADDED, CHANGED, REMOVED, Change, added, changed, removed
from rules.lang.compare import changed_constants
from rules.strictness import condition_moves

Document = Mapping[str, Any]


def diff(old: Document, new: Document) -> list[Change]:
    """Changes from one normalised document to another; empty when both mean the same."""
    return list(_parts((), old, new))


def diff_campaign(connection: Connection, merchant: str, campaign: str, old: int, new: int) -> list[Change]:
    """The same for two versions that are kept. Raises `NotFound`."""
    return diff(document_of_version(connection, merchant, campaign, old), document_of_version(connection, merchant, campaign, new))


def document_of_version(connection: Connection, merchant: str, campaign: str, version: int) -> dict[str, Any]:
    """A version's document. Raises `NotFound`."""
    of_it = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign, campaign_versions.c.version == version)
    document = connection.execute(select(campaign_versions.c.document).where(*of_it)).scalar_one_or_none()
    if document is None:
        raise NotFound("version_not_found", Text(zh=f"活动 {campaign} 没有第 {version} 版", en=f"campaign {campaign} has no version {version}"))
    found: dict[str, Any] = json.loads(document)
    return found


def _parts(path: tuple[str, ...], old: Document, new: Document) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        here, before, after = (*path, name), old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _parts(here, before, after)
        elif name == "eligible_when" and before is not None and after is not None:
            yield from _condition(here, before, after)
        elif before is None:
            yield added(here, after, _shown(name, after))
        elif after is None:
            yield removed(here, before, _shown(name, before))
        else:
            yield changed(here, _shown(name, before), _shown(name, after))


def _condition(path: tuple[str, ...], old: str, new: str) -> Iterator[Change]:
    constants = changed_constants(old, new)
    if constants is None:
        yield changed(path, old, new)
        return
    for one in constants:
        yield changed(path, one.old, one.new, one.before)


def _shown(name: str, value: Any) -> str:
    return f"¥{Money(value).yuan()}" if name.endswith("_fen") and isinstance(value, int) else str(value)


# What is more for customers when it is more, and what when it is less.
_MORE = frozenset({"budget_fen", "limits", "amount_fen"})
_LESS = frozenset({"threshold_fen", "minimum_fen"})


def strictness(change: Change, old_document: Document, new_document: Document) -> int | None:
    """-1 for what gives more or to more people, +1 for what gives less, 0 or None where that does not arise or cannot be told."""
    name = change.path[-1]
    if name == "eligible_when":
        if change.old is None or change.new is None:
            return 1 if change.old is None else -1
        moved = condition_moves(_at(old_document, change.path), _at(new_document, change.path))
        return None if moved is None else -moved
    old, new = _amount(change.old), _amount(change.new)
    if name in ("starts", "ends") and change.kind == CHANGED:
        later = _sign(str(change.new), str(change.old))
        return later if name == "starts" else -later
    if change.path[0] in _MORE or name in _MORE:
        # A limit that is no more lets more through, and a new one less.
        if old is None or new is None:
            return -1 if change.kind == REMOVED else 1 if change.kind == ADDED else None
        return -_sign(new, old)
    return None if name not in _LESS or old is None or new is None else _sign(new, old)


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _sign(one: Any, other: Any) -> int:
    return 1 if one > other else -1 if one < other else 0


def _amount(shown: Any) -> Decimal | None:
    try:
        return Decimal(str(shown).removeprefix("¥"))
    except InvalidOperation:
        return None
