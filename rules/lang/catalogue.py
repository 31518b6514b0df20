"""What an expression may name: event fields, features, parameters and lists, each with its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rules.lang.kinds import Kind, Value


@dataclass(frozen=True, slots=True)
class Known:
    """A name with a value of its own at each event. `cap`: a count that is exact only below this; `never_missing`: always has a value."""

    kind: Kind
    cap: int | None = None
    never_missing: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that the file gives a name to."""

    kind: Kind
    value: Value


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`names` are fields and features, `lists` the kinds of named lists' members."""

    names: Mapping[str, Known]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    lists: Mapping[str, Kind] = field(default_factory=dict)

    def all_names(self) -> list[str]:
        """Names that stand for a value."""
        return [*self.names, *self.parameters]
