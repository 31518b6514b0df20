"""What the engines are measured on: 40 fields, rules of three conditions that hold for one record in fifty, and random records.

A condition is plain data here; each engine writes it in its own language.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from rules.lang.catalogue import Catalogue, Known
from rules.lang.kinds import Kind

# Three conditions that each hold for about 27 % of the records give the 2 %.
_HOLDS = 0.27
_NUMBER_MAX = 1_000_000
_FEW, _MANY = 4, 11
NUMBERS = [f"count_{n}" for n in range(16)]
SHARES = [f"share_{n}" for n in range(4)]
FEW_WORDS = [f"kind_{n}" for n in range(7)]
MANY_WORDS = [f"place_{n}" for n in range(7)]
FLAGS = [f"flag_{n}" for n in range(6)]
FIELDS = [*NUMBERS, *SHARES, *FEW_WORDS, *MANY_WORDS, *FLAGS]
_KINDS = {**dict.fromkeys(NUMBERS + SHARES, Kind.NUMBER), **dict.fromkeys(FEW_WORDS + MANY_WORDS, Kind.TEXT), **dict.fromkeys(FLAGS, Kind.BOOLEAN)}
CATALOGUE = Catalogue({name: Known(kind) for name, kind in _KINDS.items()})

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is `>=`, `<`, `==`, `in` (the value is a tuple of texts) or `is` (a flag, without a value)."""

    field: str
    operator: str
    value: Any = None


Rule = tuple[Condition, ...]


def make_rules(count: int, *, alike: bool = True, seed: int = 1) -> list[Rule]:
    """Rules over three different fields each. Conditions on words and flags recur from rule to rule; without `alike` there are none of these."""
    rng = random.Random(seed)
    fields = FIELDS if alike else NUMBERS + SHARES
    return [tuple(_condition(rng, field) for field in rng.sample(fields, 3)) for _ in range(count)]


def _condition(rng: random.Random, field: str) -> Condition:
    if field in FLAGS:
        return Condition(field, "is")
    if field in FEW_WORDS:
        return Condition(field, "==", f"word{rng.randrange(_FEW)}")
    if field in MANY_WORDS:
        return Condition(field, "in", tuple(f"word{n}" for n in rng.sample(range(_MANY), 3)))
    share = round(rng.uniform(_HOLDS - 0.06, _HOLDS + 0.06), 6)
    whole = field in NUMBERS
    if rng.random() < 0.3:
        return Condition(field, "<", int(share * _NUMBER_MAX) if whole else share)
    return Condition(field, ">=", int((1 - share) * _NUMBER_MAX) if whole else round(1 - share, 6))


def make_records(count: int, missing_share: float = 0.0, seed: int = 2) -> list[Record]:
    """Records with all 40 keys; a missing value is None."""
    rng = random.Random(seed)
    return [{field: None if rng.random() < missing_share else _value(rng, field) for field in FIELDS} for _ in range(count)]


def _value(rng: random.Random, field: str) -> Any:
    if field in NUMBERS:
        return rng.randrange(_NUMBER_MAX)
    if field in SHARES:
        return round(rng.random(), 3)
    if field in FLAGS:
        return rng.random() < _HOLDS
    return f"word{rng.randrange(_FEW if field in FEW_WORDS else _MANY)}"
