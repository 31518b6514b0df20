"""Canonical bytes: the one encoding of everything that is hashed, sealed or compared. It must never change, since stored bytes are the record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Looked at by exact type: these are most of what is encoded, and each decision is encoded while its customer waits.
_LEAVES = frozenset((str, int, float, bool, type(None)))


def canonical(value: Mapping[str, Any]) -> bytes:
    """Encode a JSON-able mapping as UTF-8 with sorted keys and no spaces.

    Raises `ValueError` for NaN, infinities, lone surrogates and keys that are not strings: none of them has one spelling.
    """
    _require_string_keys(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "strict")


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Mapping[str, Any]) -> str:
    return digest(canonical(value))


def _require_string_keys(value: object) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"a key that is not a string has no canonical form: {key!r}")
            if type(item) not in _LEAVES:
                _require_string_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) not in _LEAVES:
                _require_string_keys(item)
