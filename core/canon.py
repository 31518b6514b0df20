"""Canonical bytes: the one encoding of everything that is hashed, sealed or compared. It must never change, since stored bytes are the record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

# Looked at by exact type: these are most of what is encoded, and each decision is encoded while its customer waits.
_LEAVES = frozenset((str, int, float, bool, type(None)))
_KEYS = frozenset((str,))
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: Mapping[str, Any]) -> bytes:
    """Encode a JSON-able mapping as UTF-8 with sorted keys and no spaces.

    Raises `ValueError` for NaN, infinities, lone surrogates and keys that are not strings: none of them has one spelling.
    """
    _require_string_keys(value)
    return canonical_of_text_keys(value)


def canonical_of_text_keys(value: Mapping[str, Any]) -> bytes:
    """The same for what is built so that every key in it is a string; nobody looks whether that is so."""
    return _ENCODE(value).encode("utf-8", "strict")


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Mapping[str, Any]) -> str:
    return digest(canonical(value))


def _require_string_keys(value: Any) -> None:
    if value.__class__ is dict or (value.__class__ is not list and isinstance(value, Mapping)):
        # By exact type first, which needs no step of ours for each key.
        if not _KEYS.issuperset(map(type, value)) and (strange := [key for key in value if not isinstance(key, str)]):
            raise ValueError(f"a key that is not a string has no canonical form: {strange[0]!r}")
        inner: Iterable[object] = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    else:
        return
    if not _LEAVES.issuperset(map(type, inner)):
        for item in inner:
            if item.__class__ not in _LEAVES:
                _require_string_keys(item)
