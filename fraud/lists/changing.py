"""Changing a list: a few entries at once by one person, many by two, and anything that opens a door by two."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from core.access.approvals import Approval, decide, find_approval, propose, require_standing, void
from core.access.inforce import terms_of
from core.access.principals import PLATFORM
from core.audit.log import append
from core.canon import canonical, digest
from core.clock import from_micros, to_micros
from core.db.engine import insert_ignore
from core.db.tables import approvals
from core.errors import Conflict, NotFound
from core.text import Text
from fraud.lists.entries import Change, Head
from fraud.lists.tables import list_changes, list_entries, lists
from rules.lang import tree
from rules.model import Ruleset
from rules.windows.spec import Listed

KIND = "list.change"
# What one person may change at once, as shipped; an entry that is wrong here costs a customer or two, not a crowd.
DIRECT_MAX = 20
_BATCH = 500


def create_list(connection: Connection, head: Head, actor: str, now: datetime) -> None:
    """Raises `Malformed`, and `Conflict` when there is one of this name."""
    head.checked()
    theirs = select(lists.c.name).where(lists.c.merchant == PLATFORM, lists.c.name == head.name)
    if head.merchant != PLATFORM and connection.execute(theirs).first() is not None:
        # An empty list of one's own would stand in for it.
        raise Conflict("list_of_platform", Text(zh=f"平台已有名单 {head.name}", en=f"the platform has a list {head.name}, which serves you"))
    values = {"merchant": head.merchant, "name": head.name, "kind": head.kind, "match": head.match, "field": head.field, "note": head.note}
    if not insert_ignore(connection, lists, {**values, "revision": 0, "created_by": actor, "created_at": now}):
        raise Conflict("list_exists", Text(zh=f"已有名单 {head.name}", en=f"there is a list {head.name} already"))
    detail = {"kind": head.kind, "match": head.match, "field": head.field}
    append(connection, merchant=head.merchant, actor=actor, action="list.created", target=head.name, now=now, detail=detail)


def delete_list(connection: Connection, head: Head, policies: Iterable[Ruleset], actor: str, now: datetime) -> None:
    """Raises `Conflict` while one of these policies, those that serve the merchant, asks for the list."""
    _locked(connection, head)
    users = sorted(one.id for one in policies if any(isinstance(feature, Listed) and feature.named == head.name for feature in one.features.values()))
    if users:
        text = Text(zh=f"名单 {head.name} 正被策略使用:{'、'.join(users)}", en=f"policies use the list {head.name}: {', '.join(users)}")
        raise Conflict("list_in_use", text, policies=users)
    changes = select(list_changes.c.approval_id).where(list_changes.c.merchant == head.merchant, list_changes.c.list == head.name)
    pending = select(approvals.c.id).where(approvals.c.id.in_(changes), approvals.c.state == "pending").order_by(approvals.c.id)
    for approval in connection.execute(pending).scalars().all():
        void(connection, approval, "the list was deleted", actor, now)
    for table in (list_entries, list_changes):
        connection.execute(delete(table).where(table.c.merchant == head.merchant, table.c.list == head.name))
    connection.execute(delete(lists).where(lists.c.merchant == head.merchant, lists.c.name == head.name))
    append(connection, merchant=head.merchant, actor=actor, action="list.deleted", target=head.name, now=now)


def find_list(connection: Connection, merchant: str, name: str) -> Head:
    """Raises `NotFound`."""
    row = connection.execute(select(lists).where(lists.c.merchant == merchant, lists.c.name == name)).one_or_none()
    if row is None:
        raise NotFound("list_not_found", Text(zh=f"没有名单 {name[:64]}", en=f"there is no list {name[:64]}"))
    return Head(row.merchant, row.name, row.kind, row.match, row.field, row.note)


def change_list(
    connection: Connection, head: Head, changes: Sequence[Change], actor: str, note: str, now: datetime, opening: Collection[str] = ()
) -> str | None:
    """Apply the changes, or ask a second person: for more than one may change, and for anything added to a list that opens doors, whatever it is called.

    `opening` are the names of lists that some rule with the verdict `allow` asks for.

    Returns the approval's id, None when it was done.
    """
    _locked(connection, head)
    _require_there(connection, head, changes)
    opens = (head.kind == "allow" or head.name in opening) and any(not one.remove for one in changes)
    alone = terms_of(connection, KIND).above
    if len(changes) <= (DIRECT_MAX if alone is None else alone) and not opens:
        apply_changes(connection, head, changes, actor, now)
        return None
    body = _body(head, changes)
    words = f"{note.strip()} ({len(changes)})".strip()[:200]
    asks: dict[str, Any] = {"merchant": head.merchant, "kind": KIND, "target": head.name, "content_hash": digest(body), "measure": len(changes)}
    approval = propose(connection, **asks, editors=[actor], note=words, now=now)
    waits = {"approval_id": approval, "merchant": head.merchant, "list": head.name, "body": body, "count": len(changes)}
    connection.execute(list_changes.insert().values(**waits))
    return approval


def proposed_changes(connection: Connection, approval_id: str, most: int) -> list[dict[str, Any]]:
    """What an approval of ours is about, as its second person must see it: the first `most` entries, masked as they will stand."""
    body = connection.execute(select(list_changes.c.body).where(list_changes.c.approval_id == approval_id)).scalar_one_or_none()
    return (
        []
        if body is None
        else [
            {"entry": one.shown, "reason": one.reason, "expires_at": None if one.expires_at is None else one.expires_at.isoformat(), "remove": one.remove}
            for one in _changes(body)[:most]
        ]
    )


def decide_change(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """The second person's word; approved changes stand at once. Raises `Conflict` when the list is gone."""
    row = connection.execute(select(list_changes).where(list_changes.c.approval_id == approval_id)).one_or_none()
    if row is None:
        require_standing(find_approval(connection, approval_id))
        raise Conflict("list_gone", Text(zh="名单已被删除", en="the list was deleted"))
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=digest(row.body), now=now)
    if approve:
        head = find_list(connection, row.merchant, row.list)
        if json.loads(row.body)["kind"] != [head.kind, head.match, head.field]:
            raise Conflict("list_changed", Text(zh="名单已被重建,请重新送审", en="the list was made anew meanwhile; propose the change again"))
        apply_changes(connection, head, _changes(row.body), decided.proposed_by, now)
    return decided


def opened_by(policies: Iterable[Ruleset]) -> set[str]:
    """The lists that rules with the verdict `allow` ask for."""
    found: set[str] = set()
    for policy in policies:
        read = {name for rule in policy.rules if rule.verdict == "allow" for name in tree.names_of(rule.when)}
        found |= {one.named for name, one in policy.features.items() if name in read and isinstance(one, Listed)}
    return found


def _require_there(connection: Connection, head: Head, changes: Sequence[Change]) -> None:
    """Who removes what is not there has mistyped it. Raises `NotFound`."""
    removed = [one for one in changes if one.remove]
    mine = (list_entries.c.merchant == head.merchant, list_entries.c.list == head.name, list_entries.c.removed_at.is_(None))
    for start in range(0, len(removed), _BATCH):
        asked = {one.entry: one for one in removed[start : start + _BATCH]}
        there = connection.execute(select(list_entries.c.entry).where(*mine, list_entries.c.entry.in_(asked))).scalars()
        for missing in sorted(asked.keys() - set(there)):
            shown = asked[missing].shown
            raise NotFound("entry_not_found", Text(zh=f"名单 {head.name} 上没有 {shown}", en=f"{shown} is not on the list {head.name}"))


def apply_changes(connection: Connection, head: Head, changes: Sequence[Change], actor: str, now: datetime) -> None:
    """Without asking anybody: for what was approved, and for the service's own searches, which only ever watch."""
    revision = _locked(connection, head) + 1
    connection.execute(update(lists).where(lists.c.merchant == head.merchant, lists.c.name == head.name).values(revision=revision))
    for start in range(0, len(changes), _BATCH):
        _write(connection, head, {one.entry: one for one in changes[start : start + _BATCH]}, actor, now, revision)
    counts = {"added": sum(not one.remove for one in changes), "removed": sum(one.remove for one in changes), "revision": revision}
    detail = {**counts, "entries": digest(_body(head, changes))}
    append(connection, merchant=head.merchant, actor=actor, action="list.changed", target=head.name, now=now, detail=detail)


def _write(connection: Connection, head: Head, changes: dict[str, Change], actor: str, now: datetime, revision: int) -> None:
    mine = (list_entries.c.merchant == head.merchant, list_entries.c.list == head.name)
    there = set(connection.execute(select(list_entries.c.entry).where(*mine, list_entries.c.entry.in_(changes))).scalars())
    rows = [_row(one, actor, now, revision) for one in changes.values() if one.entry in there or not one.remove]
    new = [{"merchant": head.merchant, "list": head.name, **row} for row in rows if row["entry"] not in there]
    if new:
        connection.execute(list_entries.insert(), new)
    old = [{"at_" + name: value for name, value in row.items()} for row in rows if row["entry"] in there]
    if old:
        statement = update(list_entries).where(*mine, list_entries.c.entry == bindparam("at_entry"))
        for rows, columns in _by_columns(old):
            connection.execute(statement.values({name: bindparam("at_" + name) for name in columns}), rows)


_RENEWED = ("reason", "owner", "added_at", "expires_at", "removed_at", "removed_by", "revision")
# Who put it there and why stays to be asked for.
_REMOVED = ("removed_at", "removed_by", "revision")


def _by_columns(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[list[dict[str, Any]], tuple[str, ...]]]:
    """Rows that are removed, and those that are renewed, with what of each changes."""
    for columns, gone in ((_REMOVED, True), (_RENEWED, False)):
        found = [{name: row[name] for name in ("at_entry", *(f"at_{one}" for one in columns))} for row in rows if (row["at_removed_at"] is not None) is gone]
        if found:
            yield found, columns


def _row(one: Change, actor: str, now: datetime, revision: int) -> dict[str, Any]:
    gone = {"removed_at": now, "removed_by": actor} if one.remove else {"removed_at": None, "removed_by": None}
    shown = {"entry": one.entry, "shown": one.shown, "reason": one.reason, "owner": actor}
    return {**shown, "added_at": now, "expires_at": one.expires_at, **gone, "revision": revision}


def _locked(connection: Connection, head: Head) -> int:
    """The list's revision, behind a lock. Raises `NotFound`."""
    query = select(lists.c.revision).where(lists.c.merchant == head.merchant, lists.c.name == head.name)
    found = connection.execute(query.with_for_update()).scalar_one_or_none()
    if found is None:
        raise NotFound("list_not_found", Text(zh=f"没有名单 {head.name}", en=f"there is no list {head.name}"))
    return int(found)


def _body(head: Head, changes: Iterable[Change]) -> bytes:
    rows = [[one.entry, one.shown, one.reason, None if one.expires_at is None else to_micros(one.expires_at), one.remove] for one in changes]
    # The salt keeps the hash of these bytes, which the audit log has, from being tried out on somebody who is to be forgotten.
    return canonical({"list": head.name, "kind": [head.kind, head.match, head.field], "changes": rows, "salt": token_hex(16)})


def _changes(body: bytes) -> list[Change]:
    rows = json.loads(body)["changes"]
    return [Change(entry, shown, reason, None if until is None else from_micros(until), remove) for entry, shown, reason, until, remove in rows]
