"""What a campaign says of itself besides its terms, for customers and for the law: description, disclosure, articles' numbers and prices, gifts, funds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from core.text import Text

# What a draw must tell its customers; `odds` and `quantity` are either of the two.
DISCLOSED = ("organiser", "prizes", "entry", "time_and_method", "amounts", "odds", "quantity", "claim")


@dataclass(frozen=True, slots=True)
class Item:
    """An article: its category and the number of its licence or filing, its struck-out price, and what it sold for on which day, in fen."""

    category: str | None = None
    licence: str | None = None
    reference_fen: int | None = None
    history: tuple[tuple[date, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Gift:
    """Something that comes with a purchase; its worth in fen, None where the file does not say."""

    name: Text
    value_fen: int | None
    quantity: int | None


@dataclass(frozen=True, slots=True)
class Funds:
    """Who holds what customers paid ("merchant", "channel" or "platform"), and how long until the merchant has it."""

    held_by: str
    settled_within: timedelta | None


@dataclass(frozen=True, slots=True)
class Particulars:
    """`items` by article code, in the file's order; `law` are the packs that the campaign itself chose (empty: the merchant's)."""

    description: Text | None = None
    disclosure: Mapping[str, Text] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    gifts: tuple[Gift, ...] = ()
    funds: Funds | None = None
    law: tuple[str, ...] = ()


NOTHING_SAID = Particulars()
