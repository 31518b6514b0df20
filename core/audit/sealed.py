"""What is sealed: tables whose rows hold their record as bytes. Each names its columns' places in the bytes, so that the two can be compared.

A table says it in its own `info`, so whoever imports the tables has all of them, as a backup has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain, repeat
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import BigInteger, Boolean, Column, Select, Table, case, literal_column, select, type_coerce
from sqlalchemy.types import NullType

from core.db.types import Instant, metadata

_INFO = "sealed"
# Truth values leave the database as these, since true equals 1 and would share its text. No sealed column is a fraction.
_TRUE, _FALSE = 0.5, 0.25


@dataclass(frozen=True)
class Layout:
    """`kind` names a row of the table. `fields` are the columns that repeat the record's members, by column.

    `segments` are stretches of the canonical bytes in their order, with `{column}` where a value stands; the first begins the bytes, the last ends them.
    They make the comparison quick and decide nothing: bytes that do not match are read and compared member by member. `digest` is the column with the
    bytes' SHA-256, if there is one; `instead` is what a column may hold in place of the record's member, with `{id}` for the row's own id.
    """

    kind: str
    fields: Mapping[str, str]
    segments: tuple[str, ...]
    digest: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)


def sealed(kind: str, fields: Mapping[str, str], *segments: str, digest: str = "", instead: Mapping[str, str] | None = None) -> dict[Any, Any]:
    """The `info` of a table that is sealed. Besides `fields` it has `id`, `body` (the record's bytes) and `seq` (its place in the log from 1, or none yet)."""
    return {_INFO: Layout(kind, fields, segments, digest, instead or {})}


class Kind:
    """A sealed table, ready to be read and compared."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.layout: Layout = table.info[_INFO]
        self.name = self.layout.kind

    @cached_property
    def rows(self) -> Select[Any]:
        """seq, id, body, and then the columns of `fields` and the digest, all as the database has them."""
        named = [*self.layout.fields, *([self.layout.digest] if self.layout.digest else [])]
        return select(self.table.c.seq, self.table.c.id, type_coerce(self.table.c.body, NullType()), *(_plain(self.table.c[name]) for name in named))

    def first_difference(self, rows: Sequence[Sequence[Any]]) -> tuple[Sequence[Any], list[str]] | None:
        """The first row, in the order given, whose columns say something else than its bytes, and those columns; None when all agree."""
        doubted = self._quick.doubted(rows)
        if self.layout.digest:
            digests = [sha256(row[2]).hexdigest() for row in rows]
            doubted.update(place for place, (row, digest) in enumerate(zip(rows, digests, strict=True)) if row[-1] != digest)
        for place in sorted(doubted):
            differing = self._differing(rows[place])
            if differing:
                return rows[place], differing
        return None

    def record(self, stored: Any) -> bytes:
        """The record's bytes, from what lies in the column: some tables keep them packed. What cannot be unpacked is what lies there."""
        raw = bytes_of(stored)
        unpack = getattr(self.table.c.body.type, "unpacked", None)
        return raw if unpack is None else cast(bytes, unpack(raw))

    @cached_property
    def packs(self) -> bool:
        return hasattr(self.table.c.body.type, "unpacked")

    @cached_property
    def _quick(self) -> _Quick:
        return _Quick(self.layout)

    def _differing(self, row: Sequence[Any]) -> list[str]:
        try:
            said = json.loads(row[2])
            members = [said[member] for member in self.layout.fields.values()]
        except (ValueError, KeyError, TypeError):
            return ["body"]
        members = [_TRUE if member is True else _FALSE if member is False else member for member in members]
        pairs = zip(self.layout.fields, members, row[3 : 3 + len(members)], strict=True)
        differing = [name for name, member, value in pairs if member != value and value != self.layout.instead.get(name, "").format(id=row[1])]
        return differing + ([self.layout.digest] if self.layout.digest and row[-1] != sha256(row[2]).hexdigest() else [])


class _Texts(dict[Any, str]):
    """Values as they stand in canonical bytes; merchants, actors and actions come again and again."""

    def __missing__(self, value: Any) -> str:
        if isinstance(value, str):
            text = encode_basestring(value)
        else:
            text = "null" if value is None else "true" if value == _TRUE else "false" if value == _FALSE else str(value)
        self[value] = text
        return text


class _Quick:
    """Finds rows in whose bytes some segment does not stand where it should. A chunk's segments are written in one go, apart by a byte that JSON has not."""

    def __init__(self, layout: Layout) -> None:
        places = {name: place for place, name in enumerate(layout.fields, 3)}
        self._template, names = _template("\0".join(layout.segments) + "\0", places.keys())
        self._values = itemgetter(*(places[name] for name in names))
        self._count = len(layout.segments)
        # A segment in the middle might stand inside another member, unless its beginning stands once in the whole: quotes within a text are escaped.
        self._anchors = [segment.partition("{")[0].encode() for segment in layout.segments[1:-1]]

    def doubted(self, rows: Sequence[Sequence[Any]]) -> set[int]:
        texts = tuple(map(_Texts().__getitem__, chain.from_iterable(map(self._values, rows))))
        written = ((self._template * len(rows)) % texts).encode("utf-8", "surrogatepass").split(b"\0")
        if len(written) != len(rows) * self._count + 1:
            # A column holds the very byte that segments are apart by.
            return set(range(len(rows)))
        bodies: list[bytes] = list(map(itemgetter(2), rows))
        checks = [map(bytes.startswith, bodies, written[0 :: self._count]), map(bytes.endswith, bodies, written[self._count - 1 :: self._count])]
        for number, anchor in enumerate(self._anchors, 1):
            checks.append(map(bytes.__contains__, bodies, written[number :: self._count]))
            checks.append(map((1).__eq__, map(bytes.count, bodies, repeat(anchor))))
        return {at for check in checks for at, holds in enumerate(check) if not holds}


def _template(text: str, names: Set[str]) -> tuple[str, list[str]]:
    """The text with `%s` for each `{name}`, and the names in their order. A `{` that opens no name is one of the bytes."""
    pieces = text.replace("%", "%%").split("{")
    written, found = pieces[0], []
    for piece in pieces[1:]:
        name, closed, rest = piece.partition("}")
        known = bool(closed) and name in names
        found += [name] if known else []
        written += "%s" + rest if known else "{" + piece
    return written, found


def bytes_of(value: Any) -> bytes:
    """Whatever somebody put into a column of bytes; SQLite keeps text there, too."""
    return value if isinstance(value, bytes) else bytes(value) if isinstance(value, memoryview) else str(value).encode("utf-8", "surrogatepass")


def kinds() -> list[Kind]:
    """Every sealed table, in the order of their names."""
    return [Kind(table) for name, table in sorted(metadata.tables.items()) if _INFO in table.info]


def _plain(column: Column[Any]) -> Any:
    if isinstance(column.type, Boolean):
        return case((column, literal_column(str(_TRUE))), else_=literal_column(str(_FALSE))).label(column.name)
    return type_coerce(column, BigInteger).label(column.name) if isinstance(column.type, Instant) else column
