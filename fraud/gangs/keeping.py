"""Members of gangs as entries of the watch list `gang-accounts`, each with the gang's evidence as its reason and an end.

What a person removed from the list stays away for as long as an entry would have stood: they looked, and know better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from core.audit.log import append
from core.errors import Conflict, NotFound
from core.text import Text
from fraud.gangs.model import Gang
from fraud.gangs.record import LIST, Record
from fraud.lists.changing import apply_changes, create_list, find_list
from fraud.lists.entries import REASON_MAX, Change, Head
from fraud.lists.tables import list_entries

ACTOR = "gang-search"
LISTED = timedelta(days=30)
_NOTE = "accounts that always act together; kept by the search for gangs"


def gang_id(record: Record, gang: Gang) -> str:
    """The same for as long as its first member by hash is the same."""
    return f"gang-{min(record.accounts[one].entry for one in gang.accounts)[:8]}"


def gang_text(record: Record, gang: Gang) -> Text:
    """What holds it together."""
    name, size = gang_id(record, gang), len(gang.accounts)
    return Text(
        zh=f"{name}:{size} 个账号;{';'.join(one.text.zh for one in gang.evidence)}",
        en=f"{name}: {size} accounts; {'; '.join(one.text.en for one in gang.evidence)}",
    )


def keep_gangs(connection: Connection, record: Record, gangs: Sequence[Gang], now: datetime) -> int:
    """Add or renew every member; returns how many. Raises `Conflict` when a list of this name is another's or of another kind."""
    if not gangs:
        return 0
    head = _head(connection, record.merchant, now)
    changes = _changes(record, gangs, now, _removed_by_people(connection, head, now - LISTED))
    if changes:
        apply_changes(connection, head, changes, ACTOR, now)
        for gang in gangs:
            detail = {"accounts": len(gang.accounts), "evidence": {one.kind: round(one.share * 100) for one in gang.evidence}}
            # Not by its id, which begins a member's keyed hash: sealed bytes match nobody.
            append(connection, merchant=record.merchant, actor=ACTOR, action="gang.found", target=LIST, now=now, detail=detail)
    return len(changes)


def _head(connection: Connection, merchant: str, now: datetime) -> Head:
    wanted = Head(merchant, LIST, "watch", "text", "user", _NOTE)
    try:
        head = find_list(connection, merchant, LIST)
    except NotFound:
        create_list(connection, wanted, ACTOR, now)
        return wanted
    if (head.kind, head.match, head.field) != (wanted.kind, wanted.match, wanted.field):
        raise Conflict("list_changed", Text(zh=f"名单 {LIST} 须为 user 的关注名单", en=f"the list {LIST} must be a watch list of users"))
    return head


def _changes(record: Record, gangs: Iterable[Gang], now: datetime, spared: set[str]) -> list[Change]:
    """The strongest gang of an account gives the reason."""
    changes: dict[str, Change] = {}
    for gang in gangs:
        text = gang_text(record, gang)
        reason = f"{text.en} / {text.zh}"[:REASON_MAX]
        for account in (record.accounts[one] for one in gang.accounts):
            if account.entry not in spared:
                changes.setdefault(account.entry, Change(account.entry, account.shown, reason, now + LISTED))
    return list(changes.values())


def _removed_by_people(connection: Connection, head: Head, since: datetime) -> set[str]:
    mine = (list_entries.c.merchant == head.merchant, list_entries.c.list == head.name)
    return set(connection.execute(select(list_entries.c.entry).where(*mine, list_entries.c.removed_at > since)).scalars())
