"""The kinds of value. Each has one representation at run time, chosen so that arithmetic is exact: whole fen, whole microseconds."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

# NUMBER: int within ±2^53 or a finite float. MONEY: int of fen. DURATION, INSTANT (since 1970 UTC), CLOCK (since local midnight): int of µs.
Value: TypeAlias = bool | int | float | str
MICROS = 1_000_000


class Kind(StrEnum):
    """What a value is. Two kinds never mix: ¥3 is not 3, and 3s is neither."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "true/false"
    MONEY = "money"
    DURATION = "duration"
    INSTANT = "time"
    CLOCK = "time of day"


ORDERED = frozenset({Kind.NUMBER, Kind.MONEY, Kind.DURATION, Kind.INSTANT, Kind.CLOCK})
AMOUNTS = frozenset({Kind.NUMBER, Kind.MONEY, Kind.DURATION})
NAMES_ZH = {
    Kind.NUMBER: "数字",
    Kind.TEXT: "文本",
    Kind.BOOLEAN: "真假值",
    Kind.MONEY: "金额",
    Kind.DURATION: "时长",
    Kind.INSTANT: "时刻",
    Kind.CLOCK: "钟点",
}
# How a literal of the kind is written: the fix for a number where another kind is needed.
EXAMPLES = {Kind.MONEY: "¥49.50", Kind.DURATION: "10m", Kind.CLOCK: "20:00", Kind.TEXT: "'text'", Kind.BOOLEAN: "true"}
