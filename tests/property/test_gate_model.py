"""The Lua gate against a plain model in Python: the same questions in any order get the same answers, and the same counts are left."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from campaigns.gate.build import Truth, build
from campaigns.gate.gate import Gate
from campaigns.gate.model import STOCK, Answer, Ask, Limit, Pool, Returned, count_field
from core.hotstate.clients import HotState
from tests.conftest import START

LEASE_MS, KEEP_MS = 10_000, 86_400_000
REQUESTS = st.sampled_from([f"r{number}" for number in range(8)])
BODIES = st.sampled_from(["body", "body", "body", "other"])
USERS, DEVICES = st.sampled_from("ab"), st.sampled_from("xy")
COSTS = st.sampled_from([30, 70])
_campaigns = itertools.count(1)


def slots_of(slot: int) -> tuple[int, ...]:
    """A stock without limit hands out no numbers."""
    return (slot,) if slot >= 0 else ()


@dataclass
class Taken:
    """A slot that is out: under a lease until `ends` (None: confirmed for good)."""

    slot: int
    cost: int
    tokens: tuple[str, str]
    body: str
    ends: int | None


@dataclass
class Model:
    """What a gate is. `taken` is by request; a reward that was given back leaves its request known as served, in `done`."""

    capacity: int
    budget: int
    caps: tuple[int, int]
    taken: dict[str, Taken] = field(default_factory=dict)
    done: dict[str, Taken] = field(default_factory=dict)

    def known(self, request: str) -> Taken | None:
        return self.taken.get(request) or self.done.get(request)

    def used(self) -> int:
        return sum(one.cost for one in self.taken.values())

    def count(self, place: int, token: str) -> int:
        return sum(one.tokens[place] == token for one in self.taken.values())

    def obstacles(self, ask: Ask) -> dict[str, bool]:
        """What stands in the way of a new request."""
        found = {
            "sold_out": 0 <= self.capacity <= len(self.taken),
            "budget": 0 <= self.budget < self.used() + ask.cost_fen,
            "user": self.count(0, ask.limits[0].token) >= self.caps[0],
            "device": self.count(1, ask.limits[1].token) >= self.caps[1],
        }
        return {name: met for name, met in found.items() if met}

    def ended(self, now: int) -> list[str]:
        return [request for request, one in self.taken.items() if one.ends is not None and one.ends <= now]

    def lowest_free(self) -> int:
        held = {one.slot for one in self.taken.values()}
        return next(slot for slot in itertools.count() if slot not in held)


class GateMachine(RuleBasedStateMachine):
    """Every rule asks both. Two refusals that both apply may be named in either order; what is given must be the same."""

    hot: HotState

    @initialize(capacity=st.sampled_from([-1, 0, 1, 3, 5]), budget=st.sampled_from([-1, 100, 199, 300]), caps=st.sampled_from([(1, 1), (1, 2), (2, 3), (9, 9)]))
    def open(self, capacity: int, budget: int, caps: tuple[int, int]) -> None:
        self.model, self.now = Model(capacity, budget, caps), 0
        self.gate = Gate(self.hot, "m", f"c{next(_campaigns)}", 1)
        self.build()

    def build(self) -> None:
        """A gate with what SQL would hold: nothing was committed here."""
        truth = Truth(self.gate.epoch, (Pool(STOCK, self.model.capacity, ()),), {}, self.model.budget, 0, ())
        assert build(self.hot, self.gate, truth, KEEP_MS) >= 0

    def ask(self, request: str, body: str, user: str, device: str, cost: int) -> Ask:
        return Ask(request, body, cost, (Limit("user", user, self.model.caps[0]), Limit("device", device, self.model.caps[1])))

    def refusals(self, ask: Ask) -> set[str]:
        met = self.model.obstacles(ask)
        return {"reclaim"} if met and self.model.ended(self.now) else set(met)

    def answer(self, question: Callable[[], Answer]) -> Answer:
        """A gate may ask for a look at its leases when none has ended; then it knows, and answers."""
        answer = question()
        if answer.code == "reclaim" and not self.model.ended(self.now):
            assert self.gate.expired_leases(self.at) == []  # type: ignore[arg-type]
            answer = question()
        return answer

    @property
    def at(self) -> object:
        return START + timedelta(milliseconds=self.now)

    @rule(request=REQUESTS, body=BODIES, user=USERS, device=DEVICES, cost=COSTS)
    def attempt(self, request: str, body: str, user: str, device: str, cost: int) -> None:
        ask, known = self.ask(request, body, user, device, cost), self.model.known(request)
        answer = self.answer(lambda: self.gate.attempt(ask, self.at))  # type: ignore[arg-type]
        if known is not None:
            assert answer.code == ("seen" if known.body == body else "reused")
            return
        assert (answer.limit or answer.code) in (self.refusals(ask) or {"ok"})
        assert answer.slots == ()

    @rule(request=REQUESTS, body=BODIES, user=USERS, device=DEVICES, cost=COSTS)
    def take(self, request: str, body: str, user: str, device: str, cost: int) -> None:
        ask, known = self.ask(request, body, user, device, cost), self.model.known(request)
        answer = self.answer(lambda: self.gate.take(ask, self.at, LEASE_MS))  # type: ignore[arg-type]
        if known is not None:
            if known.body != body:
                assert answer.code == "reused"
            elif known.ends is None:
                assert answer.code == "served"
            else:
                assert (answer.code, answer.slots) == ("ok", slots_of(known.slot))
                known.ends = self.now + LEASE_MS
            return
        refusals = self.refusals(ask)
        if refusals:
            assert (answer.limit or answer.code) in refusals
            return
        slot = -1 if self.model.capacity < 0 else self.model.lowest_free()
        assert (answer.code, answer.slots) == ("ok", slots_of(slot))
        self.model.taken[request] = Taken(slot, cost, (user, device), body, self.now + LEASE_MS)

    @rule(request=REQUESTS)
    def confirm(self, request: str) -> None:
        assert self.gate.confirm(request, KEEP_MS) is True
        if request in self.model.taken:
            self.model.taken[request].ends = None

    @rule(request=REQUESTS)
    def release(self, request: str) -> None:
        one = self.model.taken.get(request)
        leased = one is not None and one.ends is not None
        assert self.gate.release(request) is leased
        if leased:
            del self.model.taken[request]

    @rule(request=REQUESTS)
    def give_back(self, request: str) -> None:
        """A committed reward goes void, and it is said twice."""
        one = self.model.taken.get(request)
        if one is None or one.ends is not None:
            return
        places = {place: 1 for place in zip(("user", "device"), one.tokens, strict=True)}
        returned = Returned(request, STOCK, slots_of(one.slot), one.cost, places)
        assert [self.gate.give_back(returned) for _ in range(2)] == [True, False]
        self.model.done[request] = self.model.taken.pop(request)

    @rule(ms=st.sampled_from([1, LEASE_MS - 1, LEASE_MS]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule()
    def expire(self) -> None:
        ended = self.gate.expired_leases(self.at)  # type: ignore[arg-type]
        assert sorted(ended) == sorted(self.model.ended(self.now))
        for request in ended:
            assert self.gate.release(request) is True
            del self.model.taken[request]

    @precondition(lambda self: all(one.ends is None for one in self.model.taken.values()))
    @rule(user=USERS, device=DEVICES)
    def move_to_another_epoch(self, user: str, device: str) -> None:
        """The old gate's words mean nothing any more."""
        old, self.gate = self.gate, self.gate.at_epoch(self.gate.epoch + 1)
        self.build()
        answer = old.take(self.ask("r0", "body", user, device, 30), self.at, LEASE_MS)  # type: ignore[arg-type]
        assert (answer.code, answer.epoch) == ("epoch", self.gate.epoch)
        assert [old.confirm("r0", KEEP_MS), old.release("r0"), old.give_back(Returned("r0", STOCK, (0,), 30, {}))] == [False, False, False]
        self.model = Model(self.model.capacity, self.model.budget, self.model.caps)

    @invariant()
    def counts_agree(self) -> None:
        tally, model = self.gate.tally(), self.model
        assert tally is not None
        assert tally.taken == (len(model.taken) if model.capacity >= 0 else 0)
        assert tally.leases == sum(one.ends is not None for one in model.taken.values())
        assert tally.budget_used == model.used() <= (model.budget if model.budget >= 0 else model.used())
        counted = {name: int(count) for name, count in self.hot.hgetall(self.gate.meta).items() if name.startswith("n:")}
        places = [(place, kind, token) for place, kind in enumerate(("user", "device")) for token in "abxy"]
        assert counted == {count_field(kind, token): model.count(place, token) for place, kind, token in places if model.count(place, token)}


@pytest.mark.parametrize("examples", [50, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_the_gate_answers_as_its_model_in_any_order(hot: HotState, examples: int) -> None:
    GateMachine.hot = hot
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(GateMachine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=checks))
