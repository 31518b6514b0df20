"""What one name may be: bounds, members, exclusions. Enough to know that some demands on it cannot be met together; never a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, floor, inf
from typing import Any

_MANY = 1_000


@dataclass(slots=True)
class Range:
    """Demands on one value so far. `whole`: only whole numbers come; `present` and `absent`: it must be there, or must not."""

    whole: bool = False
    low: float | int = -inf
    low_open: bool = False
    high: float | int = inf
    high_open: bool = False
    among: frozenset[Any] | None = None
    excluded: set[Any] = field(default_factory=set)
    present: bool = False
    absent: bool = False

    def demand(self, operator: str, value: Any) -> None:
        """The value must be there and compare so."""
        self.present = True
        _DEMANDS[operator](self, value)

    def possible(self) -> bool:
        """False only when nothing meets all demands."""
        if self.present and self.absent:
            return False
        if self.absent:
            return True
        if self.among is not None:
            return any(self._admits(value) for value in self.among)
        low, high = self._closed()
        if low > high or (low == high and not self._admits(low)):
            return False
        if self.whole and high - low < _MANY:
            return any(value not in self.excluded for value in range(int(low), int(high) + 1))
        return True

    def _closed(self) -> tuple[Any, Any]:
        if not self.whole:
            return self.low, self.high
        low = self.low if self.low == -inf else floor(self.low) + 1 if self.low_open else ceil(self.low)
        high = self.high if self.high == inf else ceil(self.high) - 1 if self.high_open else floor(self.high)
        return low, high

    def _admits(self, value: Any) -> bool:
        if value in self.excluded:
            return False
        if isinstance(value, str | bool):
            return True
        return (value > self.low or (value == self.low and not self.low_open)) and (value < self.high or (value == self.high and not self.high_open))

    def _at_least(self, value: Any, *, open_: bool) -> None:
        if value > self.low or (value == self.low and open_):
            self.low, self.low_open = value, open_

    def _at_most(self, value: Any, *, open_: bool) -> None:
        if value < self.high or (value == self.high and open_):
            self.high, self.high_open = value, open_

    def _one_of(self, values: frozenset[Any]) -> None:
        self.among = values if self.among is None else self.among & values


_DEMANDS: dict[str, Callable[[Range, Any], None]] = {
    ">=": lambda range_, value: range_._at_least(value, open_=False),
    ">": lambda range_, value: range_._at_least(value, open_=True),
    "<=": lambda range_, value: range_._at_most(value, open_=False),
    "<": lambda range_, value: range_._at_most(value, open_=True),
    "==": lambda range_, value: range_._one_of(frozenset({value})),
    "!=": lambda range_, value: range_.excluded.add(value),
    "in": lambda range_, value: range_._one_of(frozenset(value)),
    "not in": lambda range_, value: range_.excluded.update(value),
}
