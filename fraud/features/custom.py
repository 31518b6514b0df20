"""Custom fields of an event, as the policies that run declare them: a value of another kind is missing, and never a fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from core.clock import to_micros
from rules.enrich.derived import DERIVED
from rules.files.fields import EVENT_FIELDS
from rules.lang import tree
from rules.lang.kinds import MICROS, Kind, Value
from rules.lang.meaning import EXACT_MAX
from rules.model import Ruleset
from rules.windows.spec import Feature, Window

TEXT_MAX = 500


def declared_fields(policies: Iterable[Ruleset]) -> dict[str, Kind]:
    """The custom fields that policies declare; of two that disagree the first counts."""
    found: dict[str, Kind] = {}
    for policy in policies:
        for name, known in policy.catalogue.names.items():
            if name not in EVENT_FIELDS and name not in policy.features:
                found.setdefault(name, known.kind)
    return found


def derived_names(policies: Iterable[Ruleset]) -> tuple[str, ...]:
    """What of the event's derived fields anything in these policies reads; the rest is not worked out."""
    read: set[str] = set()
    for policy in policies:
        read.update(policy.compiled.names, *(bands.needs for bands in policy.bands), *map(_read_by, policy.features.values()))
    return tuple(name for name in DERIVED if name in read)


def _read_by(feature: Feature) -> Iterable[str]:
    if not isinstance(feature, Window):
        return ()
    where = () if feature.where is None else tree.names_of(feature.where)
    return [*feature.by, *where, *(name for name in (feature.of, feature.per) if name)]


def custom_values(declared: Mapping[str, Kind], given: Mapping[str, Any]) -> dict[str, Value]:
    """What was given of the declared fields, as the language has it."""
    found = {name: custom_value(kind, given[name]) for name, kind in declared.items() if name in given}
    return {name: value for name, value in found.items() if value is not None}


def custom_value(kind: Kind, given: Any) -> Value | None:
    """JSON as a value: money in fen, durations in seconds, times as ISO 8601 with an offset. None for what is of another kind."""
    if kind is Kind.BOOLEAN:
        return given if isinstance(given, bool) else None
    if kind is Kind.TEXT:
        return given[:TEXT_MAX] if isinstance(given, str) and given else None
    if kind is Kind.INSTANT:
        return _instant(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or abs(given) > EXACT_MAX:
        return None
    if kind is Kind.DURATION:
        return round(given * MICROS) if abs(given) <= EXACT_MAX // MICROS else None
    return given if kind is Kind.NUMBER or isinstance(given, int) else None


def _instant(given: Any) -> int | None:
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else to_micros(at)
