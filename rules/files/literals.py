"""Values that a file writes outside of expressions: parameters, members of lists, fields of test events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

from core.clock import to_micros
from core.fields import Moment, MomentField
from core.text import Text
from core.yamlfile.problems import Fault
from rules.lang import tree
from rules.lang.catalogue import Catalogue
from rules.lang.check import typed
from rules.lang.faults import BadExpression
from rules.lang.kinds import EXAMPLES, NAMES_ZH, Kind, Value

_NOTHING = Catalogue({})


class NotThis(Exception):
    """The value is not what it has to be; `fault` says so."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text.en)
        self.fault = fault


def literal(written: bool | int | str) -> tuple[Kind, Value]:
    """Kind and value of a parameter as it was written: what an expression would read, else a text."""
    if isinstance(written, bool):
        return Kind.BOOLEAN, written
    try:
        node = typed(str(written), _NOTHING, None)
    except BadExpression:
        return Kind.TEXT, str(written)
    return (node.kind, node.value) if isinstance(node, tree.Const) else (Kind.TEXT, str(written))


def value_of(kind: Kind, written: Any, zone: ZoneInfo) -> Value:
    """The written value as one of the kind. Raises `NotThis`."""
    if kind is Kind.TEXT:
        if isinstance(written, str):
            return str(written)
    elif kind is Kind.INSTANT:
        found = moment(written, zone)
        if found is not None:
            return to_micros(found)
    elif isinstance(written, bool | int | str) and (kind is Kind.BOOLEAN) is isinstance(written, bool):
        read, value = literal(written)
        if read is kind:
            return value
    text = Text(zh=f"应为{NAMES_ZH[kind]}", en=f"{kind} is expected")
    example = EXAMPLES.get(kind)
    raise NotThis(Fault("wrong_kind", text, Text(zh=f"如 {example}", en=f"such as {example}") if example else None))


def moment(written: Any, zone: ZoneInfo, *, ends: bool = False) -> datetime | None:
    """The instant of a date or time as written, None where it is none. As an end a date includes its day."""
    try:
        found: Moment = MomentField().deserialize(written)
    except ValidationError:
        return None
    return found.ends(zone) if ends else found.begins(zone)
