"""Events as people and programs write them in JSON, read into the flat records that features and rules look at.

Both spellings are taken: the language's own (`at`, `amount: "¥49.50"`) and that of the API (`occurred_at`, `amount_fen`, `custom`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.clock import to_micros
from core.errors import Malformed
from core.text import Text
from core.yamlfile.check import did_you_mean
from rules.evaluate import fits
from rules.files.literals import NotThis, value_of
from rules.lang.kinds import Kind
from rules.lang.meaning import is_number
from rules.model import Ruleset

EVENTS_MAX = 10_000
_OF_THE_API = {"occurred_at": "at", "scene": "type"}


def records_of(written: Any, ruleset: Ruleset, now: datetime) -> list[dict[str, Any]]:
    """One event, or a list of them, as records; an event without a time happens `now`. Raises `Malformed` with everything that is wrong."""
    events = written if isinstance(written, list) else [written]
    if not 1 <= len(events) <= EVENTS_MAX or not all(isinstance(event, dict) for event in events):
        text = Text(zh=f"应为一个事件,或 1 至 {EVENTS_MAX} 个事件的列表", en=f"an event, or a list of 1 to {EVENTS_MAX} events, is expected")
        raise Malformed("bad_event", text)
    faults: list[Text] = []
    records = [_record(event, number, ruleset, now, faults) for number, event in enumerate(events)]
    if faults:
        count = len(faults)
        raise Malformed("bad_event", Text(zh=f"事件有 {count} 处问题", en=f"the events have {count} problem{'s' if count != 1 else ''}"), errors=faults)
    return records


def _record(event: Mapping[str, Any], number: int, ruleset: Ruleset, now: datetime, faults: list[Text]) -> dict[str, Any]:
    record: dict[str, Any] = {"id": f"e{number}", "type": ruleset.scene, "merchant": "test", "at": to_micros(now)}
    for name, value in _plain(event).items():
        known = None if name in ruleset.features else ruleset.catalogue.names.get(name)
        if known is None:
            faults.append(_unknown(number, name, [field for field in ruleset.catalogue.names if field not in ruleset.features]))
        elif value is not None:
            try:
                record[name] = _value(known.kind, value, ruleset)
            except NotThis as error:
                said = error.fault.text
                faults.append(Text(zh=f"事件 {number + 1} 的 {name}:{said.zh}", en=f"event {number + 1}, {name}: {said.en}"))
    return record


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with its own spelling of names, custom fields beside the others."""
    custom = event.get("custom")
    flat = {str(name): value for name, value in event.items() if name not in ("custom", "amount_fen")}
    flat |= custom if isinstance(custom, dict) else {} if custom is None else {"custom": custom}
    if event.get("amount_fen") is not None:
        flat["amount"] = _Fen(event["amount_fen"])
    return {_OF_THE_API.get(name, name): value for name, value in flat.items()}


class _Fen:
    """An amount that came as a number of fen."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _value(kind: Kind, written: Any, ruleset: Ruleset) -> Any:
    if isinstance(written, _Fen):
        return written.value if fits(Kind.MONEY, written.value) else value_of(kind, None, ruleset.zone)
    # JSON has fractions where YAML keeps a decimal's text.
    if kind is Kind.NUMBER and is_number(written):
        return written
    return value_of(kind, written, ruleset.zone)


def _unknown(number: int, name: str, known: Sequence[str]) -> Text:
    hint = did_you_mean(name, list(known)) or Text(zh=f"可用:{'、'.join(sorted(known))}", en=f"known: {', '.join(sorted(known))}")
    shown = name[:60]
    return Text(zh=f"事件 {number + 1}:没有字段 {shown};{hint.zh}", en=f"event {number + 1}: there is no field {shown}; {hint.en}")
