"""The search leaves out what cannot be better, and nothing else; where it meets a bound it says so and is no worse than by priority."""

from __future__ import annotations

import random
from itertools import product

import pytest

from campaigns.pricing import choose
from campaigns.pricing.choose import best_for_customer, by_priority
from campaigns.pricing.lanes import apply
from campaigns.pricing.model import Candidate, Cart
from campaigns.pricing.rules import Flash, Freight, Place, Reduction, Scope, Step
from tests.campaigns.pricing.test_choose import coupon, line, reduction


def hard(seed: int) -> tuple[Cart, list[list[Candidate]]]:
    """Thresholds near what the cart costs, so that what one lane takes decides what the next may; by lane."""
    rng = random.Random(seed)
    cart = Cart(tuple(line(f"s{number}", rng.randrange(2_000, 9_000)) for number in range(6)), 1_500)
    total = sum(one.amount_fen for one in cart.lines)
    scopes = [Scope(frozenset(f"s{rng.randrange(6)}" for _ in range(rng.randrange(4)))) for _ in range(8)]
    reductions = [
        Candidate(f"f{number}", 1, Reduction(Place(), (Step(rng.randrange(total // 4, total), rng.randrange(500, 6_000)),), None, None, scope))
        for number, scope in enumerate(scopes)
    ]
    coupons = [coupon(f"r{number}", rng.randrange(500, 4_000), rng.randrange(total // 2, total)) for number in range(4)]
    freights = [Candidate(f"s{number}", 1, Freight(Place(), rng.randrange(total // 2, total), frozenset(), rng.choice([None, 800]))) for number in range(3)]
    return cart, [reductions, coupons, freights]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_left_out_was_never_better(seed: int) -> None:
    cart, lanes = hard(seed)
    chosen = best_for_customer(cart, [one for lane in lanes for one in lane], {})
    every = (apply(cart, [one for one in plan if one is not None], {}).total_fen for plan in product(*([None, *lane] for lane in lanes)))
    assert (chosen.priced.total_fen, chosen.bounded) == (min(every), False)


def test_a_lower_step_that_takes_more_is_not_left_out() -> None:
    """Alone the steps take 10; after the flash price they take 50, which is more than the other reduction's 40."""
    steps = Candidate("steps", 1, Reduction(Place(), (Step(100, 50), Step(200, 10)), None, None, Scope()))
    flash = Candidate("flash", 1, Flash(Place(), {"a": 150}, None, Scope()))
    chosen = best_for_customer(Cart((line("a", 200),)), [steps, flash, reduction("plain", 100, 40)], {})
    assert chosen.priced.total_fen == 100


@pytest.mark.parametrize(("stages", "bounded"), [(0, True), (1, True), (2, False)])
def test_a_search_that_meets_its_bound_says_so_and_is_no_worse_than_by_priority(stages: int, bounded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "STAGES_MAX", stages)
    cart, lanes = hard(3)
    found = [one for lane in lanes for one in lane]
    chosen = best_for_customer(cart, found, {})
    assert chosen.bounded is bounded
    assert chosen.priced.total_fen <= by_priority(cart, found, {}).priced.total_fen


@pytest.mark.parametrize(("count", "bounded"), [(4, False), (5, True)])
def test_more_than_four_that_stack_are_not_tried_in_every_selection(count: int, bounded: bool) -> None:
    found = [reduction(f"f{number}", 100, 10, stacks=True) for number in range(count)]
    chosen = best_for_customer(Cart((line("a", 10_000),)), found, {})
    assert (chosen.bounded, chosen.priced.total_fen) == (bounded, 10_000 - 10 * count)
