"""How values are written and compared in tests: each by its kind, and shown so that what is shown may be written into the file."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import from_micros
from rules.files.literals import NotThis, value_of
from rules.lang.kinds import MICROS, Kind
from rules.model import AtLeast, FeatureValue

MISSING = "missing"
_MANY = re.compile(r"([0-9]{1,15})\+", re.ASCII)
_UNITS = (("d", 86_400 * MICROS), ("h", 3600 * MICROS), ("m", 60 * MICROS), ("s", MICROS), ("ms", MICROS // 1000))


def matches(kind: Kind, written: Any, actual: FeatureValue, zone: ZoneInfo) -> bool:
    """Whether the value is the one that a test writes: `~` or `missing`, `100+` for "100 or more", else a value of the kind, exactly."""
    if written is None or written == MISSING:
        return actual is None
    if actual is None:
        return False
    many = _MANY.fullmatch(written) if isinstance(written, str) and kind is Kind.NUMBER else None
    if many is not None or isinstance(actual, AtLeast):
        return many is not None and actual == AtLeast(int(many[1]))
    try:
        return value_of(kind, _bare(kind, written), zone) == actual
    except NotThis:
        return False


def shown(kind: Kind, value: FeatureValue, zone: ZoneInfo) -> str:
    """The value as a test would write it."""
    if value is None:
        return MISSING
    if isinstance(value, AtLeast):
        return f"{value.count}+"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if value == MISSING else value
    return _amount(kind, value, zone)


def written_as(written: Any) -> str:
    """An expectation as it stands in the file."""
    if written is None:
        return MISSING
    return str(written).lower() if isinstance(written, bool) else str(written)


def _amount(kind: Kind, value: int | float, zone: ZoneInfo) -> str:
    match kind:
        case Kind.MONEY:
            return f"{_sign(value)}¥{abs(int(value)) // 100}.{abs(int(value)) % 100:02d}"
        case Kind.DURATION:
            return _duration(int(value))
        case Kind.INSTANT:
            return _instant(int(value), zone)
        case Kind.CLOCK:
            return _clock(int(value))
    # Without an exponent, which the language does not read.
    return f"{Decimal(repr(value)):f}"


def _instant(micros: int, zone: ZoneInfo) -> str:
    try:
        return from_micros(micros).astimezone(zone).isoformat()
    except OverflowError:
        return f"{micros}us"


def _duration(micros: int) -> str:
    if micros == 0:
        return "0s"
    for unit, size in _UNITS:
        if micros % size == 0:
            return f"{micros // size}{unit}"
    return f"{micros}us"


def _clock(micros: int) -> str:
    minutes, rest = divmod(micros, 60 * MICROS)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{Decimal(rest) / MICROS}" if rest else "")


def _sign(value: float) -> str:
    return "-" if value < 0 else ""


def _bare(kind: Kind, written: Any) -> Any:
    """The text `missing` itself is written with quotes of its own."""
    return MISSING if kind is Kind.TEXT and written in (f"'{MISSING}'", f'"{MISSING}"') else written
