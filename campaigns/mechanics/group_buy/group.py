"""A group's three counts and its ends. Target is what must be paid, locked what holds a seat, complete what has paid; a seat is locked only
while locked < target, so a group is never overfull.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.mechanics.base import Moves, States
from campaigns.mechanics.group_buy.terms import GroupBuyTerms
from campaigns.mechanics.moves import Award, Free, Move, Post, Promise, Refund, Release, Step, Tell, Turn
from campaigns.mechanics.situation import Part, Situation

LEADER, MEMBER = "leader", "member"
COMMISSION = "leader_commission"
# A group waits for its leader's payment, then for its members until its deadline.
GROUP: States = {
    "pending": frozenset({"open", "cancelled"}),
    "open": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
SEAT: States = {
    "locked": frozenset({"paid", "left", "expired"}),
    "paid": frozenset({"served", "left", "failed"}),
    "served": frozenset({"undone"}),
    "left": frozenset(),
    "expired": frozenset(),
    "failed": frozenset(),
    "undone": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Counts:
    target: int
    locked: int
    complete: int


def counts(situation: Situation) -> Counts:
    """Of the parts that hold a seat now; one whose payment window is over counts no more, whether or not its timer has fired."""
    terms: GroupBuyTerms = situation.terms
    return Counts(terms.size, len(holding(situation)), sum(has_paid(part) for part in holding(situation)))


def holding(situation: Situation) -> list[Part]:
    return [part for part in situation.parts if part.live and not _has_lapsed(part, situation)]


def lapsed(situation: Situation) -> list[Part]:
    """Seats that were locked and not paid in time, exactly at `pay_by` included."""
    return [part for part in situation.parts if _has_lapsed(part, situation)]


def has_paid(part: Part) -> bool:
    return part.paid_fen is not None


def is_over(situation: Situation) -> bool:
    """Whether the group's time has passed: the deadline itself is late."""
    deadline = None if situation.instance is None else situation.instance.deadline
    return deadline is not None and situation.now >= deadline


def awaits_end(situation: Situation) -> bool:
    """Whether the deadline has passed and its timer has not fired yet: everybody must fare as if it had."""
    return situation.instance is not None and situation.instance.state == "open" and is_over(situation)


def let_lapse(parts: Sequence[Part]) -> list[Move]:
    return [move for part in parts for move in (Step(part.id, state="expired"), Free(part.id))]


def expire(parts: Sequence[Part]) -> list[Move]:
    """Seats whose payment window is over, while their group goes on."""
    return [move for part in parts for move in (*let_lapse([part]), Tell("group.seat_expired", {"part": part.id}))]


def succeed(situation: Situation, members: Sequence[Part], virtual: int) -> Moves:
    """Every member's reward is due, and the leader's commission; nobody counts as in a live group any more."""
    terms: GroupBuyTerms = situation.terms
    moves: list[Move] = []
    for part in members:
        moves += [Step(part.id, state="served"), Release(part.id, ("live",)), Post(part.id)]
    leader = next(part for part in members if part.role == LEADER)
    if terms.commission_fen:
        moves.append(Award(leader.id, COMMISSION, Promise("commission", terms.commission_fen)))
    # Virtual seats are a number and never people.
    data = {**_data(situation), "virtual_seats": virtual}
    return [*moves, Turn(state="succeeded", data=data), Tell("group.succeeded", {"members": len(members), "virtual_seats": virtual})]


def fail(situation: Situation) -> Moves:
    """Everybody who paid gets it back, and nothing of it counts against anybody's limits."""
    moves: list[Move] = []
    for part in (part for part in situation.parts if part.live):
        if has_paid(part):
            moves += [*_to_paid(part), Step(part.id, state="failed"), Free(part.id), Refund(part.id, "group_failed")]
        else:
            moves += let_lapse([part])
    return [*moves, Turn(state="failed", hold_fen=0), Tell("group.failed", {"paid": counts(situation).complete, "missing": _missing(situation)})]


def fillers(situation: Situation) -> list[Part]:
    """The real members who are enough for virtual seats to fill the rest at the deadline; nobody where they are not."""
    terms: GroupBuyTerms = situation.terms
    members = [part for part in situation.parts if part.live and part.state == "paid"]
    return members if len(members) >= terms.members_min and terms.virtual_from_percent is not None else []


def end(situation: Situation) -> Moves:
    """The deadline of an unfilled group: it fails, unless enough real members let it be filled."""
    terms: GroupBuyTerms = situation.terms
    members = fillers(situation)
    if members:
        others = [part for part in situation.parts if part.live and part.state == "locked"]
        refunds: list[Move] = [Refund(part.id, "paid_too_late") for part in others if has_paid(part)]
        return [*let_lapse(others), *refunds, *succeed(situation, members, terms.size - len(members))]
    return fail(situation)


def _to_paid(part: Part) -> list[Move]:
    """A payment that arrives with the end of its group is seen first, so that the seat's way is whole."""
    return [Step(part.id, state="paid")] if part.state == "locked" else []


def _missing(situation: Situation) -> int:
    found = counts(situation)
    return max(0, found.target - found.complete)


def _has_lapsed(part: Part, situation: Situation) -> bool:
    late = part.pay_by is not None and situation.now >= part.pay_by
    return late and part.live and part.state == "locked" and not has_paid(part)


def _data(situation: Situation) -> dict[str, Any]:
    return {} if situation.instance is None else dict(situation.instance.data)


def view(situation: Situation) -> dict[str, Any]:
    """What is shown of a group: real members only; seats that were filled without people are a number."""
    found, data = counts(situation), _data(situation)
    waits = situation.instance is not None and situation.instance.state in ("pending", "open")
    members = [{"subject": part.subject, "seat": part.seat, "role": part.role, "state": part.state} for part in holding(situation)]
    return {
        "sku": data.get("sku"),
        "target": found.target,
        "locked": found.locked,
        "complete": found.complete,
        # A group that has ended waits for nobody, also when a member of it is refunded later.
        "missing": _missing(situation) if waits else 0,
        "virtual_seats": data.get("virtual_seats", 0),
        "members": sorted(members, key=lambda member: member["seat"] or 0),
    }
