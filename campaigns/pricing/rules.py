"""The rules of the lanes: what the terms of price campaigns and the coupons that a customer holds take off a cart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.discounts import Line, NoDiscount, Offer, discount_of
from campaigns.pricing.model import COUPON, FLASH, FREIGHT, REDUCTION, Cart, NotApplied
from campaigns.pricing.split import spread


@dataclass(frozen=True, slots=True)
class Place:
    """How a campaign stands to others: the smaller number goes first; `stacks` with others of its lane that do; at most one of a `group` applies."""

    priority: int = 100
    stacks: bool = False
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which lines count: those of the articles and of the categories; all where neither is named."""

    skus: frozenset[str] = field(default_factory=frozenset)
    categories: frozenset[str] = field(default_factory=frozenset)

    def of(self, cart: Cart, open_lines: Sequence[bool]) -> list[bool]:
        if not (self.skus or self.categories):
            return list(open_lines)
        return [open_ and (line.sku in self.skus or line.category in self.categories) for line, open_ in zip(cart.lines, open_lines, strict=True)]


class _Placed:
    """Where a rule stands, for rules that have a `place`."""

    place: Place

    @property
    def priority(self) -> int:
        return self.place.priority

    @property
    def stacks(self) -> bool:
        return self.place.stacks

    @property
    def group(self) -> str | None:
        return self.place.group


@dataclass(frozen=True)
class Flash(_Placed):
    """限时折扣: articles at a price of their own, or a percentage off a scope. `open` says whether its hours are on."""

    place: Place
    prices: Mapping[str, int]
    percent: int | None
    scope: Scope
    open: bool = True
    lane: str = FLASH

    def off(self, cart: Cart, amounts: Sequence[int], open_lines: Sequence[bool]) -> list[int] | NotApplied:
        if not self.open:
            return NotApplied("outside_window")
        priced = [open_ and line.sku in self.prices for line, open_ in zip(cart.lines, open_lines, strict=True)]
        meant = priced if self.percent is None else self.scope.of(cart, open_lines)
        if not any(meant):
            return NotApplied("no_article")
        found = [0] * len(amounts)
        for number, line in enumerate(cart.lines):
            if meant[number]:
                price = self.prices[line.sku] * line.quantity if self.percent is None else amounts[number] - amounts[number] * self.percent // 100
                found[number] = max(0, amounts[number] - price)
        return found if any(found) else NotApplied("not_lower")


@dataclass(frozen=True, slots=True)
class Step:
    """From `over_fen` on: an amount, or a percentage with its cap."""

    over_fen: int
    off_fen: int | None
    percent: int | None = None
    cap_fen: int | None = None

    def takes(self, total: int) -> int:
        if self.off_fen is not None:
            return self.off_fen
        asked = total * (self.percent or 0) // 100
        return asked if self.cap_fen is None else min(asked, self.cap_fen)


@dataclass(frozen=True)
class Reduction(_Placed):
    """满减: the highest step that the lines in scope reach; or `every` so much, an amount, at most so many times."""

    place: Place
    steps: tuple[Step, ...]
    every: Step | None
    times_max: int | None
    scope: Scope
    lane: str = REDUCTION

    def off(self, cart: Cart, amounts: Sequence[int], open_lines: Sequence[bool]) -> list[int] | NotApplied:
        meant = self.scope.of(cart, open_lines)
        if not any(meant):
            return NotApplied("no_article")
        rooms = [amount if ours else 0 for amount, ours in zip(amounts, meant, strict=True)]
        total = sum(rooms)
        asked = self._asked(total)
        if asked is None:
            least = self.every.over_fen if self.every is not None else min(step.over_fen for step in self.steps)
            return NotApplied("under_threshold", {"threshold_fen": least, "missing_fen": least - total})
        return spread(asked, amounts, [max(0, min(room, amount - line.floor_fen)) for room, amount, line in zip(rooms, amounts, cart.lines, strict=True)])

    def most(self, total: int) -> int:
        """The most that any step takes off a cart that costs `total`."""
        return max((step.takes(total) for step in self.steps if step.over_fen <= total), default=0)

    def _asked(self, total: int) -> int | None:
        if self.every is not None:
            times = total // self.every.over_fen
            return None if times == 0 else (self.every.off_fen or 0) * (times if self.times_max is None else min(times, self.times_max))
        reached = [step for step in self.steps if step.over_fen <= total]
        return max(reached, key=lambda step: step.over_fen).takes(total) if reached else None


@dataclass(frozen=True)
class Coupon(_Placed):
    """A coupon that the customer holds; as it will be judged when the order uses it."""

    offer: Offer
    place: Place = Place(0)
    lane: str = COUPON

    def off(self, cart: Cart, amounts: Sequence[int], open_lines: Sequence[bool]) -> list[int] | NotApplied:
        lines = [Line(line.sku, line.category, amount if open_ else 0) for line, amount, open_ in zip(cart.lines, amounts, open_lines, strict=True)]
        found = discount_of(self.offer, sum(line.amount_fen for line in lines), lines)
        if isinstance(found, NoDiscount):
            return NotApplied(found.code, {"threshold_fen": self.offer.threshold_fen} if found.code == "under_threshold" else {})
        meant = Scope(self.offer.skus, self.offer.categories).of(cart, open_lines)
        rooms = [max(0, amount - line.floor_fen) if ours else 0 for amount, line, ours in zip(amounts, cart.lines, meant, strict=True)]
        return spread(found, amounts, rooms)


@dataclass(frozen=True)
class Freight(_Placed):
    """包邮: from an amount of goods on, to all regions but some; up to `most_fen` of the freight."""

    place: Place
    over_fen: int
    except_regions: frozenset[str]
    most_fen: int | None
    lane: str = FREIGHT

    def off(self, cart: Cart, amounts: Sequence[int], open_lines: Sequence[bool]) -> list[int] | NotApplied:
        if cart.freight_fen == 0:
            return NotApplied("no_freight")
        if cart.region is None and self.except_regions:
            # Who does not say where the parcel goes is not thereby outside the excluded regions.
            return NotApplied("region_required")
        if cart.region in self.except_regions:
            return NotApplied("region_excluded", {"region": cart.region})
        total = sum(amounts)
        if total < self.over_fen:
            return NotApplied("under_threshold", {"threshold_fen": self.over_fen, "missing_fen": self.over_fen - total})
        return [cart.freight_fen if self.most_fen is None else min(self.most_fen, cart.freight_fen)]
