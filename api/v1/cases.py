"""Work on a case: whose it is, what people wrote down, and which other cases share something with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.v1.fields import text
from api.v1.reviews import Review
from fraud.cases import holding
from fraud.cases.entities import related_cases
from fraud.cases.notes import NOTE_CHARS_MAX, add_note, notes_of
from fraud.reviews import Review as Case
from fraud.reviews import find_open, find_review

blp = Resource("cases", __name__, description="Who works on a case, the notes on it, and what it shares with others.")
Act = Callable[[Connection, Case, str, datetime], Case]


class AssignBody(ma.Schema):
    assignee = text(128, required=True, metadata={"description": "a person's id or name"})


class ReviewNoteBody(ma.Schema):
    text = text(NOTE_CHARS_MAX, required=True)


class ReviewNote(ma.Schema):
    id = ma.fields.String()
    author = ma.fields.String()
    at = ma.fields.String()
    text = ma.fields.String()


class ReviewNotes(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(ReviewNote))


class RelatedCase(ma.Schema):
    id = ma.fields.String()
    kind = ma.fields.String()
    state = ma.fields.String()
    resolution = ma.fields.String(allow_none=True)


class SharedEntity(ma.Schema):
    """Cases that share an entity: counted by resolution, or as `open`. `more` says that there are more than were counted."""

    entity = ma.fields.String(metadata={"description": "user, device, phone, address, payment_account or network"})
    counts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer())
    more = ma.fields.Boolean()
    cases = ma.fields.List(ma.fields.Nested(RelatedCase))


class RelatedCases(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(SharedEntity))


@blp.endpoint("POST", "/reviews/<review_id>/take", scopes=("compliance",), replies={200: Review}, effect=True)
def take(ctx: Context, review_id: str) -> Response:
    """It is yours for half an hour; refused while it is somebody else's."""
    return _hold(ctx, review_id, holding.take)


@blp.endpoint("POST", "/reviews/<review_id>/release", scopes=("compliance",), replies={200: Review}, effect=True)
def release(ctx: Context, review_id: str) -> Response:
    """It is nobody's again; refused while it is somebody else's."""
    return _hold(ctx, review_id, holding.release)


@blp.endpoint("POST", "/reviews/<review_id>/assign", scopes=("compliance",), body=AssignBody, replies={200: Review}, effect=True)
def assign(ctx: Context, review_id: str) -> Response:
    """Give it to a person, whoever has it now; the audit log keeps who did."""
    return _hold(ctx, review_id, lambda connection, case, by, now: holding.assign(connection, case, ctx.body["assignee"], by, now))


@blp.endpoint("POST", "/reviews/<review_id>/notes", scopes=("compliance",), body=ReviewNoteBody, replies={201: ReviewNote}, effect=True)
def note(ctx: Context, review_id: str) -> Response:
    """Write something down; it stays as it is."""
    by, now = ctx.caller.principal_id, ctx.services.clock.now()

    def effect(connection: Connection) -> dict[str, Any]:
        return add_note(connection, find_review(connection, review_id, ctx.merchant, lock=True), ctx.body["text"], by, now)

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("GET", "/reviews/<review_id>/notes", scopes=("compliance",), replies={200: ReviewNotes})
def notes(ctx: Context, review_id: str) -> Response:
    """All notes, the oldest first."""
    with ctx.services.database.read() as connection:
        return answer({"items": notes_of(connection, find_review(connection, review_id, ctx.merchant).id)})


@blp.endpoint("GET", "/reviews/<review_id>/related", scopes=("compliance",), replies={200: RelatedCases})
def related(ctx: Context, review_id: str) -> Response:
    """Other cases whose event has the same customer, device, phone, address, payment account or network."""
    with ctx.services.database.read() as connection:
        return answer({"items": related_cases(connection, find_review(connection, review_id, ctx.merchant))})


def _hold(ctx: Context, review_id: str, act: Act) -> Response:
    by, now = ctx.caller.principal_id, ctx.services.clock.now()

    def effect(connection: Connection) -> dict[str, Any]:
        return act(connection, find_open(connection, review_id, ctx.merchant), by, now).public(now)

    return answer_reply(once(ctx, effect))
