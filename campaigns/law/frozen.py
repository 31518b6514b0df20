"""What was promised may change in the customer's favour only: compares two documents of a campaign, part by part. No limit at all is the best for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from campaigns.mechanics.legal import Path


@dataclass(frozen=True, slots=True)
class Worse:
    """A part that changed against the customer; `path` leads into the document, articles by their code."""

    path: Path
    before: Any
    after: Any


def worsened(allowed: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Worse]:
    """Parts whose pattern (`limits.total`, `*.skus.*.price_fen`; the first that fits) names a way, and that went another."""
    old, new = (dict(_leaves((), document)) for document in (before, after))
    for path in sorted(old.keys() | new.keys(), key=str):
        dotted = ".".join(map(str, path))
        way = next((way for pattern, way in allowed.items() if fnmatchcase(dotted, pattern)), None)
        # A limit that is not written is none; anything else that was not there before is something new.
        if way is None or old.get(path) == new.get(path) or (path not in old and way != "limit"):
            continue
        gone = path not in new and way != "limit"
        if gone or not _WAYS[way](old.get(path), new.get(path)):
            yield Worse(path, old.get(path), new.get(path))


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves((*path, key), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            named = inner.get("sku") if isinstance(inner, Mapping) else None
            yield from _leaves((*path, number if named is None else named), inner)
    else:
        yield path, value


def _unbounded_or(better: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda old, new: new is None or (old is not None and better(old, new))


_WAYS: Mapping[str, Callable[[Any, Any], bool]] = {
    "same": lambda old, new: False,
    "limit": _unbounded_or(lambda old, new: new >= old),
    "up": _unbounded_or(lambda old, new: new >= old),
    "down": _unbounded_or(lambda old, new: new <= old),
    "later": _unbounded_or(lambda old, new: datetime.fromisoformat(new) >= datetime.fromisoformat(old)),
    "earlier": _unbounded_or(lambda old, new: datetime.fromisoformat(new) <= datetime.fromisoformat(old)),
}
