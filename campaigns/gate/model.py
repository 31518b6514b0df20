"""What goes to a gate and what comes back, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.portions import Draw

STOCK = "stock"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `cap` for the holder of `token` (a keyed hash), under the name `kind`; one request takes `places` of them."""

    kind: str
    token: str
    cap: int
    places: int = 1

    @property
    def field(self) -> str:
        """Where a gate counts it."""
        return count_field(self.kind, self.token)


def count_field(kind: str, token: str) -> str:
    """The field of a gate's hash that counts the holder of a token under a limit."""
    return f"n:{kind}:{token}"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request at the gate: `quantity` pieces of `pool` (None: no stock), and places under each limit.

    `request_id` makes retries harmless, `body_hash` tells another body under the same id. `draws` are counted in SQL alone.
    `home` chooses the part of a gate that stands in several; the same customer always has the same one.
    """

    request_id: str
    body_hash: str
    cost_fen: int
    limits: tuple[Limit, ...]
    pool: str | None = STOCK
    quantity: int = 1
    draws: tuple[Draw, ...] = ()
    home: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate said. `slots` counts only with code "ok" (empty: the stock has no limit, or none was asked for); `limit` names the limit that
    was reached, `left` what a sold-out pool still has, `epoch` the gate's when it is another."""

    code: str
    slots: tuple[int, ...] = ()
    limit: str | None = None
    left: int | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a gate counts at one moment: slots that are out (leased or taken) of each limited pool, leases, budget used in fen."""

    epoch: int
    pools: Mapping[str, int]
    leases: int
    budget_used: int

    @property
    def taken(self) -> int:
        """Slots that are out, of all pools together."""
        return sum(self.pools.values())


@dataclass(frozen=True, slots=True)
class Returned:
    """What something committed held and gives back: slots of a pool, budget, and places under limits by (kind, token). `name` makes it happen once."""

    name: str
    pool: str | None
    slots: tuple[int, ...]
    cost_fen: int
    places: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Pool:
    """A stock: its size (-1: unlimited) and the slots that are taken, in ascending order."""

    name: str
    capacity: int
    taken: tuple[int, ...]

    @property
    def top(self) -> int:
        """The first slot above all that were ever handed out."""
        return self.taken[-1] + 1 if self.taken else 0

    @property
    def freed(self) -> list[int]:
        """Slots below the top that nobody has."""
        return sorted(set(range(self.top)).difference(self.taken))

    def part(self, number: int, parts: int) -> Pool:
        """This stock's share in one of several parts: slot k belongs to part k mod `parts`, which counts its own from zero."""
        capacity = self.capacity if self.capacity < 0 else (self.capacity - number + parts - 1) // parts
        return Pool(self.name, capacity, tuple(slot // parts for slot in self.taken if slot % parts == number))
