"""What every operator does with values that are there. None is the answer "missing": a division by zero, a result that has no exact place.

The interpreter and the generated code share these for arithmetic and functions; comparisons and logic each of them has in its own way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules.lang.kinds import MICROS, Kind

# Past this a float no longer tells neighbours apart, so forms that compute with floats could not agree.
EXACT_MAX = 2**53
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def exact(value: int | float) -> int | float | None:
    """The value, or None where it is beyond ±2^53 or not finite."""
    return value if -EXACT_MAX <= value <= EXACT_MAX else None


def add(left: Any, right: Any) -> Any:
    return exact(left + right)


def subtract(left: Any, right: Any) -> Any:
    return exact(left - right)


def multiply(left: Any, right: Any) -> Any:
    return exact(left * right)


def divide(left: Any, right: Any) -> Any:
    return None if right == 0 else exact(left / right)


def remainder(left: Any, right: Any) -> Any:
    """With the sign of the divisor, as mathematicians have it."""
    return None if right == 0 else exact(left % right)


def scale(left: Any, right: Any) -> Any:
    """Money or duration × number: to the nearest whole, halves to the even one."""
    product = exact(left * right)
    return None if product is None else round(product)


def share(left: Any, right: Any) -> Any:
    """Money or duration ÷ number, rounded as `scale`."""
    quotient = None if right == 0 else exact(left / right)
    return None if quotient is None else round(quotient)


def time_of_day(instant: int, zone: ZoneInfo) -> int | None:
    """Microseconds since local midnight, as the clock on the wall shows it."""
    local = _local(instant, zone)
    if local is None:
        return None
    return ((local.hour * 60 + local.minute) * 60 + local.second) * MICROS + local.microsecond


def day_of_week(instant: int, zone: ZoneInfo) -> str | None:
    local = _local(instant, zone)
    return None if local is None else DAYS[local.weekday()]


def seconds(duration: int) -> float:
    return duration / MICROS


def _local(instant: int, zone: ZoneInfo) -> datetime | None:
    try:
        return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)
    except (OverflowError, ValueError):
        return None


# (operator, left kind, right kind) → (result kind, what it does).
ARITHMETIC: dict[tuple[str, Kind, Kind], tuple[Kind, Callable[[Any, Any], Any]]] = {
    ("+", Kind.NUMBER, Kind.NUMBER): (Kind.NUMBER, add),
    ("-", Kind.NUMBER, Kind.NUMBER): (Kind.NUMBER, subtract),
    ("*", Kind.NUMBER, Kind.NUMBER): (Kind.NUMBER, multiply),
    ("/", Kind.NUMBER, Kind.NUMBER): (Kind.NUMBER, divide),
    ("%", Kind.NUMBER, Kind.NUMBER): (Kind.NUMBER, remainder),
    ("-", Kind.INSTANT, Kind.INSTANT): (Kind.DURATION, subtract),
    ("+", Kind.INSTANT, Kind.DURATION): (Kind.INSTANT, add),
    ("-", Kind.INSTANT, Kind.DURATION): (Kind.INSTANT, subtract),
}
for _kind in (Kind.MONEY, Kind.DURATION):
    ARITHMETIC |= {
        ("+", _kind, _kind): (_kind, add),
        ("-", _kind, _kind): (_kind, subtract),
        ("/", _kind, _kind): (Kind.NUMBER, divide),
        ("*", _kind, Kind.NUMBER): (_kind, scale),
        ("*", Kind.NUMBER, _kind): (_kind, scale),
        ("/", _kind, Kind.NUMBER): (_kind, share),
    }


def is_number(value: object) -> bool:
    """Whether a value from outside may stand as a NUMBER."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) <= EXACT_MAX
