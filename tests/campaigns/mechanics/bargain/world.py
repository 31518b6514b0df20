"""Bargains in memory: carries out the moves of `bargain` as strictly as the writer does, so that the pure functions can be played with.

A step that no table has, a place that is taken, a price that does not add up, money that is not held: all of it is an AssertionError here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.mechanics.bargain.mechanic import BARGAIN_MECHANIC as BARGAIN
from campaigns.mechanics.bargain.terms import BargainTerms
from campaigns.mechanics.base import Moves
from campaigns.mechanics.moves import Free, Join, Keep, Open, Post, Refund, Reverse, Step, Tell, Turn
from campaigns.mechanics.situation import Instance, Part, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import Sku
from campaigns.model import Campaign, Limits
from core.text import Text

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
LIFE, PAY_WITHIN, NEW_WITHIN, TICK = timedelta(hours=24), timedelta(minutes=30), timedelta(days=7), timedelta(microseconds=1)
LIST, FLOOR = 9900, 990
STANDS = ("reserved", "held", "posted")


def campaign(cuts: int = 4, stock: int | None = 5, per_user: int = 2, **more: Any) -> Campaign:
    """A fan from 99.00 down to 9.90, until ten days after the start; not to be bought above its floor."""
    usual: dict[str, Any] = {"shape": "front_loaded", "spread": 30, "own_cut": True, "new_within": NEW_WITHIN, "order_any_time": False}
    helps = {"helps_per_user": 2, "helps_per_device": 3, "pay_within": PAY_WITHIN}
    skus = more.pop("skus", (Sku("fan", LIST, FLOOR, stock),))
    terms = BargainTerms(skus=skus, cuts=cuts, life=LIFE, **{**usual, **helps, **more})
    zone, when = ZoneInfo("Asia/Shanghai"), {"starts": START, "ends": START + timedelta(days=10)}
    limits = Limits(total=None, per_user=per_user, per_device=None, per_phone=None)
    words = {"id": "chop", "mechanic": "bargain", "title": Text(zh="砍价", en="bargain"), "policy": "bargain-cut"}
    return Campaign(zone=zone, limits=limits, budget=None, audience=None, terms=terms, **words, **when)


@dataclass
class Reward:
    fen: int
    state: str = "reserved"


@dataclass
class World:
    """One campaign with all its bargains. `bills` are refunds that the shop was told to make: (part, reason). A customer's device is theirs."""

    campaign: Campaign = field(default_factory=campaign)
    now: datetime = START
    bargains: dict[str, Instance] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    bargain_of: dict[str, str] = field(default_factory=dict)
    seats: dict[tuple[str, int], str] = field(default_factory=dict)
    rewards: dict[str, Reward] = field(default_factory=dict)
    places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    due: list[str] = field(default_factory=list)
    bills: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    used_fen: int = 0

    # What customers, shop, time and reviewers do.

    def do(self, name: str, user: str, bargain: str | None = None, *, seed: int = 7, device: str = "", registered_at: datetime | None = None) -> str:
        """A command as the desk asks it; returns "ok" or the refusal's code."""
        command = BARGAIN.command(name)
        fields = {"start": {"sku": self.campaign.terms.skus[0].sku}, "order": {"order_id": f"o{len(self.parts)}"}}.get(name, {})
        situation, wish = self.situation(bargain), Wish(user, fields, registered_at, seed=seed)
        wants, moves = command.wants(situation, wish), command.act(situation, wish)
        if isinstance(wants, Refuse) or isinstance(moves, Refuse):
            assert wants == moves, "the first look and the last must refuse alike"
            assert wants.code in BARGAIN.refusals
            return wants.code
        code = self._scarce(user, device or f"phone of {user}", wants)
        if code is None:
            self.carry_out(moves, bargain, user, device or f"phone of {user}", wants)
        return code or "ok"

    def pay(self, part_id: str) -> None:
        self.parts[part_id] = replace(self.parts[part_id], paid_fen=self.parts[part_id].price_fen)
        self._react(BARGAIN.reactions.paid, part_id)

    def refund(self, part_id: str) -> None:
        """All of the order is given back, by the shop."""
        self.parts[part_id] = replace(self.parts[part_id], refunded_fen=self.parts[part_id].paid_fen or 0)
        self._react(BARGAIN.reactions.undone, part_id)

    def cancel(self, part_id: str) -> None:
        self.cancelled.add(part_id)
        self._react(BARGAIN.reactions.undone, part_id)

    def fire(self, alarm: str, ref: str) -> None:
        bargain = self.bargain_of[ref] if alarm == "unpaid" else ref
        situation = self.situation(bargain)
        self.carry_out(BARGAIN.alarms[alarm](situation, situation.part(ref) if alarm == "unpaid" else None), bargain)

    def fire_due(self, alarms: Sequence[str] = ("unpaid", "deadline")) -> None:
        """Every timer that is due, also those that fired before."""
        for part in [part for part in self.parts.values() if "unpaid" in alarms and part.pay_by is not None and part.pay_by <= self.now]:
            self.fire("unpaid", part.id)
        for one in [one for one in self.bargains.values() if "deadline" in alarms and one.deadline is not None and one.deadline <= self.now]:
            self.fire("deadline", one.id)

    def settle(self, state: str = "posted") -> None:
        """Rewards that are due are decided."""
        for name in self.due:
            if self.rewards[name].state == "reserved":
                self.rewards[name].state = state
        self.due.clear()

    def void(self, part_id: str) -> None:
        """A reviewer refuses the part's held reward."""
        self._give_back(self.rewards[part_id], "void")
        self._react(BARGAIN.reactions.refused, part_id)

    # What a test looks at.

    def situation(self, bargain: str | None = None) -> Situation:
        if bargain is None:
            return Situation(self.campaign, self.now)
        mine = [self._seen(part) for part in self.parts.values() if self.bargain_of[part.id] == bargain]
        return Situation(self.campaign, self.now, self.bargains[bargain], tuple(mine))

    def state(self, bargain: str) -> str:
        return self.bargains[bargain].state

    def view(self, bargain: str) -> dict[str, Any]:
        return dict(BARGAIN.view(self.situation(bargain)))

    def orders(self, bargain: str | None = None) -> list[Part]:
        return [self._seen(part) for part in self.parts.values() if part.role == "order" and bargain in (None, self.bargain_of[part.id])]

    def order(self, bargain: str) -> Part:
        """The bargain's latest order."""
        return self.orders(bargain)[-1]

    def cuts(self, bargain: str) -> list[Part]:
        return [part for part in self.parts.values() if part.role == "cut" and self.bargain_of[part.id] == bargain]

    def topics(self, bargain: str) -> list[str]:
        return [topic for topic, told in self.told if told == bargain]

    def held(self, kind: str, holder: str) -> int:
        return sum(place == (kind, holder) for places in self.places.values() for place in places)

    # The writer.

    def carry_out(self, moves: Moves, bargain: str | None, user: str = "", device: str = "", wants: Wants | None = None) -> None:
        for move in moves:
            if isinstance(move, Open):
                bargain = f"b{len(self.bargains)}"
                self.bargains[bargain] = Instance(bargain, None, user, move.state, move.seats, 0, move.data, move.deadline, self.now)
            elif isinstance(move, Join):
                assert wants is not None
                self._join(move, str(bargain), user, device, wants)
            else:
                self._DO[type(move)](self, move, str(bargain))

    def _join(self, move: Join, bargain: str, user: str, device: str, wants: Wants) -> None:
        name, fen = f"p{len(self.parts)}", 0 if move.reward is None else move.reward.fen
        assert wants.cost_fen == fen == move.list_fen - move.price_fen, "what is promised is what was asked of the budget"
        assert isinstance(move.seat, int | None)
        taken = [] if move.seat is None else list(range(move.seat, move.seat + move.seats))
        assert move.role != "cut" or move.data["seats"] == taken
        for seat in taken:
            assert 0 <= seat < self.bargains[bargain].seats, "the price would pass its floor"
            assert self.seats.setdefault((bargain, seat), name) == name, "another has this cut"
        who: dict[str, Any] = {"id": name, "subject": user, "role": move.role, "state": move.state, "seat": move.seat, "live": True}
        amounts = {"quantity": move.quantity, "price_fen": move.price_fen, "list_fen": move.list_fen, "paid_fen": None, "refunded_fen": 0}
        rest = {"order_id": move.order_id, "pay_by": move.pay_by, "reward_state": None, "data": move.data, "created_at": self.now}
        self.parts[name] = Part(**who, **amounts, **rest, reward_id=None if move.reward is None else name)
        self.bargain_of[name] = bargain
        self.places[name] = [(one.kind, user if one.by == "user" else device) for one in wants.limits]
        if move.reward is not None:
            self.rewards[name] = Reward(fen)
            self.used_fen += fen

    def _turn(self, move: Turn, bargain: str) -> None:
        old = self.bargains[bargain]
        given = {name: getattr(move, name) for name in Turn.__slots__ if not isinstance(getattr(move, name), Keep)}
        assert given["state"] in BARGAIN.instance_states[old.state], f"{old.state} to {given}"
        self.bargains[bargain] = replace(old, **given)

    def _step(self, move: Step, _: str) -> None:
        old = self.parts[move.part]
        given = {name: getattr(move, name) for name in Step.__slots__ if name != "part" and not isinstance(getattr(move, name), Keep)}
        assert given["state"] in BARGAIN.part_states[old.state], f"{old.state} to {given}"
        self.parts[move.part] = replace(old, **given)

    def _free(self, move: Free, _: str) -> None:
        assert self.parts[move.part].role == "order", "a cut that was made is never taken back"
        self.parts[move.part] = replace(self.parts[move.part], live=False)
        reward = self.rewards.get(move.part)
        if reward is not None and reward.state in ("reserved", "held"):
            self._give_back(reward, "void")

    def _post(self, move: Post, _: str) -> None:
        assert move.part in self.rewards
        self.due.append(move.part)

    def _reverse(self, move: Reverse, _: str) -> None:
        reward = self.rewards.get(move.part)
        if reward is not None and reward.state == "posted":
            self._give_back(reward, "reversed")

    def _refund(self, move: Refund, _: str) -> None:
        part = self.parts[move.part]
        if part.paid_fen is not None and part.paid_fen > part.refunded_fen:
            self.bills.append((part.id, move.reason))

    def _tell(self, move: Tell, bargain: str) -> None:
        assert move.topic in BARGAIN.topics
        self.told.append((move.topic, bargain))

    _DO: dict[type, Callable[[World, Any, str], None]] = field(
        default_factory=lambda: {
            Turn: World._turn,
            Step: World._step,
            Free: World._free,
            Post: World._post,
            Reverse: World._reverse,
            Refund: World._refund,
            Tell: World._tell,
        }
    )

    def _react(self, reaction: Callable[[Situation, Part], Moves], part_id: str) -> None:
        situation = self.situation(self.bargain_of[part_id])
        self.carry_out(reaction(situation, situation.part(part_id)), self.bargain_of[part_id])

    def _seen(self, part: Part) -> Part:
        return replace(part, reward_state=self.rewards[part.id].state) if part.id in self.rewards else part

    def _give_back(self, reward: Reward, state: str) -> None:
        reward.state = state
        self.used_fen -= reward.fen

    def _scarce(self, user: str, device: str, wants: Wants) -> str | None:
        """As the gate says it."""
        caps = BARGAIN.limits(self.campaign)
        for one in wants.limits:
            if self.held(one.kind, user if one.by == "user" else device) + one.places > caps[one.kind]:
                return f"{one.kind}_limit"
        size = None if wants.pool is None else BARGAIN.pool_size(self.campaign, wants.pool)
        return "sold_out" if size is not None and self.sold() + wants.quantity > size else None

    def sold(self) -> int:
        """Pieces that are held or sold."""
        return sum(part.quantity for part in self.orders() if part.live)


def started(world: World, user: str = "amy", seed: int = 7) -> str:
    assert world.do("start", user, seed=seed) == "ok"
    return f"b{len(world.bargains) - 1}"


def reached(world: World, user: str = "amy") -> str:
    """A bargain at its floor, each of its cuts by somebody else."""
    bargain = started(world, user)
    for number in range(world.campaign.terms.cuts - len(world.view(bargain)["cuts"])):
        assert world.do("cut", f"friend {number} of {bargain}", bargain) == "ok"
    assert world.state(bargain) == "reached"
    return bargain


def ordered(world: World, user: str = "amy") -> str:
    """A bargain at its floor whose order waits for its payment."""
    bargain = reached(world, user)
    assert world.do("order", user, bargain) == "ok"
    return bargain
