"""Random lives of bargains: commands, payments, refunds, cancellations, reviews and timers that are late, early or doubled, in any order."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns.mechanics.bargain.cuts import sequence
from campaigns.mechanics.bargain.mechanic import BARGAIN_MECHANIC
from campaigns.mechanics.situation import Wish
from campaigns.mechanics.skus import Sku
from tests.campaigns.mechanics.bargain.world import FLOOR, LIFE, LIST, PAY_WITHIN, STANDS, START, TICK, World, campaign, started

OWNERS, FRIENDS = ["amy", "ben"], ["u0", "u1", "u2", "u3"]
users = st.sampled_from([*OWNERS, *FRIENDS])


class Bargains(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.prices: dict[str, int] = {}

    @initialize(
        cuts=st.integers(1, 6),
        stock=st.sampled_from([1, 2, None]),
        helps=st.sampled_from([1, 2, 9]),
        more=st.fixed_dictionaries(
            {
                "own_cut": st.booleans(),
                "order_any_time": st.booleans(),
                "shape": st.sampled_from(["even", "front_loaded"]),
                "spread": st.sampled_from([0, 30, 90]),
                "helps_per_device": st.sampled_from([1, 3, None]),
            }
        ),
        narrow=st.booleans(),
        seed=st.integers(0, 2**62 - 1),
    )
    def open(self, cuts: int, stock: int | None, helps: int, more: dict[str, Any], narrow: bool, seed: int) -> None:
        # Narrow: every cut is one fen.
        skus = (Sku("fan", FLOOR + cuts if narrow else LIST, FLOOR, stock),)
        self.world = World(campaign(cuts, skus=skus, helps_per_user=helps, **more))
        started(self.world, seed=seed)

    @rule(user=st.sampled_from(OWNERS), seed=st.integers(0, 2**62 - 1))
    def start(self, user: str, seed: int) -> None:
        assert self.world.do("start", user, seed=seed) in ("ok", "user_limit")

    @rule(user=users, data=st.data(), device=st.sampled_from(["", "", "shared"]), new=st.booleans())
    def cut(self, user: str, data: Any, device: str, new: bool) -> None:
        self.ask("cut", user, self._some(data), device=device, registered_at=self.world.now if new else None)

    @rule(data=st.data())
    def cut_by_a_crowd(self, data: Any) -> None:
        """Chance alone would seldom find the floor."""
        bargain = self._some(data)
        for number in range(self.world.campaign.terms.cuts):
            self.ask("cut", f"stranger {number} of {bargain}", bargain)

    @rule(user=users, data=st.data())
    def order(self, user: str, data: Any) -> None:
        self.ask("order", user, self._some(data))

    @rule(data=st.data(), paid=st.booleans())
    def order_by_the_owner(self, data: Any, paid: bool) -> None:
        bargain = self._some(data)
        if self.ask("order", self.world.bargains[bargain].owner, bargain) == "ok" and paid:
            self.world.pay(self.world.order(bargain).id)

    def ask(self, name: str, user: str, bargain: str, **more: Any) -> str:
        one, before = self.world.bargains[bargain], self.world.view(bargain)["price_fen"]
        held = self._waits_in_time(bargain)
        code = self.world.do(name, user, bargain, **more)
        if code == "ok":
            assert one.deadline is not None
            assert self.world.now < one.deadline, "nothing is given past the end"
            assert not held, "nothing comes between an order and its payment"
            assert name == "cut" or (user == one.owner and self.world.order(bargain).price_fen == before)
        return code

    def _waits_in_time(self, bargain: str) -> bool:
        return any(part.live and (part.state == "paid" or (part.pay_by or START) > self.world.now) for part in self.world.orders(bargain))

    def _some(self, data: Any) -> str:
        return str(data.draw(st.sampled_from(sorted(self.world.bargains))))

    def _order(self, data: Any, wanted: Any) -> str | None:
        found = [part.id for part in self.world.orders() if wanted(part)]
        return data.draw(st.sampled_from(found)) if found else None

    @precondition(lambda self: self.world.orders())
    @rule(data=st.data())
    def pay(self, data: Any) -> None:
        """Also for orders that are long gone; the payment of a cancelled order is the order's own affair."""
        order = self._order(data, lambda part: part.paid_fen is None and part.id not in self.world.cancelled)
        if order is not None:
            self.world.pay(order)

    @precondition(lambda self: any(part.paid_fen is not None for part in self.world.orders()))
    @rule(data=st.data())
    def tell_a_payment_again(self, data: Any) -> None:
        order = str(self._order(data, lambda part: part.paid_fen is not None))
        before = (len(self.world.bills), len(self.world.due), len(self.world.told))
        if order not in {name for name, _ in self.world.bills} and self.world.parts[order].live:
            self.world.pay(order)
            assert (len(self.world.bills), len(self.world.due), len(self.world.told)) == before

    @precondition(lambda self: self.world.orders())
    @rule(data=st.data())
    def refund(self, data: Any) -> None:
        """By the shop's own wish, or because it was told to."""
        order = self._order(data, lambda part: part.paid_fen is not None and part.refunded_fen == 0)
        if order is not None:
            self.world.refund(order)

    @precondition(lambda self: self.world.orders())
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        order = self._order(data, lambda part: part.id not in self.world.cancelled)
        if order is not None:
            self.world.cancel(order)

    @rule(minutes=st.integers(1, 60))
    def wait(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @rule(data=st.data(), off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def wait_for_an_edge(self, data: Any, off: timedelta) -> None:
        ends = {part.pay_by for part in self.world.orders()} | {one.deadline for one in self.world.bargains.values()}
        ahead = sorted(at + off for at in ends if at is not None and at + off > self.world.now)
        if ahead:
            self.world.now = data.draw(st.sampled_from(ahead))

    @rule()
    def fire_what_is_due(self) -> None:
        self.world.fire_due()
        for one in self.world.bargains.values():
            over = one.deadline is not None and one.deadline <= self.world.now
            assert not over or self.world.state(one.id) in ("expired", "bought") or self._waits_in_time(one.id)

    @precondition(lambda self: self.world.orders())
    @rule(data=st.data())
    def fire_early_or_twice(self, data: Any) -> None:
        self.world.fire("unpaid", str(self._order(data, lambda _: True)))
        self.world.fire("deadline", self._some(data))

    @precondition(lambda self: self.world.due)
    @rule(state=st.sampled_from(["posted", "posted", "held"]))
    def settle(self, state: str) -> None:
        self.world.settle(state)

    @precondition(lambda self: any(reward.state == "held" for reward in self.world.rewards.values()))
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        self.world.void(str(self._order(data, lambda part: part.reward_state == "held")))

    @invariant()
    def cuts_are_places_of_the_sequence_and_sum_exactly(self) -> None:
        terms = self.world.campaign.terms
        sku = terms.skus[0]
        for name, one in self.world.bargains.items():
            cuts = sequence(one.data["seed"], sku.discount_fen, terms.cuts, terms.shape, terms.spread)
            shown = self.world.view(name)
            places = sorted(place for part in self.world.cuts(name) for place in part.data["seats"])
            assert places == list(range(len(places))) == sorted(seat for bargain, seat in self.world.seats if bargain == name)
            assert sku.list_fen - shown["price_fen"] == sum(part.data["cut_fen"] for part in self.world.cuts(name)) == sum(cuts[: len(places)])
            assert sku.price_fen <= shown["price_fen"] <= self.prices.setdefault(name, sku.list_fen)
            assert (shown["price_fen"] == sku.price_fen) == (len(places) == terms.cuts)
            self.prices[name] = shown["price_fen"]
            assert [cut["cut_fen"] for cut in shown["cuts"]] == [part.data["cut_fen"] for part in self.world.cuts(name) if part.data["seats"]]

    @invariant()
    def one_cut_for_each_and_two_for_nobody_but_the_new(self) -> None:
        for name in self.world.bargains:
            made = self.world.cuts(name)
            assert max(Counter(part.subject for part in made).values()) == 1
            assert all(len(part.data["seats"]) <= 2 for part in made)
            own = [part for part in made if part.data.get("own")]
            assert [part.subject for part in own] == [self.world.bargains[name].owner]
            assert len(own[0].data["seats"]) == self.world.campaign.terms.own_cut

    @invariant()
    def a_state_is_what_its_cuts_and_order_say(self) -> None:
        for name, one in self.world.bargains.items():
            live = [part for part in self.world.orders(name) if part.live]
            assert [part.state for part in live] == {"ordered": ["reserved"], "bought": ["paid"]}.get(one.state, [])
            full = self.world.view(name)["cuts_made"] == self.world.campaign.terms.cuts
            assert one.state not in ("cutting", "reached") or (one.state == "reached") == full
            assert self.world.topics(name).count("bargain.expired") == (one.state == "expired")
            assert self.world.topics(name).count("bargain.reached") == full

    @invariant()
    def nothing_but_a_waiting_or_paid_order_keeps_a_success(self) -> None:
        for name, one in self.world.bargains.items():
            if one.deadline is not None and self.world.now < one.deadline and not self._waits_in_time(name):
                command, situation = BARGAIN_MECHANIC.command("order"), self.world.situation(name)
                floor = self.world.view(name)["price_fen"] == self.world.campaign.terms.skus[0].price_fen
                answer = command.wants(situation, Wish(one.owner, {"order_id": "o"}))
                assert getattr(answer, "code", "ok") == ("ok" if floor or self.world.campaign.terms.order_any_time else "floor_not_reached")

    @invariant()
    def nothing_is_oversold_and_limits_hold(self) -> None:
        stock = self.world.campaign.terms.skus[0].stock
        assert stock is None or self.world.sold() <= stock
        caps = BARGAIN_MECHANIC.limits(self.world.campaign)
        held = Counter(place for places in self.world.places.values() for place in places)
        assert all(count <= caps[kind] for (kind, _), count in held.items())
        for user in OWNERS:
            assert held["user", user] == sum(one.owner == user for one in self.world.bargains.values())

    @invariant()
    def each_payment_is_served_or_given_back_once(self) -> None:
        assert set(Counter(part for part, _ in self.world.bills).values()) <= {1}
        billed = {part for part, _ in self.world.bills}
        for part in self.world.orders():
            stands = part.live and part.state == "paid"
            back = part.id in billed or part.refunded_fen > 0 or part.id in self.world.cancelled
            assert part.paid_fen is None or stands != back

    @invariant()
    def a_discount_stands_only_with_its_order_and_the_budget_is_what_stands(self) -> None:
        for part in self.world.orders():
            discount = 0 if part.reward_id is None else self.world.rewards[part.id].fen
            assert part.price_fen + discount == part.list_fen
            assert discount == 0 or (part.reward_state in STANDS) == part.live
            assert part.reward_state != "posted" or part.state == "paid"
        assert self.world.used_fen == sum(reward.fen for reward in self.world.rewards.values() if reward.state in STANDS)
        most = BARGAIN_MECHANIC.cost_max_fen(self.world.campaign)
        assert most is None or self.world.used_fen <= most


TestBargains = Bargains.TestCase
TestBargains.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)


STEPS = st.lists(st.sampled_from(["cut", "cut", "new", "order", "pay", "refund", "cancel", "settle", "wait", "deadline"]), max_size=16)


def lived(steps: list[str], any_time: bool, prompt: bool) -> Any:
    """One bargain's life with timers that are prompt or late; returns how everything ended. Nobody pays later than their window, since
    such a payment is served while its piece is held."""
    world = World(campaign(3, stock=None, order_any_time=any_time))
    bargain = started(world)
    for number, what in enumerate(steps):
        order = next(iter(world.orders(bargain)[-1:]), None)
        if what in ("cut", "new"):
            world.do("cut", f"u{number}", bargain, registered_at=world.now if what == "new" else None)
        elif what == "order":
            world.do("order", "amy", bargain)
        elif what == "settle":
            world.settle()
        elif what == "wait":
            world.now += PAY_WITHIN
        elif what == "deadline":
            world.now = max(world.now, START + LIFE)
        elif order is not None and what == "pay" and order.paid_fen is None and order.id not in world.cancelled:
            if prompt or (order.pay_by or START) > world.now or not order.live:
                world.pay(order.id)
        elif order is not None and what == "refund" and order.paid_fen is not None and not order.refunded_fen:
            world.refund(order.id)
        elif order is not None and what == "cancel" and order.id not in world.cancelled:
            world.cancel(order.id)
        if prompt:
            world.fire_due()
    world.fire_due()
    world.settle()
    served = [(part.price_fen, part.state == "paid", part.live, part.reward_state) for part in world.orders(bargain)]
    return world.state(bargain), world.view(bargain), served, world.used_fen, world.topics(bargain).count("bargain.expired")


@settings(max_examples=400, deadline=None)
@given(steps=STEPS, any_time=st.booleans())
def test_late_timers_change_nothing_for_anybody(steps: list[str], any_time: bool) -> None:
    assert lived(steps, any_time, True) == lived(steps, any_time, False)
