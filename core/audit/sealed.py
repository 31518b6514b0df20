"""What is sealed: tables whose rows hold their record as bytes. Each names its columns' places in the bytes, so that the two can be compared.

A table says it in its own `info`, so whoever imports the tables has all of them, as a backup has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Select, Table, select, type_coerce
from sqlalchemy.types import NullType

from core.db.types import Instant, metadata

_INFO = "sealed"
_WORDS = {None: "null", True: "true", False: "false"}


@dataclass(frozen=True)
class Layout:
    """`kind` names a row of the table. `fields` are the columns that repeat the record's members, by column.

    `segments` are stretches of the canonical bytes in their order, with `{column}` where a value stands; the first begins the bytes, the last ends them.
    They make the comparison quick and decide nothing: bytes that do not match are read and compared member by member. `digest` is the column with the
    bytes' SHA-256, if there is one.
    """

    kind: str
    fields: Mapping[str, str]
    segments: tuple[str, ...]
    digest: str = ""


def sealed(kind: str, fields: Mapping[str, str], *segments: str, digest: str = "") -> dict[Any, Any]:
    """The `info` of a table that is sealed. Besides `fields` it has `id`, `body` (the record's bytes) and `seq` (its place in the log from 1, or none yet)."""
    return {_INFO: Layout(kind, fields, segments, digest)}


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
        texts, digest = _Texts(), self.layout.digest
        doubted = {place for test in self._tests for place in test.doubted(rows, texts)}
        if digest:
            doubted |= {place for place, row in enumerate(rows) if row[-1] != sha256(row[2]).hexdigest()}
        for place in sorted(doubted):
            row = rows[place]
            differing = self._differing(row)
            if digest and row[-1] != sha256(row[2]).hexdigest():
                differing.append(digest)
            if differing:
                return row, differing
        return None

    @cached_property
    def _tests(self) -> list[_Test]:
        places = {name: place for place, name in enumerate(self.layout.fields, 3)}
        booleans = {name for name in self.layout.fields if isinstance(self.table.c[name].type, Boolean)}
        last = len(self.layout.segments) - 1
        return [_Test(segment, number, number == last, places, booleans) for number, segment in enumerate(self.layout.segments)]

    def _differing(self, row: Sequence[Any]) -> list[str]:
        try:
            said = json.loads(row[2])
            members = [said[member] for member in self.layout.fields.values()]
        except (ValueError, KeyError, TypeError):
            return ["body"]
        return [name for name, member, value in zip(self.layout.fields, members, row[3 : 3 + len(members)], strict=True) if member != value]


class _Texts(dict[Any, str]):
    """Values as they stand in canonical bytes; merchants, actors and actions come again and again."""

    def __missing__(self, value: Any) -> str:
        text = "null" if value is None else encode_basestring(value) if isinstance(value, str) else str(value)
        self[value] = text
        return text


class _Test:
    """Finds rows in whose bytes a segment does not stand where it should. A segment has one column at least; one of truth values has no other columns."""

    def __init__(self, segment: str, number: int, last: bool, places: Mapping[str, int], booleans: set[str]) -> None:
        pieces = segment.replace("%", "%%").split("{")
        # A `{` that opens no column's name is one of the bytes.
        text, names = pieces[0], []
        for piece in pieces[1:]:
            name, closed, rest = piece.partition("}")
            known = bool(closed) and name in places
            names += [name] if known else []
            text += "%s" + rest if known else "{" + piece
        self._text, self._anchor = text, text.partition("%s")[0].encode()
        self._values = itemgetter(*(places[name] for name in names))
        self._one, self._truth = len(names) == 1, bool(booleans.intersection(names))
        self._first, self._last = number == 0, last
        assert not self._truth or self._one, "truth values equal numbers, so they have words of their own"

    def doubted(self, rows: Sequence[Sequence[Any]], texts: _Texts) -> list[int]:
        expected = self._expected(rows, texts)
        if self._first:
            return [at for at, (row, part) in enumerate(zip(rows, expected, strict=True)) if not row[2].startswith(part)]
        if self._last:
            return [at for at, (row, part) in enumerate(zip(rows, expected, strict=True)) if not row[2].endswith(part)]
        # In the middle it might stand inside another member, unless its beginning stands once in the whole: quotes within a text are escaped.
        anchor = self._anchor
        return [at for at, (row, part) in enumerate(zip(rows, expected, strict=True)) if part not in row[2] or row[2].count(anchor) != 1]

    def _expected(self, rows: Sequence[Sequence[Any]], texts: _Texts) -> list[bytes]:
        text, values = self._text, self._values
        if self._truth:
            return [(text % _WORDS.get(values(row), "")).encode() for row in rows]
        of = texts.__getitem__
        return [(text % (of(values(row)) if self._one else tuple(map(of, values(row))))).encode() for row in rows]


def kinds() -> list[Kind]:
    """Every sealed table, in the order of their names."""
    return [Kind(table) for name, table in sorted(metadata.tables.items()) if _INFO in table.info]


def _plain(column: Column[Any]) -> Any:
    return type_coerce(column, BigInteger).label(column.name) if isinstance(column.type, Instant) else column
