"""Which of the candidates a cart is priced with: what costs the customer least, or what comes first by priority.

The search leaves out only what cannot be better, so it is exact unless it meets its bounds; it always looks at the choice by priority too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from campaigns.pricing.lanes import Flashed, Refusals, alone, apply, begin, stage_of
from campaigns.pricing.model import COUPON, FLASH, FREIGHT, REDUCTION, Candidate, Cart, NotApplied, Priced
from campaigns.pricing.rules import Reduction

# How many carts with a coupon are worked out, choices of flash prices, and rules that stack in every selection.
STAGES_MAX, FLASH_MAX, STACKED_MAX = 150, 16, 4
Plan = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The price, why each other candidate is not in it, and whether there were more combinations than were looked at."""

    priced: Priced
    refused: Mapping[str, NotApplied]
    bounded: bool


def best_for_customer(cart: Cart, candidates: Sequence[Candidate], fixed: Mapping[int, int]) -> Chosen:
    """The least total; of several the one that takes fewer, then the one that comes first by priority and name."""
    alone, refused = _alone(cart, candidates, fixed)
    usable, flashed = [one for one, _ in alone], Flashed(stage_of(cart, fixed))
    takes, lanes = _most(alone, flashed), _options(usable)
    plans = [[_Option(plan, _groups(plan), sum(takes[id(one)] for one in plan)) for plan in found] for found, _ in lanes]
    priced, whole = _search(flashed, plans, _fitting(cart, usable, fixed, {}, flashed))
    bounded = not whole or any(more for _, more in lanes)
    return Chosen(priced, refused | _why_not(usable, priced, "not_best"), bounded)


@dataclass(frozen=True, slots=True)
class _Option:
    """What a lane may contribute, and the most that it can take."""

    plan: Plan
    groups: frozenset[str]
    most_fen: int


def _most(alone: Sequence[tuple[Candidate, int]], flashed: Flashed) -> dict[int, int]:
    """The most that each can take in any combination: what it takes alone, but of steps the one that takes most, since a lower one may take more."""
    total = sum(flashed.start.amounts)
    return {id(one): max(fen, one.rule.most(total)) if isinstance(one.rule, Reduction) else fen for one, fen in alone}


def _search(start: Flashed, lanes: Sequence[Sequence[_Option]], best: Priced) -> tuple[Priced, bool]:
    """The least total, and whether everything was looked at or could not be better. Those that can take most come first, and what cannot reach the
    best so far is left out with all that would follow it; so few stages are worked out, and the search is exact unless they exceed their bound."""
    flash, reductions, coupons, freights = lanes[0], *(sorted(lane, key=lambda one: (-one.most_fen, [rule.order for rule in one.plan])) for lane in lanes[1:])
    freight = start.start.cart.freight_fen
    shipped = freight - min(freight, max(one.most_fen for one in freights))
    coupon_most, stages = coupons[0].most_fen, 0
    for first in flash:
        flashed = start.after(first.plan)
        for second in reductions:
            if first.groups & second.groups:
                continue
            if sum(flashed.amounts) - second.most_fen - coupon_most + shipped > best.total_fen:
                break
            reduced, taken = flashed.after(REDUCTION, second.plan), first.groups | second.groups
            for third in coupons:
                if sum(reduced.amounts) - third.most_fen + shipped > best.total_fen:
                    break
                if stages == STAGES_MAX:
                    return best, False
                stages += 1
                stage = reduced.after(COUPON, third.plan)
                if sum(stage.amounts) + shipped <= best.total_fen:
                    # A coupon is in no group.
                    best = min([best, *(stage.shipped(last.plan) for last in freights if not taken & last.groups)], key=_rank)
    return best, True


def _groups(plan: Plan) -> frozenset[str]:
    return frozenset(one.rule.group for one in plan if one.rule.group is not None)


def by_priority(cart: Cart, candidates: Sequence[Candidate], fixed: Mapping[int, int]) -> Chosen:
    """In each lane the first by priority that takes something, with all that stack where it stacks."""
    alone, refused = _alone(cart, candidates, fixed)
    usable = [one for one, _ in alone]
    seen: Refusals = {}
    flashed = Flashed(stage_of(cart, fixed))
    priced = _fitting(cart, usable, fixed, seen, flashed)
    return Chosen(priced, refused | _why_not(usable, priced, "lane_taken") | seen, False)


def _rank(priced: Priced) -> tuple[int, int, list[tuple[int, str]]]:
    return priced.total_fen, len(priced.taken), sorted(one.candidate.order for one in priced.taken)


def _alone(cart: Cart, candidates: Sequence[Candidate], fixed: Mapping[int, int]) -> tuple[list[tuple[Candidate, int]], Refusals]:
    """Those that take something off this cart when they are alone, with how much; the rest with their reasons. One that is alone sees the highest
    amounts that it can meet, so what takes nothing then never does."""
    amounts, opened = begin(cart, fixed)
    usable, refused = [], {}
    for one in sorted(candidates, key=lambda one: one.order):
        found = alone(cart, one, amounts, opened)
        if isinstance(found, NotApplied):
            refused[one.name] = found
        else:
            usable.append((one, found))
    return usable, refused


def _options(usable: Sequence[Candidate]) -> list[tuple[list[Plan], bool]]:
    """What each lane may contribute, and whether there would be more: flash, reductions, coupons, freight.

    A flash price is what its article costs at that hour, so those that are bound to no group always apply.
    """
    flash = [one for one in usable if one.rule.lane == FLASH]
    groups = sorted({one.rule.group for one in flash if one.rule.group is not None})
    choices = product(*([(), *((one,) for one in flash if one.rule.group == group)] for group in groups))
    free = tuple(one for one in flash if one.rule.group is None)
    flashes: list[Plan] = [_in_order((*free, *(one for part in choice for one in part))) for choice in islice(choices, FLASH_MAX + 1)]
    goods = [_of_lane([one for one in usable if one.rule.lane == lane]) for lane in (REDUCTION, COUPON)]
    # Freight comes last, so of those that are bound to nothing the best is found when it is applied.
    freight = [one for one in usable if one.rule.lane == FREIGHT]
    unbound = tuple(one for one in freight if one.rule.group is None)
    bound, more = _of_lane([one for one in freight if one.rule.group is not None])
    return [(flashes[:FLASH_MAX], len(flashes) > FLASH_MAX), *goods, ([_in_order((*unbound, *plan)) for plan in bound], more)]


def _in_order(plan: Plan) -> Plan:
    return tuple(sorted(plan, key=lambda one: one.order))


def _of_lane(lane: Sequence[Candidate]) -> tuple[list[Plan], bool]:
    """Nothing, one alone, or some of those that stack; all of them only, where there are too many for every selection."""
    plans: list[Plan] = [(), *((one,) for one in lane if not one.rule.stacks)]
    stacking = [one for one in lane if one.rule.stacks]
    if len(stacking) > STACKED_MAX:
        plain = tuple(one for one in stacking if one.rule.group is None)
        return [*plans, *([plain] if plain else []), *((one,) for one in stacking)], True
    selections = (tuple(one for number, one in enumerate(stacking) if mask >> number & 1) for mask in range(1, 2 ** len(stacking)))
    return [*plans, *(plan for plan in selections if _keeps_to_groups(plan))], False


def _keeps_to_groups(plan: Plan) -> bool:
    """Whether no two of one group meet."""
    return len(_groups(plan)) == sum(one.rule.group is not None for one in plan)


def _fitting(cart: Cart, usable: Sequence[Candidate], fixed: Mapping[int, int], seen: Refusals, flashed: Flashed) -> Priced:
    """The price by priority. What would take nothing beside the others leaves its lane and its group to who comes next; `seen` says why."""
    while True:
        plan, idle = _by_priority([one for one in usable if one.name not in seen]), Refusals()
        priced = apply(cart, plan, fixed, idle, flashed)
        if not idle:
            return priced
        seen.update(idle)


def _by_priority(usable: Sequence[Candidate]) -> Plan:
    plan: list[Candidate] = []
    groups: set[str] = set()
    lanes: dict[str, bool] = {}
    for one in sorted(usable, key=lambda one: one.order):
        lane, alone = one.rule.lane, not one.rule.stacks
        fits = lane == FLASH or lane not in lanes or not (alone or lanes[lane])
        if fits and one.rule.group not in groups:
            plan.append(one)
            lanes[lane] = alone
            groups |= {one.rule.group} - {None}  # type: ignore[arg-type]
    return tuple(plan)


def _why_not(usable: Sequence[Candidate], priced: Priced, code: str) -> Refusals:
    applied = {one.candidate.name for one in priced.taken}
    groups = {one.candidate.rule.group for one in priced.taken} - {None}
    left = (one for one in usable if one.name not in applied)
    return {one.name: NotApplied("group_taken" if one.rule.group in groups else code) for one in left}
