"""What is wrong in an expression and where: offsets into its text, words in two languages, and what would be right."""

from __future__ import annotations

from dataclasses import dataclass

from core.text import Text


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the expression."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong at a span: a stable code, words, and perhaps the fix."""

    code: str
    text: Text
    span: Span
    fix: Text | None = None


class BadExpression(Exception):
    """The expression does not hold; `flaws` has everything that was found, in the order of the text."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("; ".join(f"{flaw.span.start}: {flaw.text.en}" for flaw in flaws))
        self.flaws = sorted(flaws, key=lambda flaw: (flaw.span.start, flaw.code))


def flaw(code: str, span: Span, zh: str, en: str, fix_zh: str = "", fix_en: str = "") -> Flaw:
    return Flaw(code, Text(zh=zh, en=en), span, Text(zh=fix_zh or fix_en, en=fix_en) if fix_en else None)
