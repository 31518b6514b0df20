"""What a mechanic tells of a campaign for the law: whether chance decides, what can be won, and facts by name, each with its place in the file.

The law itself stands in the packs (`rules/packs/law-*`); a mechanic knows no number of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Prize:
    """The most that one draw, packet or other piece of luck may give, in fen."""

    path: Path
    fen: int


@dataclass(frozen=True, slots=True)
class Legal:
    """`chance`: what a customer gets, or whether, hangs on a draw. `facts` hold amounts in fen and lengths of time in µs; `places` say where they stand."""

    chance: bool = False
    prizes: tuple[Prize, ...] = ()
    facts: Mapping[str, bool | int | str] = field(default_factory=dict)
    places: Mapping[str, Path] = field(default_factory=dict)


NOTHING = Legal()
