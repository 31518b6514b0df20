"""Whose turn it is: what takes nothing holds no place, and a price belongs to its own line."""

from __future__ import annotations

from hypothesis import given, settings

from campaigns.pricing.choose import best_for_customer, by_priority
from campaigns.pricing.model import Candidate, Cart, NotApplied
from campaigns.pricing.rules import Flash, Place, Scope
from tests.campaigns.pricing.test_choose import candidates, carts, coupon, line, reduction


def test_a_coupon_that_a_reduction_pushes_under_its_threshold_leaves_its_turn_to_the_next() -> None:
    found = [reduction("off", 100, 10), coupon("needs-100", 5, 100), coupon("needs-50", 5, 50)]
    chosen = by_priority(Cart((line("a", 100),)), found, {})
    assert [one.candidate.name for one in chosen.priced.taken] == ["off", "needs-50"]
    assert chosen.refused == {"needs-100": NotApplied("under_threshold", {"threshold_fen": 100})}


def test_what_takes_nothing_does_not_hold_its_group_either() -> None:
    """The first flash price of the group is beaten on its only line, so the reduction of that group applies."""
    flash = [Candidate(name, 1, Flash(Place(1, group=group), {"a": fen}, None, Scope())) for name, fen, group in (("low", 50, None), ("beaten", 60, "g"))]
    chosen = by_priority(Cart((line("a", 100),)), [*flash, reduction("off", 10, 5, priority=2, group="g")], {})
    assert [one.candidate.name for one in chosen.priced.taken] == ["low", "off"]
    assert chosen.refused == {"beaten": NotApplied("not_lower")}


@given(cart=carts, found=candidates())
@settings(max_examples=50, deadline=None)
def test_without_what_was_idle_the_price_is_the_same(cart: Cart, found: list[Candidate]) -> None:
    """Not only what could never apply: also what could, and did not beside the others, changes nothing."""
    first = by_priority(cart, found, {})
    waited = {name for name, why in first.refused.items() if why.code in ("lane_taken", "group_taken")}
    taken = {one.candidate.name for one in first.priced.taken}
    assert by_priority(cart, [one for one in found if one.name in taken | waited], {}).priced == first.priced
    best = best_for_customer(cart, found, {})
    won = {one.candidate.name for one in best.priced.taken}
    assert best_for_customer(cart, [one for one in found if one.name in won], {}).priced.total_fen <= best.priced.total_fen


def test_what_a_floor_keeps_of_a_flash_price_is_no_other_lines_discount() -> None:
    cart = Cart((line("a", 100, floor=95), line("b", 100)))
    half = Candidate("half", 1, Flash(Place(), {}, 50, Scope()))
    assert best_for_customer(cart, [half], {}).priced.amounts == (95, 50)
    assert by_priority(cart, [half], {}).priced.amounts == (95, 50)
