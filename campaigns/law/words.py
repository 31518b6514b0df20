"""Finds forbidden words in copy however they are written: full width, traditional characters, with spaces or signs between the characters.

A text is folded to its letters and digits, each with its place in what was written. A word counts where it is written together, or with something
between each two of its characters; a stop or a comma in one place only is the end of a sentence and no disguise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules.enrich.characters import plain

_STOPS = frozenset(",.;:!?\n\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f")


@dataclass(frozen=True, slots=True)
class Entry:
    """Words as folded (Latin ones with single spaces), each with its folded characters; `unless` finds contexts in which they are harmless."""

    words: tuple[str, ...]
    unless: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Found:
    """A word and the stretch of the written text in which it stands."""

    word: str
    written: str
    start: int


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is what counts; `places[i]` is where its i-th character stands in what was written."""

    written: str
    text: str
    places: tuple[int, ...]


def fold(written: str) -> Folded:
    """Small letters, digits and simplified characters only."""
    kept = [(char, place) for place, one in enumerate(written) for char in plain(one) if char.isalnum()]
    return Folded(written, "".join(char for char, _ in kept), tuple(place for _, place in kept))


def find(entries: Sequence[Entry], written: str) -> list[Found]:
    """Every forbidden word, by its place; of words that overlap the longest."""
    folded = fold(written)
    found: list[tuple[int, int, str]] = []
    for entry in entries:
        excused = [match.span() for match in entry.unless.finditer(folded.text)] if entry.unless is not None else []
        for word in entry.words:
            for start, end in _matches(folded, word):
                if not any(first <= start and end <= last for first, last in excused):
                    found.append((start, end, word))
    return [_found(folded, *one) for one in _longest(found)]


def _found(folded: Folded, start: int, end: int, word: str) -> Found:
    first, last = folded.places[start], folded.places[end - 1]
    return Found(word, folded.written[first : last + 1], first)


def _matches(folded: Folded, word: str) -> Iterator[tuple[int, int]]:
    parts = word.split(" ")
    bare = "".join(parts)
    # After which of its characters a word may have a space of its own.
    open_after = {sum(map(len, parts[: number + 1])) - 1 for number in range(len(parts) - 1)}
    start = folded.text.find(bare)
    while start >= 0:
        end = start + len(bare)
        if _stands_alone(folded, start, end) and _together(folded, start, end, open_after):
            yield start, end
        start = folded.text.find(bare, start + 1)


def _together(folded: Folded, start: int, end: int, open_after: set[int]) -> bool:
    gaps = [folded.written[folded.places[place] + 1 : folded.places[place + 1]] for place in range(start, end - 1) if place - start not in open_after]
    return all(gaps) or not any(_STOPS & set(gap) for gap in gaps)


def _stands_alone(folded: Folded, start: int, end: int) -> bool:
    """A word that begins or ends with a Latin letter or a digit is no part of a longer one: neither Bestand nor No.1001."""
    return not (_joined(folded, start - 1, start) or _joined(folded, end - 1, end))


def _joined(folded: Folded, left: int, right: int) -> bool:
    if left < 0 or right >= len(folded.text) or folded.places[right] - folded.places[left] > 1:
        return False
    one, other = folded.text[left], folded.text[right]
    return (one.isascii() and other.isascii()) and one.isdigit() == other.isdigit()


def _longest(found: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    reach = -1
    for start, end, word in sorted(set(found), key=lambda one: (one[0], -one[1], one[2])):
        if start >= reach:
            yield start, end, word
            reach = end
