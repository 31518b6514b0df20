"""Random lives of many groups: whatever customers, shop, reviewers and time do, no group is overfull and each payment is served or given back once."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns.mechanics.group_buy.mechanic import GROUP_BUY
from campaigns.mechanics.situation import Instance
from tests.campaigns.mechanics.group_buy.world import COMMISSION, LIFE, PAY_WITHIN, STANDS, TICK, World, campaign, joined, started

USERS = [f"u{number}" for number in range(6)]
users, alarms = st.sampled_from(USERS), st.sampled_from(["unpaid", "deadline"])


class Groups(RuleBasedStateMachine):
    """Plays one campaign with few pieces and few customers, so that everything meets."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.deadlines: dict[str, datetime] = {}

    @initialize(size=st.integers(2, 4), commission=st.sampled_from([0, COMMISSION]), percent=st.sampled_from([None, 50, 99]), stock=st.integers(2, 9))
    def begin(self, size: int, commission: int, percent: int | None, stock: int) -> None:
        self.world = World(campaign(size, max(size, stock), commission, percent, per_user=2))
        started(self.world, "u0")

    def _parts(self, data: Any, wanted: Any = lambda part: True) -> str | None:
        found = [part.id for part in self.world.parts.values() if wanted(part)]
        return data.draw(st.sampled_from(found)) if found else None

    @rule(user=users, sku=st.sampled_from(["tea", "cup"]), quantity=st.integers(1, 3))
    def open(self, user: str, sku: str, quantity: int) -> None:
        self.world.do("open", user, sku=sku, quantity=quantity)

    @precondition(lambda self: self.world.groups)
    @rule(user=users, data=st.data())
    def join(self, user: str, data: Any) -> None:
        self.ask("join", user, data.draw(st.sampled_from(sorted(self.world.groups))))

    @precondition(lambda self: self.world.parts)
    @rule(data=st.data())
    def leave(self, data: Any) -> None:
        part = self.world.parts[str(self._parts(data))]
        self.ask("leave", part.subject, self.world.group_of[part.id])

    def ask(self, name: str, user: str, group: str) -> None:
        over = self.over(self.world.groups[group])
        assert not (self.world.do(name, user, group) == "ok" and over), "nothing is served past the end"

    @precondition(lambda self: self.world.parts)
    @rule(data=st.data())
    def pay(self, data: Any) -> None:
        """Also of seats that are long gone; the payment of a cancelled order is the order's own affair."""
        part = self._parts(data, lambda part: part.paid_fen is None and part.id not in self.world.cancelled)
        if part is not None:
            self.world.pay(part)

    @precondition(lambda self: self.world.groups)
    @rule(data=st.data(), several=st.integers(1, 4))
    def fill(self, data: Any, several: int) -> None:
        """Several join and pay at once: the common way, which chance alone would seldom find."""
        group = data.draw(st.sampled_from(sorted(self.world.groups)))
        for part in self.world.live(group):
            if part.paid_fen is None:
                self.world.pay(part.id)
        for user in USERS[-several:]:
            if self.world.do("join", user, group) == "ok":
                self.world.pay(self.world.part(user).id)

    @precondition(lambda self: self.world.paid_at)
    @rule(data=st.data())
    def refund(self, data: Any) -> None:
        """By the shop's own wish, or because it was told to."""
        part = self._parts(data, lambda part: part.paid_fen is not None and part.refunded_fen == 0)
        if part is not None:
            self.world.refund(part)

    @precondition(lambda self: len(self.world.parts) > len(self.world.cancelled) + 2)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        part = self._parts(data, lambda part: part.id not in self.world.cancelled)
        if part is not None:
            self.world.cancel(part)

    @precondition(lambda self: self.world.parts)
    @rule(minutes=st.integers(1, 60))
    def wait(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.world.parts)
    @rule(data=st.data(), off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def wait_for_an_edge(self, data: Any, off: timedelta) -> None:
        ends = {part.pay_by for part in self.world.parts.values()} | {group.deadline for group in self.world.groups.values()}
        ahead = sorted(at + off for at in ends if at is not None and at + off > self.world.now)
        if ahead:
            self.world.now = data.draw(st.sampled_from(ahead))

    @precondition(lambda self: self.world.parts)
    @rule()
    def fire_what_is_due(self) -> None:
        self.world.fire_due()

    @precondition(lambda self: self.world.parts)
    @rule(alarm=alarms, data=st.data())
    def fire_early_or_twice(self, alarm: str, data: Any) -> None:
        part = str(self._parts(data))
        self.world.fire(alarm, part if alarm == "unpaid" else self.world.group_of[part])

    @precondition(lambda self: self.world.due)
    @rule(state=st.sampled_from(["posted", "posted", "held"]))
    def settle(self, state: str) -> None:
        self.world.settle(state)

    @precondition(lambda self: any(reward.state == "held" for reward in self.world.rewards.values()))
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        part = self._parts(data, lambda part: self.world.rewards[part.id].state == "held")
        if part is not None:
            self.world.void(part)

    def over(self, group: Instance) -> bool:
        return group.state in ("succeeded", "failed", "cancelled") or (group.deadline is not None and group.deadline <= self.world.now)

    @invariant()
    def nothing_is_oversold(self) -> None:
        for sku in self.world.campaign.terms.skus:
            assert self.world.taken(sku.sku) <= sku.stock
        for group in self.world.groups.values():
            seats = Counter(part.seat for part in self.world.live(group.id))
            assert set(seats) <= set(range(group.seats))
            assert set(seats.values()) <= {1}

    @invariant()
    def a_group_is_led_by_whoever_pays(self) -> None:
        for group in self.world.groups.values():
            live = self.world.live(group.id)
            leaders = [part for part in live if part.role == "leader"]
            if group.state == "pending":
                assert [part.state for part in live] == ["locked"]
                assert group.deadline is None
            if group.state in ("pending", "open"):
                assert [part.subject for part in leaders] == [group.owner]
                assert (leaders[0].paid_fen is None) == (group.state == "pending")
            if group.state in ("failed", "cancelled"):
                assert live == []

    @invariant()
    def a_deadline_never_moves(self) -> None:
        for group in self.world.groups.values():
            if group.deadline is not None:
                assert self.deadlines.setdefault(group.id, group.deadline) == group.deadline

    @invariant()
    def each_payment_is_served_or_given_back_once(self) -> None:
        assert set(Counter(part for part, _ in self.world.bills).values()) <= {1}
        billed = {part for part, _ in self.world.bills}
        for part in self.world.parts.values():
            stands = part.live and part.state in ("paid", "served")
            back = part.id in billed or part.refunded_fen > 0 or part.id in self.world.cancelled
            assert part.paid_fen is None or stands != back

    @invariant()
    def nobody_is_served_who_paid_past_the_deadline(self) -> None:
        for part in self.world.parts.values():
            deadline = self.world.groups[self.world.group_of[part.id]].deadline
            if part.state in ("served", "undone"):
                assert deadline is not None
                assert self.world.paid_at[part.id] < deadline

    @invariant()
    def the_budget_is_what_stands(self) -> None:
        standing = sum(reward.fen for reward in self.world.rewards.values() if reward.state in STANDS)
        assert self.world.used_fen == standing + sum(group.hold_fen for group in self.world.groups.values())

    @invariant()
    def a_discount_stands_only_with_its_seat(self) -> None:
        for part in self.world.parts.values():
            own = [reward for reward in self.world.rewards.values() if reward.part == part.id]
            assert part.live or not any(reward.state in STANDS for reward in own)
            assert self.world.rewards[part.id].state != "posted" or part.state == "served"

    @invariant()
    def limits_count_what_stands(self) -> None:
        for user in USERS:
            mine = [part for part in self.world.parts.values() if part.subject == user]
            held = Counter(kind for part in mine for kind in self.world.places[part.id])
            assert held["user"] == sum(part.live for part in mine) <= 2
            assert held["live"] == sum(part.live and part.state != "served" for part in mine) <= 1

    @invariant()
    def what_succeeded_was_full(self) -> None:
        for group in self.world.groups.values():
            came = [part for part in self.world.situation(group.id).parts if part.state in ("served", "undone")]
            virtual = self.world.view(group.id)["virtual_seats"]
            percent = self.world.campaign.terms.virtual_from_percent
            if group.state == "succeeded":
                assert len(came) + virtual == self.world.campaign.terms.size
                assert not virtual or (percent is not None and len(came) * 100 >= percent * self.world.campaign.terms.size)
            else:
                assert (came, virtual) == ([], 0)
            awards = [name for name in self.world.rewards if ":" in name and self.world.group_of[name.partition(":")[0]] == group.id]
            assert len(awards) == (group.state == "succeeded" and self.world.campaign.terms.commission_fen > 0)

    @invariant()
    def only_people_who_hold_a_seat_are_shown(self) -> None:
        for group in self.world.groups.values():
            shown = self.world.view(group.id)
            live = {part.subject for part in self.world.live(group.id)}
            assert {member["subject"] for member in shown["members"]} <= live
            assert len(shown["members"]) == shown["locked"] <= shown["target"]
            assert shown["complete"] <= shown["locked"]

    @invariant()
    def it_never_gives_more_than_it_said(self) -> None:
        most = GROUP_BUY.cost_max_fen(self.world.campaign)
        assert most is not None
        assert sum(reward.fen for reward in self.world.rewards.values() if reward.state == "posted") <= most


TestGroups = Groups.TestCase
TestGroups.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)


STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "pay", "refund", "cancel", "wait", "deadline"]), st.sampled_from(["lea", *USERS[:3]])), max_size=14
)


def lived(steps: list[tuple[str, str]], percent: int | None, prompt: bool) -> Any:
    """One group's life with a deadline timer that is prompt or late; returns how everybody ended."""
    world = World(campaign(4, commission_fen=COMMISSION, percent=percent))
    group = started(world)
    joined(world, group, "u0")
    for what, user in steps:
        part = next((part for part in reversed(world.parts.values()) if part.subject == user), None)
        if what in ("join", "leave"):
            world.do(what, user, group)
        elif what == "wait":
            world.now += PAY_WITHIN
        elif what == "deadline":
            world.now = max(world.now, world.groups["g0"].created_at + LIFE)
        elif part is not None and what == "pay" and part.paid_fen is None and part.id not in world.cancelled:
            world.pay(part.id)
        elif part is not None and what == "refund" and part.paid_fen is not None and not part.refunded_fen:
            world.refund(part.id)
        elif part is not None and what == "cancel" and part.id not in world.cancelled:
            world.cancel(part.id)
        if prompt:
            world.fire_due(["deadline"])
        world.fire_due(["unpaid"])
    world.fire_due()
    world.settle()
    billed = {name for name, _ in world.bills}
    served = [(part.subject, part.state == "served", part.id in billed or part.refunded_fen > 0) for part in world.parts.values()]
    return world.groups[group].state, served, {name: reward.state for name, reward in world.rewards.items()}, world.used_fen


@settings(max_examples=400, deadline=None)
@given(steps=STEPS, percent=st.sampled_from([None, 25, 50]))
def test_a_late_deadline_timer_changes_nothing_for_anybody(steps: list[tuple[str, str]], percent: int | None) -> None:
    prompt, late = lived(steps, percent, True), lived(steps, percent, False)
    assert prompt == late
