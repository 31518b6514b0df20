"""Cursor pages: an opaque cursor names the last row that was seen, so that rows added meanwhile neither repeat nor vanish."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import marshmallow as ma

from core.errors import Malformed
from core.text import Text

LIMIT_MAX = 200


class PageQuery(ma.Schema):
    """The two parameters of every list. They come as text, so the number is not asked to be one already."""

    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, LIMIT_MAX), metadata={"description": "rows a page"})
    cursor = ma.fields.String(load_default="", validate=ma.validate.Length(max=256), metadata={"description": "`next` of the page before"})


def read_cursor(cursor: str) -> str:
    """The key inside a cursor; "" starts from the beginning. Raises `Malformed`."""
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise Malformed("bad_cursor", Text(zh="分页游标无效", en="the cursor is not one of ours")) from error


def page(rows: Sequence[Any], limit: int, key: Callable[[Any], str], shown: Callable[[Any], Any] = lambda row: row) -> dict[str, Any]:
    """The reply of a list; ask the store for `limit + 1` rows, so that the last page says that it is the last."""
    more = len(rows) > limit
    kept = list(rows[:limit])
    cursor = base64.urlsafe_b64encode(key(kept[-1]).encode("ascii")).decode() if more else None
    return {"items": [shown(row) for row in kept], "next": cursor}
