"""The functions of the language. A name is registered once; each says which kinds it takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rules.lang import meaning
from rules.lang.kinds import AMOUNTS, ORDERED, Kind

ARGUMENTS_MAX = 16


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` gives the kinds of each argument; with `alike` any number of two or more arguments of one kind, which is the result's too.

    `zoned` functions get the file's zone after their arguments.
    """

    name: str
    takes: tuple[frozenset[Kind], ...]
    gives: Kind | None
    run: Callable[..., Any]
    shown: str
    alike: bool = False
    zoned: bool = False


_TEXT = frozenset({Kind.TEXT})
_INSTANT = frozenset({Kind.INSTANT})
FUNCTIONS: dict[str, Function] = {}


def _register(function: Function) -> None:
    if function.name in FUNCTIONS:
        raise ValueError(f"two functions are called {function.name}")
    FUNCTIONS[function.name] = function


_register(Function("starts_with", (_TEXT, _TEXT), Kind.BOOLEAN, str.startswith, "starts_with(text, beginning)"))
_register(Function("ends_with", (_TEXT, _TEXT), Kind.BOOLEAN, str.endswith, "ends_with(text, ending)"))
_register(Function("contains", (_TEXT, _TEXT), Kind.BOOLEAN, str.__contains__, "contains(text, part)"))
_register(Function("length", (_TEXT,), Kind.NUMBER, len, "length(text)"))
_register(Function("lower", (_TEXT,), Kind.TEXT, str.lower, "lower(text)"))
_register(Function("abs", (AMOUNTS,), None, abs, "abs(amount)"))
_register(Function("min", (ORDERED,), None, min, "min(a, b, …)", alike=True))
_register(Function("max", (ORDERED,), None, max, "max(a, b, …)", alike=True))
_register(Function("seconds", (frozenset({Kind.DURATION}),), Kind.NUMBER, meaning.seconds, "seconds(duration)"))
_register(Function("time_of_day", (_INSTANT,), Kind.CLOCK, meaning.time_of_day, "time_of_day(time)", zoned=True))
_register(Function("day_of_week", (_INSTANT,), Kind.TEXT, meaning.day_of_week, "day_of_week(time)", zoned=True))
