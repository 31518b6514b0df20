"""What a coupon takes off an order: a fixed amount or a percentage with a cap, of all lines or of those in its scope, and never the order's whole price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order before discounts: what it is, and its amount in fen."""

    sku: str
    category: str | None
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Offer:
    """`face_fen` is the amount, or the cap of a `percent`. Empty scopes mean every line; otherwise a line in either counts."""

    face_fen: int
    threshold_fen: int = 0
    percent: int | None = None
    skus: frozenset[str] = field(default_factory=frozenset)
    categories: frozenset[str] = field(default_factory=frozenset)

    @property
    def scoped(self) -> bool:
        return bool(self.skus or self.categories)


@dataclass(frozen=True, slots=True)
class NoDiscount:
    """Why the order gets none: `amount_required`, `lines_required`, `not_in_scope`, `under_threshold` or `order_too_small`."""

    code: str


def discount_of(offer: Offer, total_fen: int | None, lines: Sequence[Line]) -> int | NoDiscount:
    """The discount in fen. Rounded down to a fen, at most what is in scope, and at most one fen less than the whole order."""
    if offer.scoped and not lines:
        return NoDiscount("lines_required")
    if total_fen is None and not lines:
        # Nothing of the order is known: a plain amount is what it is, everything else needs to know.
        return NoDiscount("amount_required") if offer.threshold_fen or offer.percent is not None else offer.face_fen
    total = sum(line.amount_fen for line in lines) if total_fen is None else total_fen
    eligible = sum(line.amount_fen for line in lines if _in_scope(offer, line)) if offer.scoped else total
    if offer.scoped and not eligible:
        return NoDiscount("not_in_scope")
    if eligible < offer.threshold_fen:
        return NoDiscount("under_threshold")
    asked = offer.face_fen if offer.percent is None else min(offer.face_fen, eligible * offer.percent // 100)
    discount = min(asked, eligible, total - 1)
    return discount if discount > 0 else NoDiscount("order_too_small")


def _in_scope(offer: Offer, line: Line) -> bool:
    return line.sku in offer.skus or (line.category is not None and line.category in offer.categories)
