"""The segment of a phone number. Segments of virtual carriers are a weak prior: many honest people own one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_NOISE = re.compile(r"[\s\-()().]")
_MOBILE = re.compile(r"1[0-9]{10}", re.ASCII)


@lru_cache(maxsize=16_384)
def national_number(phone: str) -> str | None:
    """The eleven digits of a Chinese mobile number however it was typed; "" for another country's number, None for what is no number."""
    seen = "".join(char for char in unicodedata.normalize("NFKC", phone) if unicodedata.category(char) != "Cf")
    digits = _NOISE.sub("", seen)
    for prefix in ("+86", "0086"):
        digits = digits.removeprefix(prefix)
    if _MOBILE.fullmatch(digits):
        return digits
    return "" if re.fullmatch(r"(\+|00)[0-9]{6,15}", digits, re.ASCII) else None


def starts_with(phone: str | None, segments: Iterable[str]) -> bool | None:
    """Whether the number is in one of the segments; None without a readable number."""
    number = None if phone is None else national_number(phone)
    if number is None:
        return None
    return any(number.startswith(segment) for segment in segments)
