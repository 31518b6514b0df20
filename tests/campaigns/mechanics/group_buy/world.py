"""Groups in memory: carries out the moves of `group_buy` as strictly as the writer does, so that the pure functions can be played with.

What a table does not allow, an overfull group, a seat that is taken, money that is not held: all of it is an AssertionError here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.mechanics.base import Moves
from campaigns.mechanics.group_buy.mechanic import GROUP_BUY
from campaigns.mechanics.group_buy.terms import GroupBuyTerms
from campaigns.mechanics.moves import Award, Free, Join, Keep, Open, Post, Refund, Release, Reverse, Step, Tell, Turn
from campaigns.mechanics.situation import Instance, Part, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import Sku
from campaigns.model import Campaign, Limits
from core.text import Text

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
LIFE, PAY_WITHIN, TICK = timedelta(hours=24), timedelta(minutes=15), timedelta(microseconds=1)
LIST, PRICE, COMMISSION = 9900, 4950, 200
STANDS = ("reserved", "held", "posted")


def campaign(size: int = 3, stock: int | None = 12, commission_fen: int = 0, percent: int | None = None, per_user: int = 3, **more: Any) -> Campaign:
    """Tea at half its price for a group of `size`, until ten days after the start."""
    usual: dict[str, Any] = {"pay_within": PAY_WITHIN, "per_order": 2, "denied_users": frozenset({"rat"}), "denied_channels": frozenset({"scraper"})}
    skus = (Sku("tea", LIST, PRICE, stock), Sku("cup", 6000, 3000, stock))
    terms = GroupBuyTerms(skus=skus, size=size, life=LIFE, commission_fen=commission_fen, virtual_from_percent=percent, **{**usual, **more})
    zone, when = ZoneInfo("Asia/Shanghai"), {"starts": START, "ends": START + timedelta(days=10)}
    limits = Limits(total=None, per_user=per_user, per_device=None, per_phone=None)
    words = {"id": "trio", "mechanic": "group_buy", "title": Text(zh="拼团", en="group-buy"), "policy": "group-buy-join"}
    return Campaign(zone=zone, limits=limits, budget=None, audience=None, terms=terms, **words, **when)


@dataclass
class Reward:
    part: str
    kind: str
    fen: int
    state: str = "reserved"


@dataclass
class World:
    """One campaign with all its groups. `bills` are refunds that the shop was told to make: (part, reason)."""

    campaign: Campaign = field(default_factory=campaign)
    now: datetime = START
    groups: dict[str, Instance] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    group_of: dict[str, str] = field(default_factory=dict)
    # A part's own reward has the part's name, an award the part's and why.
    rewards: dict[str, Reward] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)
    due: list[str] = field(default_factory=list)
    bills: list[tuple[str, str]] = field(default_factory=list)
    told: list[Tell] = field(default_factory=list)
    used_fen: int = 0
    paid_at: dict[str, datetime] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    # What customers, shop, time and reviewers do.

    def do(self, name: str, user: str, group: str | None = None, **fields: Any) -> str:
        """A command as the desk asks it; returns "ok" or the refusal's code."""
        command = GROUP_BUY.command(name)
        given = {} if name == "leave" else {"order_id": f"o{len(self.parts)}", "quantity": 1, **fields}
        situation, wish = self.situation(group), Wish(caller=user, fields=given, user=user)
        wants, moves = command.wants(situation, wish), command.act(situation, wish)
        if isinstance(wants, Refuse) or isinstance(moves, Refuse):
            assert wants == moves, "the first look and the last must refuse alike"
            return wants.code
        code = self._scarce(user, wants)
        if code is not None:
            return code
        self.carry_out(moves, group, user, wants)
        return "ok"

    def pay(self, part_id: str) -> None:
        part = self.parts[part_id]
        self.parts[part_id] = replace(part, paid_fen=part.price_fen)
        self.paid_at[part_id] = self.now
        self._react(GROUP_BUY.reactions.paid, part_id)

    def refund(self, part_id: str) -> None:
        """All of the order is given back, by the shop."""
        part = self.parts[part_id]
        self.parts[part_id] = replace(part, refunded_fen=part.paid_fen or 0)
        self._react(GROUP_BUY.reactions.undone, part_id)

    def cancel(self, part_id: str) -> None:
        self.cancelled.add(part_id)
        self._react(GROUP_BUY.reactions.undone, part_id)

    def fire(self, alarm: str, ref: str) -> None:
        part = ref if alarm == "unpaid" else None
        group = self.group_of[ref] if part else ref
        situation = self.situation(group)
        self.carry_out(GROUP_BUY.alarms[alarm](situation, situation.part(part) if part else None), group)

    def fire_due(self, alarms: Sequence[str] = ("unpaid", "deadline")) -> None:
        """Every timer that is due."""
        for part in list(self.parts.values()):
            if "unpaid" in alarms and part.pay_by is not None and part.pay_by <= self.now:
                self.fire("unpaid", part.id)
        for group in list(self.groups.values()):
            if "deadline" in alarms and group.deadline is not None and group.deadline <= self.now:
                self.fire("deadline", group.id)

    def settle(self, state: str = "posted") -> None:
        """Rewards that are due are decided."""
        for name in self.due:
            if self.rewards[name].state == "reserved":
                self.rewards[name].state = state
        self.due.clear()

    def void(self, part_id: str) -> None:
        """A reviewer refuses the part's held reward."""
        self._give_back(self.rewards[part_id], "void")
        self._react(GROUP_BUY.reactions.refused, part_id)

    # What a test looks at.

    def situation(self, group: str | None = None) -> Situation:
        if group is None:
            return Situation(self.campaign, self.now)
        mine = [self._seen(part) for part in self.parts.values() if self.group_of[part.id] == group]
        return Situation(self.campaign, self.now, self.groups[group], tuple(mine))

    def view(self, group: str) -> dict[str, Any]:
        return dict(GROUP_BUY.view(self.situation(group)))

    def live(self, group: str) -> list[Part]:
        return [part for part in self.situation(group).parts if part.live]

    def part(self, user: str) -> Part:
        """The customer's latest part."""
        return self._seen([part for part in self.parts.values() if part.subject == user][-1])

    def topics(self) -> list[str]:
        return [tell.topic for tell in self.told]

    # The writer.

    def carry_out(self, moves: Moves, group: str | None, user: str = "", wants: Wants | None = None) -> None:
        for move in moves:
            if isinstance(move, Open):
                group = self._open(move, user)
            elif isinstance(move, Join):
                self._join(move, str(group), user, wants or Wants())
            else:
                self._DO[type(move)](self, move, str(group))

    def _open(self, move: Open, user: str) -> str:
        name = f"g{len(self.groups)}"
        self.groups[name] = Instance(name, None, user, move.state, move.seats, move.hold_fen, move.data, move.deadline, self.now)
        self.used_fen += move.hold_fen
        return name

    def _join(self, move: Join, group: str, user: str, wants: Wants) -> None:
        name, taken = f"p{len(self.parts)}", {part.seat for part in self.live(group)}
        seat = next(number for number in range(self.groups[group].seats + 1) if number not in taken) if move.seat == "any" else move.seat
        assert seat is None or (seat < self.groups[group].seats and seat not in taken), "overfull"
        assert move.reward is not None
        assert wants.cost_fen == move.reward.fen + (self.groups[group].hold_fen if move.role == "leader" else 0)
        amounts = {"quantity": move.quantity, "price_fen": move.price_fen, "list_fen": move.list_fen, "paid_fen": None, "refunded_fen": 0}
        assert move.reward.fen == move.list_fen - move.price_fen
        who: dict[str, Any] = {"id": name, "subject": user, "role": move.role, "state": move.state, "seat": seat, "live": True}
        rest = {"order_id": move.order_id, "pay_by": move.pay_by, "reward_id": name, "reward_state": "reserved", "data": move.data, "created_at": self.now}
        self.parts[name], self.group_of[name] = Part(**who, **amounts, **rest), group
        self.rewards[name] = Reward(name, move.reward.kind, move.reward.fen)
        self.places[name] = [limited.kind for limited in wants.limits]
        self.used_fen += move.reward.fen

    def _turn(self, move: Turn, group: str) -> None:
        old = self.groups[group]
        given = {name: getattr(move, name) for name in Turn.__slots__ if not isinstance(getattr(move, name), Keep)}
        assert "state" not in given or given["state"] in GROUP_BUY.instance_states[old.state], f"{old.state} to {given}"
        assert given.get("hold_fen", 0) <= old.hold_fen
        self.groups[group] = replace(old, **given)
        self.used_fen -= old.hold_fen - self.groups[group].hold_fen

    def _step(self, move: Step, _: str) -> None:
        old = self.parts[move.part]
        given = {name: getattr(move, name) for name in Step.__slots__ if name != "part" and not isinstance(getattr(move, name), Keep)}
        assert "state" not in given or given["state"] in GROUP_BUY.part_states[old.state], f"{old.state} to {given}"
        self.parts[move.part] = replace(old, **given)

    def _free(self, move: Free, _: str) -> None:
        if self.parts[move.part].live:
            self.parts[move.part] = replace(self.parts[move.part], live=False)
            self.places[move.part] = []
            for reward in [reward for reward in self.rewards.values() if reward.part == move.part and reward.state in ("reserved", "held")]:
                self._give_back(reward, "void")

    def _release(self, move: Release, _: str) -> None:
        self.places[move.part] = [kind for kind in self.places[move.part] if kind not in move.kinds]

    def _post(self, move: Post, _: str) -> None:
        self.due.append(move.part)

    def _award(self, move: Award, group: str) -> None:
        name = f"{move.part}:{move.why}"
        assert name not in self.rewards, "an award is made once"
        assert self.groups[group].hold_fen >= move.promise.fen
        self.groups[group] = replace(self.groups[group], hold_fen=self.groups[group].hold_fen - move.promise.fen)
        self.rewards[name] = Reward(move.part, move.promise.kind, move.promise.fen)
        self.due.append(name)

    def _reverse(self, move: Reverse, _: str) -> None:
        reward = self.rewards.get(f"{move.part}:{move.why}" if move.why else move.part)
        if reward is not None and reward.state == "posted":
            self._give_back(reward, "reversed")

    def _refund(self, move: Refund, _: str) -> None:
        part = self.parts[move.part]
        if part.paid_fen is not None and part.paid_fen > part.refunded_fen:
            self.bills.append((part.id, move.reason))

    def _tell(self, move: Tell, _: str) -> None:
        assert move.topic in GROUP_BUY.topics
        self.told.append(move)

    _DO: dict[type, Callable[[World, Any, str], None]] = field(
        default_factory=lambda: {
            Turn: World._turn,
            Step: World._step,
            Free: World._free,
            Release: World._release,
            Post: World._post,
            Award: World._award,
            Reverse: World._reverse,
            Refund: World._refund,
            Tell: World._tell,
        }
    )

    def _react(self, reaction: Callable[[Situation, Part], Moves], part_id: str) -> None:
        group = self.group_of[part_id]
        situation = self.situation(group)
        self.carry_out(reaction(situation, situation.part(part_id)), group)

    def _seen(self, part: Part) -> Part:
        state = self.rewards[part.id].state
        return part if part.reward_state == state else replace(part, reward_state=state)

    def _give_back(self, reward: Reward, state: str) -> None:
        reward.state = state
        self.used_fen -= reward.fen

    def _scarce(self, user: str, wants: Wants) -> str | None:
        """As the gate says it."""
        caps = GROUP_BUY.limits(self.campaign)
        for limited in wants.limits:
            held = sum(kind == limited.kind for part in self.parts.values() if part.subject == user for kind in self.places[part.id])
            if held + limited.places > caps[limited.kind]:
                return f"{limited.kind}_limit"
        size = None if wants.pool is None else GROUP_BUY.pool_size(self.campaign, wants.pool)
        return "sold_out" if size is not None and self.taken(str(wants.pool)) + wants.quantity > size else None

    def taken(self, sku: str) -> int:
        """Pieces of an article that are held or sold."""
        return sum(part.quantity for part in self.parts.values() if part.live and part.data["sku"] == sku)


def opened(world: World, user: str = "lea", **fields: Any) -> str:
    """A group whose leader has not paid."""
    assert world.do("open", user, sku="tea", **fields) == "ok"
    return world.group_of[world.part(user).id]


def started(world: World, user: str = "lea") -> str:
    """A group whose leader has paid."""
    group = opened(world, user)
    world.pay(world.part(user).id)
    return group


def joined(world: World, group: str, *users: str, paid: bool = True) -> None:
    for user in users:
        assert world.do("join", user, group) == "ok"
        if paid:
            world.pay(world.part(user).id)
