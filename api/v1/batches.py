"""Many events or checks in one request: each is taken or refused by itself, and the reply says so item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma

from api.errors import reader_language, status_of
from api.request import invalid_request
from core.errors import SheepdogError
from core.text import localized

ITEMS_MAX = 1_000


class BatchReply(ma.Schema):
    """The items in the order in which they were sent: `status` as the single call would have it, with its `body` or its problem."""

    items = ma.fields.List(ma.fields.Dict())
    failed = ma.fields.Integer()


def items_field(what: str) -> ma.fields.List[Any]:
    """The list of a batch; what is wrong with one item is told in its place, so that the others go through."""
    described = {"description": f"up to {ITEMS_MAX} {what}, each as the single call takes it"}
    return ma.fields.List(ma.fields.Raw(allow_none=True), required=True, validate=ma.validate.Length(1, ITEMS_MAX), metadata=described)


def each(items: list[Any], schema: ma.Schema, take: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
    """Take every item; one that is refused, or that a store could not take, changes nothing for the others."""
    return replies_to(items, lambda item: take(_read(item, schema)))


def replies_to(items: list[Any], take: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
    """The same for items that need no reading."""
    found = [_one(item, take) for item in items]
    return {"items": found, "failed": sum(one["status"] >= 400 for one in found)}


def _one(item: Any, take: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
    try:
        return {"status": 200, "body": dict(take(item))}
    except SheepdogError as error:
        lang = reader_language()
        told = {"code": error.code, "detail": error.text.pick(lang), **localized(dict(error.extra), lang)}
        return {"status": status_of(error), "problem": told}


def _read(item: Any, schema: ma.Schema) -> Mapping[str, Any]:
    try:
        body: Mapping[str, Any] = schema.load(item, unknown=ma.RAISE)
    except ma.ValidationError as error:
        raise invalid_request(error.messages) from error
    return body
