"""What a mechanic asks for, as values: each move is one thing to write. The writer does all of a list in one transaction, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias


class Keep:
    """Stands for a field that a move leaves as it is."""


KEEP: Final = Keep()


@dataclass(frozen=True, slots=True)
class Open:
    """Begin the instance that the command is about, owned by the caller. `hold_fen` keeps that much of the budget for awards to come.
    A deadline sets the timer "deadline"."""

    state: str
    seats: int
    hold_fen: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Change the instance. A new state must follow the old one in the mechanic's table; less to hold gives budget back."""

    state: str | Keep = KEEP
    hold_fen: int | Keep = KEEP
    data: Mapping[str, Any] | Keep = KEEP
    deadline: datetime | Keep | None = KEEP
    owner: str | Keep = KEEP


@dataclass(frozen=True, slots=True)
class Promise:
    """A reward of a part. `kind`: "discount" (off its own order), "coupon" (used later), "commission" (owed in money).

    `fen` is its face value. `now` posts it with this command's own decision; otherwise it is reserved until `Post`, which decides again.
    `terms` are a coupon's: threshold_fen, valid_from, valid_until, lock_for_seconds, and as JSON bytes its percentage and scope.
    """

    kind: str
    fen: int
    now: bool = False
    terms: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Join:
    """The caller's part, holding what the command's `Wants` took. `seat`: a number, "any" for the lowest free ones, None for no seat.

    `seats` is how many seats it takes, from a numbered one on. `order_id` binds an order, for good; `pay_by` sets the timer "unpaid".
    """

    role: str
    state: str
    seat: int | Literal["any"] | None = None
    seats: int = 1
    quantity: int = 1
    price_fen: int = 0
    list_fen: int = 0
    order_id: str | None = None
    pay_by: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    reward: Promise | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A reward of the caller without a part, decided with this command: a coupon. It holds what the command's `Wants` took."""

    promise: Promise


@dataclass(frozen=True, slots=True)
class Redeem:
    """Use up a code of the campaign, once for all. One that is not known, or was used, takes everything else of the command with it."""

    code: str


@dataclass(frozen=True, slots=True)
class Step:
    """Change a part. A new state must follow the old one in the mechanic's table."""

    part: str
    state: str | Keep = KEEP
    role: str | Keep = KEEP
    data: Mapping[str, Any] | Keep = KEEP
    pay_by: datetime | Keep | None = KEEP


@dataclass(frozen=True, slots=True)
class Free:
    """The part gives back all it holds: stock, seat, limits, budget; a reward that is not posted becomes void."""

    part: str


@dataclass(frozen=True, slots=True)
class Release:
    """The part goes on, without its places under these limits (a group that succeeded no longer counts as its customer's live one)."""

    part: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """The part's reserved reward is due: it is decided again, outside of this transaction, and then posted or held."""

    part: str


@dataclass(frozen=True, slots=True)
class Award:
    """A further reward for a part's customer, reserved and due at once (a leader's commission), out of what the instance holds.
    Made once for each (part, `why`)."""

    part: str
    why: str
    promise: Promise


@dataclass(frozen=True, slots=True)
class Reverse:
    """The part's posted reward is taken back as a whole, because its order is undone; with `why`, its award of that name."""

    part: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Tell the shop to give back what the part's order paid, under the order's stable bill number; nothing when it paid nothing."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tell:
    """An effect that the world hears of: in the reply, the audit and the outbox. `topic` is past tense, such as "group.succeeded"."""

    topic: str
    body: Mapping[str, Any] = field(default_factory=dict)


Move: TypeAlias = Open | Turn | Join | Grant | Redeem | Step | Free | Release | Post | Award | Reverse | Refund | Tell
