"""The gate on a real server: slots, leases, limits, budgets, epochs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.gate.build import Truth, build
from campaigns.gate.gate import Gate
from campaigns.gate.model import STOCK, Ask, Limit, Pool, Returned
from core.errors import Unavailable
from core.hotstate.clients import HotState, connect
from tests.conftest import START

LEASE_MS = 10_000
KEEP_MS = 86_400_000


def ask(request: str, user: str = "u1", cap: int = 1, cost: int = 100, body: str = "b") -> Ask:
    return Ask(request, body, cost, (Limit("user", user, cap),))


def open_gate(hot: HotState, capacity: int = 3, budget: int = -1, epoch: int = 1, next_slot: int = 0) -> Gate:
    gate = Gate(hot, "demo", "spring", epoch)
    assert build(hot, gate, Truth(epoch, (Pool(STOCK, capacity, tuple(range(next_slot))),), {}, budget, 0, ()), KEEP_MS) >= 0
    return gate


def take(gate: Gate, wish: Ask, now: datetime = START) -> tuple[str, int | None]:
    answer = gate.take(wish, now, LEASE_MS)
    return answer.code, answer.slots[0] if answer.slots else None


def test_an_absent_gate_means_rebuild_never_full_and_never_free(hot: HotState) -> None:
    gate = Gate(hot, "demo", "spring", 1)
    assert gate.attempt(ask("r1"), START).code == "absent"
    assert take(gate, ask("r1")) == ("absent", None)


def test_slots_go_out_in_order_until_sold_out(hot: HotState) -> None:
    gate = open_gate(hot, capacity=2)
    assert [take(gate, ask(f"r{n}", f"u{n}")) for n in range(3)] == [("ok", 0), ("ok", 1), ("sold_out", None)]
    assert gate.attempt(ask("r9", "u9"), START).code == "sold_out"


def test_the_same_request_gets_the_same_slot(hot: HotState) -> None:
    gate = open_gate(hot)
    assert take(gate, ask("r1")) == take(gate, ask("r1")) == ("ok", 0)
    tally = gate.tally()
    assert tally is not None
    assert (tally.taken, tally.leases, tally.budget_used) == (1, 1, 100)


def test_the_same_request_with_another_body_is_told_apart(hot: HotState) -> None:
    gate = open_gate(hot)
    take(gate, ask("r1"))
    assert gate.attempt(ask("r1", body="other"), START).code == "reused"
    assert take(gate, ask("r1", body="other"))[0] == "reused"


@pytest.mark.parametrize(("cap", "expected"), [(1, ["ok", "limit"]), (2, ["ok", "ok", "limit"])])
def test_the_limit_of_a_user_holds_at_its_boundary(hot: HotState, cap: int, expected: list[str]) -> None:
    gate = open_gate(hot, capacity=9)
    assert [take(gate, ask(f"r{n}", "same", cap))[0] for n in range(cap + 1)] == expected
    assert gate.attempt(ask("r9", "same", cap), START).limit == "user"


def test_the_budget_holds_to_the_fen(hot: HotState) -> None:
    gate = open_gate(hot, capacity=9, budget=200)
    assert take(gate, ask("r1", "u1", cost=101))[0] == "ok"
    assert take(gate, ask("r2", "u2", cost=100))[0] == "budget"
    assert take(gate, ask("r3", "u3", cost=99))[0] == "ok"


def test_a_released_lease_gives_back_slot_limit_and_budget_once(hot: HotState) -> None:
    gate = open_gate(hot, capacity=1, budget=100)
    take(gate, ask("r1"))
    assert gate.release("r1") is True
    assert gate.release("r1") is False
    assert take(gate, ask("r2")) == ("ok", 0)


def test_a_confirmed_slot_is_not_released(hot: HotState) -> None:
    gate = open_gate(hot, capacity=1)
    take(gate, ask("r1"))
    gate.confirm("r1", KEEP_MS)
    assert gate.release("r1") is False
    assert take(gate, ask("r1"))[0] == "served"
    assert gate.attempt(ask("r1"), START).code == "seen"


def test_an_ended_lease_asks_to_be_reclaimed_instead_of_sold_out(hot: HotState) -> None:
    gate = open_gate(hot, capacity=1)
    take(gate, ask("r1", "u1"))
    at_end, after = START + timedelta(milliseconds=LEASE_MS - 1), START + timedelta(milliseconds=LEASE_MS)
    assert take(gate, ask("r2", "u2"), at_end)[0] == "sold_out"
    assert take(gate, ask("r2", "u2"), after)[0] == "reclaim"
    assert gate.expired_leases(after) == ["r1"]


def test_another_epoch_is_answered_with_the_gates_own(hot: HotState) -> None:
    open_gate(hot, epoch=5)
    answer = Gate(hot, "demo", "spring", 4).attempt(ask("r1"), START)
    assert (answer.code, answer.epoch) == ("epoch", 5)


def test_a_late_builder_does_not_replace_a_newer_gate(hot: HotState) -> None:
    gate = open_gate(hot, epoch=5)
    assert build(hot, gate.at_epoch(4), Truth(4, (Pool(STOCK, 1, ()),), {}, -1, 0, ()), KEEP_MS) == -1
    assert gate.tally().epoch == 5  # type: ignore[union-attr]


def test_giving_back_a_reward_happens_once(hot: HotState) -> None:
    gate = open_gate(hot, capacity=1)
    take(gate, ask("r1"))
    gate.confirm("r1", KEEP_MS)
    assert gate.give_back(Returned("rwd_1", STOCK, (0,), 100, {("user", "u1"): 1})) is True
    assert gate.give_back(Returned("rwd_1", STOCK, (0,), 100, {("user", "u1"): 1})) is False
    assert take(gate, ask("r2")) == ("ok", 0)


def test_when_redis_is_away_the_gate_fails_closed() -> None:
    gate = Gate(connect("redis://127.0.0.1:1/0"), "demo", "spring", 1)
    with pytest.raises(Unavailable) as caught:
        gate.attempt(ask("r1"), START)
    assert caught.value.code == "hot_state_away"
