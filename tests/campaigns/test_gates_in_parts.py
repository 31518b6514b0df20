"""A gate in parts: together they hand out what one would, whatever the order of customers."""

from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.gate.build import Truth
from campaigns.gate.gate import Gate
from campaigns.gate.model import STOCK, Ask, Limit, Pool, Returned
from campaigns.gate.split import EMPTY_SECONDS, SplitGate, build_all, gate_as_it_stands, open_gate
from core.hotstate.clients import HotState
from tests.conftest import START

LEASE_MS, KEEP_MS = 10_000, 86_400_000
PARTS = 4
_numbers = itertools.count()


class Watch:
    """Monotonic time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(number: int, user: str | None = None, quantity: int = 1, cap: int = 9) -> Ask:
    user = user or f"u{number}"
    return Ask(f"r{number}", "b", 0, (Limit("user", user, cap, quantity),), STOCK, quantity, (), user)


def stand(hot: HotState, capacity: int, taken: tuple[int, ...] = (), counts: dict[str, int] | None = None, epoch: int = 1) -> tuple[SplitGate, Watch]:
    watch = Watch()
    # A name of its own: what is remembered of empty parts outlives a test.
    gate = SplitGate(hot, "m", f"parts-{next(_numbers)}", epoch, PARTS, watch)
    build_all(hot, gate, Truth(epoch, (Pool(STOCK, capacity, taken),), {"user": counts or {}}, -1, 0, ()), KEEP_MS)
    return gate, watch


@given(capacity=st.integers(0, 23), seed=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_every_piece_is_sold_once_whoever_asks(hot_for_all: HotState, capacity: int, seed: object) -> None:
    hot_for_all.flushall()
    taken = tuple(sorted(seed.sample(range(capacity), capacity // 3)))  # type: ignore[attr-defined]
    gate, _ = stand(hot_for_all, capacity, taken)
    answers = [gate.take(ask(number), START, LEASE_MS) for number in range(capacity + 5)]
    sold = [slot for answer in answers if answer.code == "ok" for slot in answer.slots]
    assert sorted([*sold, *taken]) == list(range(capacity))
    assert {answer.code for answer in answers[capacity - len(taken) :]} == {"sold_out"}


def test_a_customer_is_counted_at_home_whichever_part_is_asked_later(hot: HotState) -> None:
    gate, _ = stand(hot, 40)
    assert [gate.take(ask(number, "ann", cap=2), START, LEASE_MS).code for number in range(3)] == ["ok", "ok", "limit"]
    assert gate.attempt(ask(9, "ann", cap=2), START).limit == "user"


def test_after_a_rebuild_every_part_knows_the_customer(hot: HotState) -> None:
    gate, _ = stand(hot, 8, counts={"ann": 1})
    assert [part.attempt(ask(1, "ann", cap=1), START).limit for part in gate.gates] == ["user"] * PARTS
    assert gate.give_back(Returned("p1", STOCK, (), 0, {("user", "ann"): 1})) is True
    assert [part.attempt(ask(1, "ann", cap=1), START).code for part in gate.gates] == ["ok"] * PARTS


def test_a_part_found_empty_is_left_alone_for_a_moment_and_then_asked_again(hot: HotState) -> None:
    gate, watch = stand(hot, PARTS)
    for number in range(PARTS):
        assert gate.take(ask(number), START, LEASE_MS).code == "ok"
        gate.confirm(f"r{number}", KEEP_MS)
    assert gate.take(ask(8), START, LEASE_MS).code == "sold_out"
    home = next(gate._order(ask(8)))
    # A piece returns to a part that is not this customer's home.
    away = (home + 1) % PARTS
    assert gate.give_back(Returned("p", STOCK, (away,), 0, {})) is True
    assert gate.take(ask(8), START, LEASE_MS).code == "sold_out"
    watch.now += EMPTY_SECONDS
    assert gate.take(ask(8), START, LEASE_MS).slots == (away,)


def test_one_order_takes_its_pieces_from_one_part(hot: HotState) -> None:
    gate, _ = stand(hot, 2 * PARTS)
    taken = gate.take(ask(1, quantity=2), START, LEASE_MS)
    assert len({slot % PARTS for slot in taken.slots}) == 1
    too_many = gate.take(ask(2, quantity=3), START, LEASE_MS)
    assert (too_many.code, too_many.left) == ("sold_out", 2)


def test_leases_end_and_return_in_their_own_part(hot: HotState) -> None:
    gate, watch = stand(hot, PARTS)
    for number in range(PARTS):
        gate.take(ask(number), START, LEASE_MS)
    after = START + timedelta(milliseconds=LEASE_MS)
    watch.now += EMPTY_SECONDS
    assert gate.take(ask(9), after, LEASE_MS).code == "reclaim"
    fresh = gate.at_epoch(1)
    assert sorted(fresh.expired_leases(after)) == [f"r{number}" for number in range(PARTS)]
    assert fresh.confirm("r0", KEEP_MS)
    assert fresh.release("r1")
    tally = gate.tally()
    assert tally is not None
    assert (tally.taken, tally.leases) == (PARTS - 1, PARTS - 2)


def test_a_gate_may_be_cut_into_parts_and_made_whole_again(hot: HotState) -> None:
    truth = Truth(1, (Pool(STOCK, 8, (0, 1, 5)),), {}, -1, 0, ())
    whole = open_gate(hot, "m", "turn", 1)
    build_all(hot, whole, truth, KEEP_MS)
    cut = open_gate(hot, "m", "turn", 2, PARTS)
    build_all(hot, cut, Truth(2, truth.pools, {}, -1, 0, ()), KEEP_MS)
    assert whole.attempt(ask(1), START).code == "absent"
    stands = gate_as_it_stands(hot, "m", "turn", 2)
    assert (stands.parts, stands.tally()) == (PARTS, cut.tally())
    again = open_gate(hot, "m", "turn", 3)
    build_all(hot, again, Truth(3, truth.pools, {}, -1, 0, ()), KEEP_MS)
    assert isinstance(gate_as_it_stands(hot, "m", "turn", 3), Gate)
    assert cut.tally() is None
    assert again.take(ask(2), START, LEASE_MS).slots == (2,)
