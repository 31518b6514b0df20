"""The known name that a misspelt one was most likely meant to be. Comparing letter by letter is slow, so it is done for a few likely names only.

A file may hold thousands of misspelt names beside hundreds of known ones, and all of them are told at once.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from functools import lru_cache

# Names are at most this long, so what is longer was meant to be none.
_LENGTH_MAX = 130
_LIKELY = 2
_ALIKE_LEAST = 0.6


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar of the known names, if one is similar at all."""
    if len(word) > _LENGTH_MAX:
        return None
    pairs = _pairs(word)
    likely = heapq.nlargest(_LIKELY, known, key=lambda name: _share(pairs, _pairs(name)))
    return next(iter(difflib.get_close_matches(word, likely, n=1, cutoff=_ALIKE_LEAST)), None)


def _share(pairs: frozenset[str], others: frozenset[str]) -> float:
    return len(pairs & others) / (len(pairs) + len(others))


@lru_cache(maxsize=4096)
def _pairs(word: str) -> frozenset[str]:
    """Neighbouring letters, with the edges; never empty."""
    edged = f" {word} "
    return frozenset(edged[at : at + 2] for at in range(len(edged) - 1))
