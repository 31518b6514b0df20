"""The fields of an event that every expression may name, with their kinds; a file may declare more under `fields`."""

from __future__ import annotations

from collections.abc import Mapping

from core.event import DEVICE_FLAGS, PERSONAL_FIELDS, PLAIN_FIELDS
from rules.enrich.derived import DERIVED
from rules.lang.catalogue import Catalogue, Known
from rules.lang.kinds import Kind

KIND_WORDS: Mapping[str, Kind] = {
    "number": Kind.NUMBER,
    "text": Kind.TEXT,
    "boolean": Kind.BOOLEAN,
    "money": Kind.MONEY,
    "duration": Kind.DURATION,
    "time": Kind.INSTANT,
}
_ALWAYS = ("id", "type", "merchant")
_TEXTS = (*PERSONAL_FIELDS, *PLAIN_FIELDS)

EVENT_FIELDS: Mapping[str, Known] = {
    **{name: Known(Kind.TEXT, never_missing=True) for name in _ALWAYS},
    **{name: Known(Kind.TEXT) for name in _TEXTS},
    "at": Known(Kind.INSTANT, never_missing=True),
    "session_started_at": Known(Kind.INSTANT),
    "amount": Known(Kind.MONEY),
    **{f"device_{flag}": Known(Kind.BOOLEAN) for flag in DEVICE_FLAGS},
    **{name: Known(kind) for name, (kind, _, _) in DERIVED.items()},
}


def field_catalogue(declared: Mapping[str, str]) -> Catalogue:
    """What a filter over an event's own fields may name."""
    return Catalogue({**EVENT_FIELDS, **{name: Known(KIND_WORDS[word]) for name, word in declared.items()}})
