"""Lists over HTTP: who and what is blocked, allowed or watched, by whom, why, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import text
from core.errors import Malformed, SheepdogError
from core.text import Text
from fraud.lists.changing import change_list, create_list, delete_list, find_list, opened_by
from fraud.lists.entries import KINDS, REASON_MAX, Change, Head, change_of
from fraud.lists.reading import all_lists, entries_of, holders_of
from rules.windows.listed import ENTRY_CHARS_MAX, MATCHES

blp = Resource("lists", __name__, description="Block, allow and watch lists. Rules ask them by name; every process knows a change within two seconds.")
_ITEMS_MAX = 1_000


class ListBody(ma.Schema):
    """A new list: what it is for, how entries match, and which field of events they are of."""

    name = text(64, required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(KINDS))
    match = ma.fields.String(required=True, validate=ma.validate.OneOf(MATCHES))
    field = text(64, required=True)
    note = text(300, least=0, load_default="")


class ListRemovalBody(ma.Schema):
    entry = text(ENTRY_CHARS_MAX, required=True, metadata={"description": "the value, the network, the prefix or the SHA-256; or the `key` of an entry"})
    reason = text(REASON_MAX, required=True)


class ListEntryBody(ListRemovalBody):
    expires_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "without it the entry has no end"})


class ListChangeBody(ma.Schema):
    """Entries to add or renew, and entries to remove, all or none. More than twenty, and anything that opens a door, waits for a second person."""

    add = ma.fields.List(ma.fields.Nested(ListEntryBody), load_default=list, validate=ma.validate.Length(max=_ITEMS_MAX))
    remove = ma.fields.List(ma.fields.Nested(ListRemovalBody), load_default=list, validate=ma.validate.Length(max=_ITEMS_MAX))
    note = text(200, least=0, load_default="")


class ListLookupBody(ma.Schema):
    field = text(64, required=True)
    value = text(ENTRY_CHARS_MAX, required=True)


class ListReply(ma.Schema):
    name = ma.fields.String()
    kind = ma.fields.String()
    match = ma.fields.String()
    field = ma.fields.String()
    note = ma.fields.String()


class ListRow(ListReply):
    origin = ma.fields.String(metadata={"description": "merchant or platform"})
    revision = ma.fields.Integer()
    entries = ma.fields.Integer(metadata={"description": "in effect"})


class ListRows(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(ListRow))


class ListEntry(ma.Schema):
    """`entry` is masked where it tells of a person; `key` names it for good."""

    entry = ma.fields.String()
    key = ma.fields.String()
    reason = ma.fields.String()
    owner = ma.fields.String()
    added_at = ma.fields.String()
    expires_at = ma.fields.String(allow_none=True)


class ListEntries(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(ListEntry))
    next = ma.fields.String(allow_none=True)


class ListChanged(ma.Schema):
    changed = ma.fields.Integer(metadata={"description": "entries that stand now; 0 while an approval is waited for"})
    approval_id = ma.fields.String(allow_none=True)


class ListHolder(ListRow):
    class Meta:
        exclude = ("entries",)

    entry = ma.fields.Nested(ListEntry)


class ListHolders(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(ListHolder))


class ListDeleted(ma.Schema):
    deleted = ma.fields.String()


@blp.endpoint("GET", "/lists", scopes=("marketer", "compliance"), replies={200: ListRows})
def index(ctx: Context) -> Response:
    """Your lists and the platform's."""
    with ctx.services.database.read() as connection:
        return answer({"items": all_lists(connection, ctx.merchant, ctx.services.clock.now())})


@blp.endpoint("POST", "/lists", scopes=("compliance",), body=ListBody, replies={201: ListReply}, effect=True)
def create(ctx: Context) -> Response:
    """Make an empty list."""
    head = Head(ctx.merchant, **ctx.body)

    def effect(connection: Connection) -> dict[str, Any]:
        create_list(connection, head, ctx.caller.principal_id, ctx.services.clock.now())
        return dict(ctx.body)

    return _changed(ctx, once(ctx, effect, 201))


@blp.endpoint("DELETE", "/lists/<name>", scopes=("compliance",), replies={200: ListDeleted}, effect=True)
def delete(ctx: Context, name: str) -> Response:
    """Delete a list with its entries; refused while a policy asks for it."""
    policies = list(ctx.services.rulesets.bundle().for_merchant(ctx.merchant))

    def effect(connection: Connection) -> dict[str, Any]:
        delete_list(connection, find_list(connection, ctx.merchant, name), policies, ctx.caller.principal_id, ctx.services.clock.now())
        return {"deleted": name}

    return _changed(ctx, once(ctx, effect))


@blp.endpoint("GET", "/lists/<name>/entries", scopes=("compliance",), query=PageQuery, replies={200: ListEntries})
def entries(ctx: Context, name: str) -> Response:
    """What is on it and in effect."""
    after, limit = read_cursor(ctx.query["cursor"]), ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = entries_of(connection, find_list(connection, ctx.merchant, name), ctx.services.clock.now(), after, limit + 1)
    return answer(page(rows, limit, lambda row: row["key"].removeprefix("key:")))


@blp.endpoint("POST", "/lists/<name>/changes", scopes=("compliance",), body=ListChangeBody, replies={200: ListChanged}, effect=True)
def change(ctx: Context, name: str) -> Response:
    """Add, renew and remove entries."""
    now = ctx.services.clock.now()
    opening = opened_by(ctx.services.rulesets.bundle().for_merchant(ctx.merchant))

    def effect(connection: Connection) -> dict[str, Any]:
        head = find_list(connection, ctx.merchant, name)
        changes = _changes(ctx, head)
        approval = change_list(connection, head, changes, ctx.caller.principal_id, ctx.body["note"], now, opening)
        return {"changed": 0 if approval else len(changes), "approval_id": approval}

    return _changed(ctx, once(ctx, effect))


@blp.endpoint("POST", "/lists/lookup", scopes=("compliance",), body=ListLookupBody, replies={200: ListHolders})
def lookup(ctx: Context) -> Response:
    """Which lists hold a value, with the entry's reason and owner: why a customer was refused, in one call."""
    field, value = ctx.body["field"], ctx.body["value"]
    with ctx.services.database.read() as connection:
        found = holders_of(connection, ctx.services.vault, ctx.merchant, field, value, ctx.services.clock.now())
    return answer({"items": found})


def _changes(ctx: Context, head: Head) -> list[Change]:
    """Everything that is wrong with them at once."""
    found: dict[str, Change] = {}
    faults: list[Text] = []
    for remove, rows in ((False, ctx.body["add"]), (True, ctx.body["remove"])):
        for one, fault in _read(ctx, head, rows, remove):
            if one is not None:
                found[one.entry] = one
            faults += [fault] if fault else []
    if faults:
        raise Malformed("bad_list_entry", Text(zh=f"有 {len(faults)} 个条目不能用", en=f"{len(faults)} entries cannot be taken"), errors=faults)
    if not found:
        raise Malformed("nothing_to_change", Text(zh="没有要改的条目", en="there is nothing to change"))
    return list(found.values())


def _read(ctx: Context, head: Head, rows: Iterable[Mapping[str, Any]], remove: bool) -> Iterable[tuple[Change | None, Text | None]]:
    for row in rows:
        try:
            entry, reason, until = row["entry"], row["reason"], row.get("expires_at")
            yield change_of(ctx.services.vault, head, entry, reason, until, remove=remove, now=ctx.services.clock.now()), None
        except SheepdogError as error:
            yield None, error.text


def _changed(ctx: Context, reply: Any) -> Response:
    ctx.services.lists.forget()
    return answer_reply(reply)
