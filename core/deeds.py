"""What people did that another room keeps: handed over sealed, so that whoever looks for gangs needs no table of that room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Deed:
    """One act by its scene. `sealed` are the identifying fields under the subject's own key, `wrapped` that key under the master key."""

    kind: str
    at: datetime
    subject: str
    wrapped: bytes
    sealed: bytes
    plain: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bringing:
    """Who brought a subject: `sealed` are the identifying fields of the one who brought it, under their own key."""

    subject: str
    at: datetime
    inviter: str
    wrapped: bytes
    sealed: bytes


class Deeds(Protocol):
    """The other room's record."""

    def merchants(self, connection: Connection) -> Iterator[str]:
        """Each merchant who has any."""

    def done(self, connection: Connection, merchant: str, since: datetime, until: datetime, most: int) -> Iterator[Deed]:
        """Deeds in (since, until], at most so many of the newest; none of people who were erased."""

    def bringings(self, connection: Connection, merchant: str, until: datetime, most: int) -> Iterator[Bringing]:
        """Of all times until then, because whom an inviter ever brought is what a group is a part of."""
