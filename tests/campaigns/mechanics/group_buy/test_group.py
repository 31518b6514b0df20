"""The three counts, and what is shown of a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from campaigns.mechanics.group_buy.group import Counts, counts, expire, holding, lapsed
from campaigns.mechanics.moves import Free, Step, Tell
from campaigns.mechanics.situation import Part
from tests.campaigns.mechanics.group_buy.world import PAY_WITHIN, World, campaign, joined, opened, started


def test_locked_are_those_who_hold_a_seat_and_complete_those_who_paid_for_it() -> None:
    world = World(campaign(4))
    group = opened(world)
    assert counts(world.situation(group)) == Counts(4, 1, 0)
    world.pay(world.part("lea").id)
    joined(world, group, "bo")
    joined(world, group, "cy", paid=False)
    assert counts(world.situation(group)) == Counts(4, 3, 2)
    world.do("leave", "bo", group)
    assert counts(world.situation(group)) == Counts(4, 2, 1)


def test_a_seat_whose_window_is_over_counts_no_more_until_its_payment_comes() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo", paid=False)
    world.now += PAY_WITHIN
    situation = world.situation(group)
    assert [part.subject for part in lapsed(situation)] == ["bo"]
    assert [part.subject for part in holding(situation)] == ["lea"]
    paid = replace(situation, parts=tuple(replace(part, paid_fen=part.price_fen) for part in situation.parts))
    assert (lapsed(paid), len(holding(paid))) == ([], 2)


def test_a_seat_that_expires_is_freed_and_told_of() -> None:
    world = World()
    started(world)
    seat = world.part("lea")
    assert expire([seat]) == [Step(seat.id, state="expired"), Free(seat.id), Tell("group.seat_expired", {"part": seat.id})]


def test_counting_looks_at_each_seat_once() -> None:
    """A group may have a thousand seats, and it is counted while its lock is held."""
    looks = 0

    class Watched(tuple[Part, ...]):
        def __iter__(self) -> Iterator[Part]:
            nonlocal looks
            looks += 1
            return super().__iter__()

    world = World()
    situation = world.situation(started(world))
    seats = Watched(situation.parts * 1000)
    assert len(holding(replace(situation, parts=seats))) == 1000
    assert looks == 1


def test_what_is_shown_of_a_group_names_real_members_only() -> None:
    world = World()
    group = started(world)
    joined(world, group, "bo", paid=False)
    joined(world, group, "cy")
    world.do("leave", "cy", group)
    members = [
        {"subject": "lea", "seat": 0, "role": "leader", "state": "paid"},
        {"subject": "bo", "seat": 1, "role": "member", "state": "locked"},
    ]
    counted = {"target": 3, "locked": 2, "complete": 1, "missing": 2, "virtual_seats": 0}
    assert world.view(group) == {"sku": "tea", **counted, "members": members}
    joined(world, group, "dee")
    assert [member["seat"] for member in world.view(group)["members"]] == [0, 1, 2]
