"""What a mechanic sees, as values: the campaign's terms, the thing at hand (a group, a bargain …) with its parts, and the customer's wish.

Nothing here knows a store. A situation is read under the lock of its instance, so what a mechanic decides from it still holds when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaigns.model import Campaign


@dataclass(frozen=True, slots=True)
class Part:
    """One customer's part: a seat of a group, a cut of a bargain, a purchase of a seckill, a day of a check-in.

    `price_fen` is what its order must pay and `list_fen` what it would cost without the campaign; `paid_fen` is None until its payment was seen.
    `reward_state` is None where the part has no reward; `seat` is its number within the instance. `live`: it still holds what it took.
    """

    id: str
    subject: str
    role: str
    state: str
    seat: int | None
    quantity: int
    price_fen: int
    list_fen: int
    order_id: str | None
    pay_by: datetime | None
    paid_fen: int | None
    refunded_fen: int
    reward_id: str | None
    reward_state: str | None
    live: bool
    data: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Instance:
    """What several parts share: a group, a bargain, a customer's calendar. `seats` bounds the seats that are held at one time; `hold_fen` is what it
    holds of the budget for awards to come."""

    id: str
    key: str | None
    owner: str
    state: str
    seats: int
    hold_fen: int
    data: Mapping[str, Any]
    deadline: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a mechanic may look at. `campaign` is the version under which the instance began; parts are in the order in which they came.

    Without an instance `parts` holds only the part that an order or a timer is about.
    """

    campaign: Campaign
    now: datetime
    instance: Instance | None = None
    parts: tuple[Part, ...] = ()

    @property
    def terms(self) -> Any:
        return self.campaign.terms

    def part(self, part_id: str) -> Part:
        """Raises `KeyError`."""
        for part in self.parts:
            if part.id == part_id:
                return part
        raise KeyError(part_id)


@dataclass(frozen=True, slots=True)
class Wish:
    """A command as a mechanic sees it. `caller` is the customer's subject id, None for somebody never seen before; `fields` are the body's own.

    `registered_at` and `order_count` are what the shop attests, `user` is its own name of the customer. `seed` is fresh randomness, recorded
    with whatever is drawn from it.
    """

    caller: str | None
    fields: Mapping[str, Any]
    registered_at: datetime | None = None
    order_count: int | None = None
    seed: int = 0
    user: str = ""


@dataclass(frozen=True, slots=True)
class Limited:
    """A limit under the name `kind`, counted for the caller's `by`: user, device, phone or payment_account. Its size is the mechanic's `limits` of
    the live version; `places` is how many it takes. With a `scope` (a session's name) each scope counts for itself."""

    kind: str
    by: str
    places: int = 1
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Wants:
    """What a command takes that is scarce: `quantity` pieces of the `pool` (None: no stock), `cost_fen` of the budget, places under each
    limit. `cost_fen` is exactly what the moves promise: the faces of their rewards and what `Open` holds."""

    pool: str | None = None
    quantity: int = 0
    cost_fen: int = 0
    limits: tuple[Limited, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """The command cannot be done. `code` has its words in the mechanic's `refusals`; details go into the reply."""

    code: str
    details: Mapping[str, Any] = field(default_factory=dict)
