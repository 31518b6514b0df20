"""Codes of a batch: derived from the batch's secret and their number, so that a retry shows the same codes and no store holds them in clear.

Each `#` of the pattern is one of 32 characters that nobody mistakes for another: five bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from math import ceil, log2

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
BITS_MIN = 40
_BITS = 5
# 256 is eight times 32, so every character is as likely as any other.
_LETTERS = bytes(ord(ALPHABET[byte % 32]) for byte in range(256))


def bits_of(pattern: str) -> int:
    """The randomness of a pattern."""
    return _BITS * pattern.count("#")


def bits_needed(count: int) -> int:
    """So many that a guess hits one of `count` codes with a chance below 2^-40."""
    return BITS_MIN + ceil(log2(max(count, 2)))


def codes(secret: bytes, pattern: str, first: int, count: int) -> Iterator[str]:
    """The batch's codes number `first` to `first + count - 1`: a keyed BLAKE2b of the number, a byte of it for each place."""
    places = pattern.count("#")
    filled = pattern.replace("%", "%%").replace("#", "%c")
    for number in range(first, first + count):
        drawn = blake2b(number.to_bytes(8, "big"), key=secret, digest_size=places).digest().translate(_LETTERS)
        yield filled % tuple(drawn)


def normal(code: str) -> str:
    """A code as it was made, however a customer typed it."""
    return code.strip().upper()
