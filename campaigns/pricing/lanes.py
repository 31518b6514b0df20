"""One plan of candidates applied to a cart, lane by lane. A plan is a choice that keeps to lanes, stacking and exclusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.pricing.model import COUPON, FLASH, FREIGHT, REDUCTION, Candidate, Cart, NotApplied, Priced, Taken
from campaigns.pricing.split import spread

Refusals = dict[str, NotApplied]
# A cart never becomes free: it would be no sale any more.
LEAST_TOTAL_FEN = 1


def begin(cart: Cart, fixed: Mapping[int, int]) -> tuple[list[int], list[bool]]:
    """What the lines cost before any lane, and which of them the lanes may touch: not those whose price an activity sets."""
    amounts = [fixed.get(number, line.amount_fen) for number, line in enumerate(cart.lines)]
    return amounts, [number not in fixed for number in range(len(amounts))]


def alone(cart: Cart, one: Candidate, amounts: Sequence[int], opened: Sequence[bool]) -> int | NotApplied:
    """What a candidate takes off a cart that nothing else has touched."""
    off = one.rule.off(cart, amounts, opened)
    if isinstance(off, NotApplied):
        return off
    if one.rule.lane == FREIGHT:
        return min(cart.freight_fen, off[0]) or NotApplied("no_freight")
    within = _priced if one.rule.lane == FLASH else _within
    return sum(within(cart, amounts, off)) or NotApplied("order_too_small")


@dataclass(frozen=True, slots=True)
class Stage:
    """A cart between two lanes: what was taken so far, and what each line costs by now."""

    cart: Cart
    amounts: tuple[int, ...]
    opened: tuple[bool, ...]
    taken: tuple[Taken, ...] = ()

    def after(self, lane: str, rules: Sequence[Candidate], refused: Refusals | None = None) -> Stage:
        """The cart after a lane of goods. Rules are in their order; one that takes nothing is named in `refused`."""
        if not rules:
            return self
        amounts = list(self.amounts)
        act = _flash if lane == FLASH else _reduce
        taken = act(self.cart, rules, amounts, self.opened, {} if refused is None else refused)
        return Stage(self.cart, tuple(amounts), self.opened, (*self.taken, *taken))

    def shipped(self, rules: Sequence[Candidate], refused: Refusals | None = None) -> Priced:
        """The price, after the lane of freight."""
        taken = _ship(self.cart, rules, self.amounts, self.opened, refused)
        return Priced((*self.taken, *taken), self.amounts, self.cart.freight_fen - sum(one.freight_fen for one in taken))


def stage_of(cart: Cart, fixed: Mapping[int, int]) -> Stage:
    """A cart before any lane."""
    amounts, opened = begin(cart, fixed)
    return Stage(cart, tuple(amounts), tuple(opened))


@dataclass(slots=True)
class Flashed:
    """A cart after its flash prices, worked out once for each choice of them: most combinations share it."""

    start: Stage
    known: dict[tuple[int, ...], tuple[Stage, Refusals]] = field(default_factory=dict)

    def after(self, rules: Sequence[Candidate], refused: Refusals | None = None) -> Stage:
        name = tuple(map(id, rules))
        found = self.known.get(name)
        if found is None:
            idle: Refusals = {}
            found = self.known[name] = self.start.after(FLASH, rules, idle), idle
        if refused is not None:
            refused.update(found[1])
        return found[0]


def apply(cart: Cart, plan: Sequence[Candidate], fixed: Mapping[int, int], refused: Refusals | None = None, flashed: Flashed | None = None) -> Priced:
    """The price of a cart under a plan. A candidate of it that takes nothing is named in `refused`, with its reason."""
    rules = sorted(plan, key=lambda one: one.order)
    flashed = Flashed(stage_of(cart, fixed)) if flashed is None else flashed
    stage = flashed.after([one for one in rules if one.rule.lane == FLASH], refused)
    for lane in (REDUCTION, COUPON):
        stage = stage.after(lane, [one for one in rules if one.rule.lane == lane], refused)
    return stage.shipped([one for one in rules if one.rule.lane == FREIGHT], refused)


def _ship(cart: Cart, rules: Sequence[Candidate], amounts: Sequence[int], opened: Sequence[bool], refused: Refusals | None) -> list[Taken]:
    """Those that stack together, or the one that takes most, whichever leaves less freight."""
    best: tuple[int, Candidate] | None = None
    stacked: list[tuple[int, Candidate]] = []
    # Freight asks only what the goods cost together, so they are summed once for all of its rules.
    goods = (sum(amounts),)
    for one in rules:
        off = one.rule.off(cart, goods, opened)
        if isinstance(off, NotApplied):
            if refused is not None:
                refused[one.name] = off
            continue
        if best is None or off[0] > best[0]:
            best = off[0], one
        if one.rule.stacks:
            stacked.append((off[0], one))
    if best is None:
        return []
    taken, left = [], cart.freight_fen
    for fen, one in stacked if sum(fen for fen, _ in stacked) > best[0] else [best]:
        if step := min(left, fen):
            taken.append(Taken(one, (0,) * len(amounts), step))
            left -= step
    if refused is not None:
        winners = {one.candidate.name for one in taken}
        refused.update({one.name: NotApplied("not_best") for one in rules if one.name not in winners and one.name not in refused})
    return taken


def _flash(cart: Cart, rules: Sequence[Candidate], amounts: list[int], opened: Sequence[bool], refused: Refusals) -> list[Taken]:
    """Each line has the lowest of the prices that are offered for it."""
    best: list[tuple[int, Candidate] | None] = [None] * len(amounts)
    for one in rules:
        off = one.rule.off(cart, amounts, opened)
        if isinstance(off, NotApplied):
            refused[one.name] = off
            continue
        for number, step in enumerate(off):
            known = best[number]
            if step and (known is None or step > known[0]):
                best[number] = (step, one)
    taken = []
    for one in sorted({id(won[1]): won[1] for won in best if won is not None}.values(), key=lambda one: one.order):
        lines = _priced(cart, amounts, [won[0] if won is not None and won[1] is one else 0 for won in best])
        if any(lines):
            taken.append(Taken(one, tuple(lines)))
            _subtract(amounts, lines)
    winners = {one.candidate.name for one in taken}
    refused.update({one.name: NotApplied("not_lower") for one in rules if one.name not in winners and one.name not in refused})
    return taken


def _reduce(cart: Cart, rules: Sequence[Candidate], amounts: list[int], opened: Sequence[bool], refused: Refusals) -> list[Taken]:
    """Reductions of one lane are all judged by what the cart costs when the lane begins, so that those that stack never push each other out."""
    if not rules:
        return []
    taken, before = [], list(amounts)
    for one in rules:
        off = one.rule.off(cart, before, opened)
        if isinstance(off, NotApplied):
            refused[one.name] = off
            continue
        lines = _within(cart, amounts, off)
        if any(lines):
            taken.append(Taken(one, tuple(lines)))
            _subtract(amounts, lines)
        else:
            refused[one.name] = NotApplied("order_too_small")
    return taken


def _within(cart: Cart, amounts: Sequence[int], off: Sequence[int]) -> list[int]:
    """As much of it as floors and the least total allow."""
    most, asked = max(0, sum(amounts) - LEAST_TOTAL_FEN), sum(off)
    if asked <= most and all(step <= amount - line.floor_fen for step, amount, line in zip(off, amounts, cart.lines, strict=True) if step):
        return list(off)
    rooms = [max(0, amount - line.floor_fen) if step else 0 for amount, line, step in zip(amounts, cart.lines, off, strict=True)]
    lines = [min(step, room) for step, room in zip(off, rooms, strict=True)]
    # What a line could not bear goes to the others that take part.
    wanted = min(asked, most, sum(rooms))
    rest = wanted - sum(lines)
    if rest > 0:
        lines = [one + more for one, more in zip(lines, spread(rest, amounts, [room - one for room, one in zip(rooms, lines, strict=True)]), strict=True)]
    return _at_most(lines, most)


def _priced(cart: Cart, amounts: Sequence[int], off: Sequence[int]) -> list[int]:
    """As `_within`, but a price is its own line's: what a floor keeps is nobody else's discount."""
    lines = [min(step, max(0, amount - line.floor_fen)) for step, amount, line in zip(off, amounts, cart.lines, strict=True)]
    return _at_most(lines, max(0, sum(amounts) - LEAST_TOTAL_FEN))


def _at_most(lines: list[int], most: int) -> list[int]:
    """The last lines give up what is too much."""
    while (over := sum(lines) - most) > 0:
        place = max(place for place, step in enumerate(lines) if step)
        lines[place] -= min(over, lines[place])
    return lines


def _subtract(amounts: list[int], lines: Sequence[int]) -> None:
    for number, step in enumerate(lines):
        amounts[number] -= step
