"""Identifiers that sort by the time they were made (ULID: 48 bits of milliseconds, 80 random bits) and say what they name by a prefix."""

from __future__ import annotations

import secrets
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two letters at a time.
_PAIRS = [high + low for high in _CROCKFORD for low in _CROCKFORD]
_SHIFTS = tuple(range(120, -1, -10))
_RANDOM_BITS = 80


def new_id(prefix: str, at_millis: int | None = None) -> str:
    """A fresh id such as `rwd_01J…`; unguessable in 80 bits. The clock only orders ids, so reading it here decides nothing."""
    millis = time.time_ns() // 1_000_000 if at_millis is None else at_millis
    return f"{prefix}_{_base32((millis << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))}"


def _base32(number: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])
