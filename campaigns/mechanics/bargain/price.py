"""Where a bargain stands: which places of its sequence are taken, what the price is now, and whether it is over.

The price is never kept: it is the list price less the cuts at the places that are taken, so cuts that meet cannot overwrite each other.
"""

from __future__ import annotations

from typing import Any

from campaigns.mechanics.bargain.cuts import cut_of, sequence
from campaigns.mechanics.bargain.terms import BargainTerms
from campaigns.mechanics.base import States
from campaigns.mechanics.situation import Part, Situation
from campaigns.mechanics.skus import Sku

CUT, ORDER = "cut", "order"
BARGAIN: States = {
    "cutting": frozenset({"reached", "ordered", "expired"}),
    "reached": frozenset({"ordered", "expired"}),
    "ordered": frozenset({"cutting", "reached", "bought", "expired"}),
    # An order that is undone after payment frees the success, for as long as the bargain lives.
    "bought": frozenset({"cutting", "reached", "expired"}),
    "expired": frozenset(),
}
PART: States = {
    "made": frozenset(),
    "reserved": frozenset({"paid", "lapsed", "cancelled"}),
    "paid": frozenset({"undone"}),
    "lapsed": frozenset(),
    "cancelled": frozenset(),
    "undone": frozenset(),
}


def sku_of(situation: Situation) -> Sku:
    """The article of the bargain, as the version under which it began has it."""
    terms: BargainTerms = situation.terms
    code = situation.instance.data["sku"] if situation.instance else None
    return next(one for one in terms.skus if one.sku == code)


def cuts_of(situation: Situation) -> tuple[int, ...]:
    """The whole sequence, from the recorded seed."""
    terms: BargainTerms = situation.terms
    if situation.instance is None:
        raise ValueError("there is no bargain")
    sku = sku_of(situation)
    return sequence(situation.instance.data["seed"], sku.discount_fen, terms.cuts, terms.shape, terms.spread)


def cut_parts(situation: Situation) -> list[Part]:
    return [part for part in situation.parts if part.role == CUT and part.live]


def taken(situation: Situation) -> list[int]:
    """The places that are taken."""
    return sorted(seat for part in cut_parts(situation) for seat in part.data["seats"])


def free_places(situation: Situation, count: int) -> list[int]:
    """The next places, at most `count`."""
    used = set(taken(situation))
    return [place for place in range(situation.terms.cuts) if place not in used][:count]


def price_now(situation: Situation) -> int:
    return sku_of(situation).list_fen - cut_of(cuts_of(situation), taken(situation))


def is_over(situation: Situation) -> bool:
    """The deadline itself is late."""
    deadline = None if situation.instance is None else situation.instance.deadline
    return deadline is not None and situation.now >= deadline


def open_order(situation: Situation) -> Part | None:
    """The order that the bargain is bound to now, unless its payment window is over."""
    for part in situation.parts:
        if part.role == ORDER and part.live and part.state == "reserved":
            late = part.pay_by is not None and situation.now >= part.pay_by and part.paid_fen is None
            return None if late else part
    return None


def lapsed_order(situation: Situation) -> Part | None:
    """An order that was not paid in time, whether or not its timer has fired."""
    reserved = next((part for part in situation.parts if part.role == ORDER and part.live and part.state == "reserved"), None)
    return reserved if reserved is not None and open_order(situation) is None else None


def view(situation: Situation) -> dict[str, Any]:
    """What is shown of a bargain."""
    sku, places = sku_of(situation), taken(situation)
    # An initiator whose own cut does not count has a part without places: that is no cut.
    made = [part for part in cut_parts(situation) if part.data["seats"]]
    cuts = [{"subject": part.subject, "seats": part.data["seats"], "cut_fen": part.data["cut_fen"], "own": bool(part.data.get("own"))} for part in made]
    return {
        "sku": sku.sku,
        "list_fen": sku.list_fen,
        "floor_fen": sku.price_fen,
        "price_fen": price_now(situation),
        "cuts_made": len(places),
        "cuts_needed": situation.terms.cuts,
        "cuts": cuts,
    }
