"""What one request knows of a hot state that is away. A batch asks for each of its items, and would wait for each of them in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.errors import Unavailable

# The first may only be a connection that broke while nobody used it.
IN_VAIN_MAX = 2
T = TypeVar("T")


class Outage:
    """One for each request, of one thread: after two questions in vain it asks no more."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._met: Unavailable | None = None

    def ask(self, question: Callable[[], T]) -> T:
        """The answer of a question to the hot state. Raises `Unavailable` where it is away, or was found so twice."""
        if self._met is not None and self._in_vain >= IN_VAIN_MAX:
            raise self._met.with_traceback(None)
        try:
            return question()
        except Unavailable as away:
            self._in_vain += 1
            self._met = away
            raise
