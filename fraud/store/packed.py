"""How the bytes of a decision lie in their column: deflated with the words that all records share. What is read back is what was written, to the byte.

What is hashed, sealed and compared is never the packed form. A form that cannot be unpacked is handed out as it lies there, so that verification finds
it changed and no reader stops.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

# By which new records are packed; the first byte of each says which one it was.
NEWEST = 1
_LEVEL = 6
_RAW = -15
_MEMORY = 9
# Canonical bytes begin with a brace, so what does is not packed.
_PLAIN = ord("{")
# Far beyond any record: what unpacks to more is none of ours.
_MOST_BYTES = 4 << 20


@lru_cache(maxsize=8)
def dictionary(number: int) -> bytes:
    """The shared words of that number. Raises `OSError` when this program has none."""
    words: str = json.loads((Path(__file__).parent / f"dictionary-{number}.json").read_text(encoding="utf-8"))
    return words.encode()


def pack(record: bytes) -> bytes:
    """At most one byte longer than the record and mostly a sixth of it."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, dictionary(NEWEST))
    packed = bytes([NEWEST]) + deflate.compress(record) + deflate.flush()
    return packed if len(packed) < len(record) or record[:1] != b"{" else record


def unpack(stored: bytes) -> bytes:
    """The record, or what lies there where that is none."""
    if not stored or stored[0] == _PLAIN:
        return stored
    try:
        inflate = zlib.decompressobj(_RAW, dictionary(stored[0]))
        record = inflate.decompress(stored[1:], _MOST_BYTES)
        return record if inflate.eof and not inflate.unused_data else stored
    except (zlib.error, OSError):
        return stored


class Packed(TypeDecorator[bytes]):
    """A column of records. Rows that were written before records were packed read as they are."""

    impl = LargeBinary
    cache_ok = True

    # How whoever reads the column as it lies there gets at the record.
    unpacked = staticmethod(unpack)

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else pack(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else unpack(bytes(value))
