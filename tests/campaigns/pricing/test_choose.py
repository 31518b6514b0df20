"""Prices of carts without a store: they add up, no file's place matters, what does not apply changes nothing, and the best is never worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.discounts import Offer
from campaigns.pricing.choose import best_for_customer, by_priority
from campaigns.pricing.lanes import apply
from campaigns.pricing.model import REASONS, Candidate, Cart, CartLine, NotApplied, Priced
from campaigns.pricing.rules import Coupon, Flash, Freight, Place, Reduction, Scope, Step
from campaigns.pricing.split import spread

SKUS = ["a", "b", "c"]
CATEGORIES = [None, "home", "food"]


def line(sku: str = "a", fen: int = 10_000, quantity: int = 1, floor: int = 0, category: str | None = None) -> CartLine:
    return CartLine(sku, category, fen, quantity, floor)


def reduction(name: str, over: int, off: int, **place: Any) -> Candidate:
    return Candidate(name, 1, Reduction(Place(**place), (Step(over, off),), None, None, Scope()))


def coupon(name: str, face: int, threshold: int = 0, **more: Any) -> Candidate:
    return Candidate("coupons", 1, Coupon(Offer(face, threshold, **more)), name)


places = st.builds(Place, priority=st.integers(0, 3), stacks=st.booleans(), group=st.sampled_from([None, None, "one", "two"]))
scopes = st.builds(Scope, st.frozensets(st.sampled_from(SKUS), max_size=2), st.frozensets(st.sampled_from(["home", "food"]), max_size=1))
steps = st.one_of(
    st.builds(Step, st.integers(1, 300), st.integers(1, 200)),
    st.builds(Step, st.integers(1, 300), st.none(), st.integers(1, 99), st.none() | st.integers(1, 50)),
)
rules = st.one_of(
    st.builds(Flash, places, st.dictionaries(st.sampled_from(SKUS), st.integers(1, 120)), st.none(), st.just(Scope()), st.booleans()),
    st.builds(Flash, places, st.just({}), st.integers(1, 99), scopes, st.booleans()),
    st.builds(Reduction, places, st.tuples(steps), st.none(), st.none(), scopes),
    st.builds(Reduction, places, st.just(()), st.builds(Step, st.integers(1, 200), st.integers(1, 90)), st.none() | st.integers(1, 3), scopes),
    st.builds(Freight, places, st.integers(0, 300), st.frozensets(st.sampled_from(["far"]), max_size=1), st.none() | st.integers(1, 30)),
    st.builds(Coupon, st.builds(Offer, st.integers(1, 200), st.integers(0, 300), st.none() | st.integers(1, 99))),
)
lines = st.builds(CartLine, st.sampled_from(SKUS), st.sampled_from(CATEGORIES), st.integers(0, 150), st.integers(1, 3), st.integers(0, 60))
carts = st.builds(Cart, st.lists(lines, min_size=1, max_size=4).map(tuple), st.integers(0, 40), st.sampled_from([None, "far", "near"]))


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    found = draw(st.lists(rules, max_size=6))
    return [Candidate(f"c{number}", 1, rule, f"r{number}" if isinstance(rule, Coupon) else None) for number, rule in enumerate(found)]


def check(cart: Cart, priced: Priced, fixed: dict[int, int]) -> None:
    """What every price must hold to."""
    before = [fixed.get(number, one.amount_fen) for number, one in enumerate(cart.lines)]
    off = [sum(taken.lines[number] for taken in priced.taken) for number in range(len(before))]
    assert [amount - step for amount, step in zip(before, off, strict=True)] == list(priced.amounts)
    assert priced.freight_fen == cart.freight_fen - sum(one.freight_fen for one in priced.taken) >= 0
    for amount, step, one in zip(priced.amounts, off, cart.lines, strict=True):
        assert step >= 0
        assert step == 0 or amount >= one.floor_fen
        assert amount >= 0
    assert not any(off) or sum(priced.amounts) >= 1
    assert all(off[number] == 0 for number in fixed)
    groups = [one.candidate.rule.group for one in priced.taken if one.candidate.rule.group is not None]
    assert len(groups) == len(set(groups))
    for lane in ("full_reduction", "coupon", "free_shipping"):
        mine = [one.candidate.rule for one in priced.taken if one.candidate.rule.lane == lane]
        assert len(mine) <= 1 or all(one.stacks for one in mine)


@given(cart=carts, found=candidates(), fix=st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_price_adds_up_and_the_best_is_never_worse_than_by_priority(cart: Cart, found: list[Candidate], fix: bool) -> None:
    fixed = {0: 5} if fix else {}
    best, first = best_for_customer(cart, found, fixed), by_priority(cart, found, fixed)
    for chosen in (best, first):
        check(cart, chosen.priced, fixed)
        applied = {one.candidate.name for one in chosen.priced.taken}
        # Each is applied or told why not, with words for it.
        assert applied | set(chosen.refused) == {one.name for one in found}
        assert not applied & set(chosen.refused)
        assert all(one.code in REASONS for one in chosen.refused.values())
    assert best.priced.total_fen <= first.priced.total_fen


@given(cart=carts, found=candidates(), order=st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_place_of_a_file_means_nothing(cart: Cart, found: list[Candidate], order: Any) -> None:
    mixed = list(found)
    order.shuffle(mixed)
    for choose in (best_for_customer, by_priority):
        assert choose(cart, found, {}) == choose(cart, mixed, {})


@given(cart=carts, found=candidates())
@settings(max_examples=80, deadline=None)
def test_a_campaign_that_does_not_apply_changes_nothing(cart: Cart, found: list[Candidate]) -> None:
    idle = [reduction("idle", 10**9, 1), Candidate("shut", 1, Flash(Place(), {"a": 1}, None, Scope(), False))]
    for choose in (best_for_customer, by_priority):
        before, after = choose(cart, found, {}), choose(cart, [*idle, *found], {})
        assert after.priced == before.priced
        assert {name: one for name, one in after.refused.items() if name not in ("idle", "shut")} == dict(before.refused)


@given(cart=carts, found=candidates())
@settings(max_examples=60, deadline=None)
def test_no_combination_is_better_than_the_best(cart: Cart, found: list[Candidate]) -> None:
    """Against every subset that keeps to the rules."""
    best = best_for_customer(cart, found, {}).priced.total_fen
    for mask in range(2 ** len(found)):
        plan = [one for number, one in enumerate(found) if mask >> number & 1]
        # A flash price that is bound to nothing is what its article costs: it always applies.
        priced = [one for one in found if one.rule.lane == "flash_discount" and one.rule.group is None]
        if _allowed(plan) and all(one in plan for one in priced):
            assert best <= apply(cart, plan, {}).total_fen


def _allowed(plan: Sequence[Candidate]) -> bool:
    groups = [one.rule.group for one in plan if one.rule.group is not None]
    if len(groups) != len(set(groups)):
        return False
    for lane in ("full_reduction", "coupon", "free_shipping"):
        mine = [one for one in plan if one.rule.lane == lane]
        if len(mine) > 1 and not all(one.rule.stacks for one in mine):
            return False
    return True


@given(fen=st.integers(0, 10**6), rows=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=6))
def test_a_discount_is_split_to_the_last_fen_and_into_no_line_without_room(fen: int, rows: list[tuple[int, int]]) -> None:
    amounts, rooms = [amount for amount, _ in rows], [min(amount, room) for amount, room in rows]
    found = spread(fen, amounts, rooms)
    assert sum(found) == min(fen, sum(rooms))
    assert all(0 <= one <= room for one, room in zip(found, rooms, strict=True))


def test_the_remainder_goes_to_the_last_line_that_can_bear_it() -> None:
    assert spread(100, [333, 333, 333], [333, 333, 333]) == [33, 33, 34]
    assert spread(100, [333, 333, 333], [333, 333, 33]) == [33, 34, 33]


def test_a_line_is_never_priced_under_its_floor_and_the_rest_goes_to_the_others() -> None:
    cart = Cart((line("a", 100, floor=95), line("b", 100)))
    priced = best_for_customer(cart, [reduction("off", 100, 40)], {}).priced
    assert priced.amounts == (95, 65)


def test_a_cart_never_becomes_free() -> None:
    cart = Cart((line("a", 100),))
    priced = best_for_customer(cart, [reduction("all", 50, 99), coupon("r", 50)], {}).priced
    assert priced.total_fen == 1


def test_the_better_of_two_is_taken_and_the_other_told_why() -> None:
    cart = Cart((line("a", 20_000),))
    found = [reduction("small", 10_000, 1_000, priority=1), reduction("large", 10_000, 2_000, priority=2)]
    best, first = best_for_customer(cart, found, {}), by_priority(cart, found, {})
    assert ([one.candidate.name for one in best.priced.taken], best.refused) == (["large"], {"small": NotApplied("not_best")})
    assert ([one.candidate.name for one in first.priced.taken], first.refused) == (["small"], {"large": NotApplied("lane_taken")})


def test_those_that_stack_apply_together_and_one_of_a_group_at_most() -> None:
    cart = Cart((line("a", 20_000),))
    found = [reduction(name, 10_000, 1_000, stacks=True, group=group) for name, group in (("one", "g"), ("two", "g"), ("three", None))]
    chosen = best_for_customer(cart, found, {})
    assert [one.candidate.name for one in chosen.priced.taken] == ["one", "three"]
    assert chosen.refused == {"two": NotApplied("group_taken")}


def test_a_coupon_is_left_when_it_costs_the_free_freight() -> None:
    cart = Cart((line("a", 10_000),), freight_fen=1_200)
    found = [coupon("r", 500), Candidate("ship", 1, Freight(Place(), 9_900, frozenset(), None))]
    chosen = best_for_customer(cart, found, {})
    assert ([one.candidate.name for one in chosen.priced.taken], chosen.priced.total_fen) == (["ship"], 10_000)
    assert chosen.refused["r"] == NotApplied("not_best")


def test_a_line_of_an_activity_is_touched_by_nothing_else() -> None:
    cart = Cart((line("a", 20_000), line("b", 5_000)))
    priced = best_for_customer(cart, [reduction("off", 5_000, 1_000), Candidate("flash", 1, Flash(Place(), {"a": 1}, None, Scope()))], {0: 9_900}).priced
    assert priced.amounts == (9_900, 4_000)


def test_of_many_campaigns_the_best_is_found() -> None:
    found = [reduction(f"f{number}", 1, number + 1) for number in range(100)] + [coupon(f"r{number}", number + 1) for number in range(30)]
    chosen = best_for_customer(Cart((line("a", 1_000_000),)), found, {})
    assert (chosen.priced.total_fen, chosen.bounded) == (1_000_000 - 100 - 30, False)


@pytest.mark.parametrize(("total", "off"), [(199, 0), (200, 20), (399, 20), (400, 60)])
def test_the_highest_step_that_is_reached_counts(total: int, off: int) -> None:
    rule = Reduction(Place(), (Step(200, 20), Step(400, 60)), None, None, Scope())
    priced = best_for_customer(Cart((line("a", total),)), [Candidate("c", 1, rule)], {}).priced
    assert priced.total_fen == total - off
