"""What a person is told of their data: sections with headings in both languages, each the rows of one table that are theirs, opened and readable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select

from core.privacy.vault import Unreadable, open_fields
from core.text import Text

# Under the subject's own key, in whatever table.
SEALED = frozenset({"personal", "actor", "receiver"})
# Hashes and our own bookkeeping, which tell a person nothing.
UNTOLD = frozenset(
    {"token", "keyed_hash", "content_hash", "body_hash", "request_id", "wrapped_key", "hash", "merchant", "reasons_digest", "once_key", "used_by"}
)


@dataclass(frozen=True, slots=True)
class Section:
    """`query` of (merchant, subject id) gives the person's rows."""

    name: str
    title: Text
    query: Callable[[str, str], Select[Any]]


def rows_of(connection: Connection, section: Section, merchant: str, subject_id: str, key: bytes | None) -> Iterator[dict[str, Any]]:
    """The section's rows, JSON-able."""
    for row in connection.execute(section.query(merchant, subject_id)).mappings():
        yield {name: readable(name, value, key) for name, value in row.items() if name not in UNTOLD}


def readable(name: str, value: Any, key: bytes | None) -> Any:
    """A column's value as a person can read it; None for what was sealed and cannot be opened any more."""
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, bytes):
        return value
    if name not in SEALED:
        return json.loads(value) if value else None
    try:
        return None if key is None or not value else open_fields(key, value)
    except Unreadable:
        return None
