"""What a mechanic is: a small package that declares its block of the file, its terms and what a reward is worth. Found through the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import marshmallow as ma

from core.money import Money
from core.yamlfile.problems import Fault

Placed = tuple[tuple[str | int, ...], Fault]


@dataclass(frozen=True, slots=True)
class Mechanic:
    """`name` is also the key of its block. `parse` makes terms of what the schema read, with the campaign's zone; `document` and
    `from_document` write them as JSON and read them back; `faults` finds what contradicts, as (path, fault)."""

    name: str
    schema: type[ma.Schema]
    faults: Callable[[Mapping[str, Any], Mapping[str, Any]], list[Placed]]
    parse: Callable[[Mapping[str, Any], Any], Any]
    document: Callable[[Any], dict[str, Any]]
    from_document: Callable[[Mapping[str, Any], Any], Any]
    reward_value: Callable[[Any], Money]
    reward_terms: Callable[[Any, datetime], dict[str, Any]]
    json_schema: Callable[[], dict[str, Any]]
