"""A seckill in memory: carries out the moves of `seckill` as strictly as the writer does, so that the pure functions can be played with.

What no table allows, a pool that is oversold, money that does not add up: all of it is an AssertionError here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.mechanics.base import Moves
from campaigns.mechanics.moves import Free, Join, Keep, Post, Refund, Reverse, Step, Tell
from campaigns.mechanics.seckill.mechanic import SECKILL
from campaigns.mechanics.seckill.sessions import Slot
from campaigns.mechanics.seckill.terms import SeckillTerms
from campaigns.mechanics.situation import Part, Refuse, Situation, Wants, Wish
from campaigns.mechanics.skus import Sku
from campaigns.model import Campaign, Limits
from core.text import Text

SHANGHAI = ZoneInfo("Asia/Shanghai")
# Eight in the evening of the 25th, in Shanghai.
BELL = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SESSION = "20261125T2000"
PAY_WITHIN, TICK, HOUR = timedelta(minutes=10), timedelta(microseconds=1), timedelta(hours=1)
LIST, PRICE = 89_900, 19_900
STANDS = ("reserved", "held", "posted")


def slot(begin: str, until: str, *days: int) -> Slot:
    hours = (time.fromisoformat(begin), time.fromisoformat(until))
    return Slot(*hours, frozenset(days)) if days else Slot(*hours)


EVENING = slot("20:00", "22:00")


def campaign(*slots: Slot, stock: int = 4, per_user: int = 6, per_device: int | None = None, **more: Any) -> Campaign:
    """Watches and scarfs at a bargain from the 20th to the end of November, every evening unless other slots are given."""
    shape = {"id": "eight", "mechanic": "seckill", "title": Text(zh="秒杀", en="seckill"), "policy": "seckill-buy", "zone": SHANGHAI}
    when = {"starts": datetime(2026, 11, 20, tzinfo=SHANGHAI), "ends": datetime(2026, 12, 1, tzinfo=SHANGHAI)}
    given = {name: more.pop(name) for name in ("id", "zone", "starts", "ends") if name in more}
    usual = {"pay_within": PAY_WITHIN, "per_user_session": None, "warn_at": (50, 0), "prewarm": timedelta(minutes=5)}
    skus = (Sku("watch", LIST, PRICE, stock), Sku("scarf", 25_900, 5_900, stock))
    per_order = {"watch": 2, "scarf": 1}
    terms: Any = SeckillTerms(**{"slots": slots or (EVENING,), "skus": skus, "per_order": per_order, **usual, **more})
    limits = Limits(total=None, per_user=per_user, per_device=per_device, per_phone=None)
    values: dict[str, Any] = {**shape, **when, **given}
    return Campaign(limits=limits, budget=None, audience=None, terms=terms, **values)


@dataclass
class World:
    """One campaign with all its purchases. `bills` are refunds that the shop was told to make: (part, reason)."""

    campaign: Campaign = field(default_factory=campaign)
    now: datetime = BELL
    parts: dict[str, Part] = field(default_factory=dict)
    pool_of: dict[str, str] = field(default_factory=dict)
    # A reward has its part's name: (fen, state).
    rewards: dict[str, tuple[int, str]] = field(default_factory=dict)
    # Places that a part holds, by (limit, scope).
    places: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    due: list[str] = field(default_factory=list)
    bills: list[tuple[str, str]] = field(default_factory=list)
    told: list[Tell] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)

    # What customers, shop, time and reviewers do.

    def buy(self, user: str, sku: str = "watch", quantity: int = 1) -> str:
        """A command as the desk asks it; returns "ok" or the refusal's code."""
        command = SECKILL.command("buy")
        wish = Wish(caller=user, fields={"sku": sku, "quantity": quantity, "order_id": f"o{len(self.parts)}"}, user=user)
        wants, moves = command.wants(self.situation(), wish), command.act(self.situation(), wish)
        if isinstance(wants, Refuse) or isinstance(moves, Refuse):
            assert wants == moves, "the first look and the last must refuse alike"
            return wants.code
        code = self._scarce(user, wants)
        if code is None:
            self.carry_out(moves, user, wants)
        return code or "ok"

    def bought(self, user: str, sku: str = "watch", quantity: int = 1) -> str:
        """A purchase that succeeds; its name."""
        assert self.buy(user, sku, quantity) == "ok"
        return list(self.parts)[-1]

    def pay(self, name: str) -> None:
        self.parts[name] = replace(self.parts[name], paid_fen=self.parts[name].price_fen)
        self._react(SECKILL.reactions.paid, name)

    def refund(self, name: str) -> None:
        """All of the order is given back, by the shop."""
        self.parts[name] = replace(self.parts[name], refunded_fen=self.parts[name].paid_fen or 0)
        self._react(SECKILL.reactions.undone, name)

    def cancel(self, name: str) -> None:
        self.cancelled.add(name)
        self._react(SECKILL.reactions.undone, name)

    def fire(self, name: str) -> None:
        self.carry_out(SECKILL.alarms["unpaid"](self.situation(name), self.seen(name)))

    def fire_due(self) -> None:
        for part in list(self.parts.values()):
            if part.pay_by is not None and part.pay_by <= self.now:
                self.fire(part.id)

    def settle(self, state: str = "posted") -> None:
        """Rewards that are due are decided."""
        for name in self.due:
            if self.rewards[name][1] == "reserved":
                self._turn(name, state)
        self.due.clear()

    def void(self, name: str) -> None:
        """A reviewer refuses the held reward."""
        self._turn(name, "void")
        self._react(SECKILL.reactions.refused, name)

    # What a test looks at.

    def situation(self, name: str | None = None) -> Situation:
        return Situation(self.campaign, self.now, None, () if name is None else (self.seen(name),))

    def seen(self, name: str) -> Part:
        return replace(self.parts[name], reward_state=self.rewards[name][1])

    def state(self, name: str) -> tuple[str, bool, str]:
        """The purchase's state, whether it holds its pieces, and its reward's state."""
        return self.parts[name].state, self.parts[name].live, self.rewards[name][1]

    def taken(self, pool: str) -> int:
        return sum(part.quantity for part in self.parts.values() if part.live and self.pool_of[part.id] == pool)

    def held(self, user: str, kind: str, scope: str = "") -> int:
        return sum(self.places[part.id].get((kind, scope), 0) for part in self.parts.values() if part.subject == user)

    def used_fen(self) -> int:
        return sum(fen for fen, state in self.rewards.values() if state in STANDS)

    def topics(self) -> list[str]:
        return [tell.topic for tell in self.told]

    # The writer.

    def carry_out(self, moves: Moves, user: str = "", wants: Wants | None = None) -> None:
        for move in moves:
            if isinstance(move, Join):
                self._join(move, user, wants or Wants())
            else:
                self._DO[type(move)](self, move)

    def _join(self, move: Join, user: str, wants: Wants) -> None:
        name = f"p{len(self.parts)}"
        assert move.reward is not None
        assert wants.cost_fen == move.reward.fen == move.list_fen - move.price_fen
        assert wants.quantity == move.quantity
        assert wants.pool == f"{move.data['session']}|{move.data['sku']}"
        assert move.order_id not in [part.order_id for part in self.parts.values()]
        amounts = {"quantity": move.quantity, "price_fen": move.price_fen, "list_fen": move.list_fen, "paid_fen": None, "refunded_fen": 0}
        who = {"id": name, "subject": user, "role": move.role, "state": move.state, "seat": None, "live": True}
        rest = {"order_id": move.order_id, "pay_by": move.pay_by, "reward_id": name, "reward_state": "reserved", "data": move.data, "created_at": self.now}
        values: dict[str, Any] = {**who, **amounts, **rest}
        self.parts[name], self.pool_of[name], self.rewards[name] = Part(**values), str(wants.pool), (move.reward.fen, "reserved")
        self.places[name] = {(one.kind, one.scope): one.places for one in wants.limits}

    def _step(self, move: Step) -> None:
        old = self.parts[move.part]
        given = {name: getattr(move, name) for name in Step.__slots__ if name != "part" and not isinstance(getattr(move, name), Keep)}
        assert "state" not in given or given["state"] in SECKILL.part_states[old.state], f"{old.state} to {given}"
        self.parts[move.part] = replace(old, **given)

    def _free(self, move: Free) -> None:
        if self.parts[move.part].live:
            self.parts[move.part] = replace(self.parts[move.part], live=False)
            self.places[move.part] = {}
            if self.rewards[move.part][1] in ("reserved", "held"):
                self._turn(move.part, "void")

    def _post(self, move: Post) -> None:
        self.due.append(move.part)

    def _reverse(self, move: Reverse) -> None:
        if self.rewards[move.part][1] == "posted":
            self._turn(move.part, "reversed")

    def _refund(self, move: Refund) -> None:
        part = self.parts[move.part]
        if part.paid_fen is not None and part.paid_fen > part.refunded_fen:
            self.bills.append((part.id, move.reason))

    def _tell(self, move: Tell) -> None:
        assert move.topic in SECKILL.topics
        self.told.append(move)

    _DO: dict[type, Callable[[World, Any], None]] = field(
        default_factory=lambda: {
            Step: World._step,
            Free: World._free,
            Post: World._post,
            Reverse: World._reverse,
            Refund: World._refund,
            Tell: World._tell,
        }
    )

    def _turn(self, name: str, state: str) -> None:
        self.rewards[name] = (self.rewards[name][0], state)

    def _react(self, reaction: Callable[[Situation, Part], Moves], name: str) -> None:
        self.carry_out(reaction(self.situation(name), self.seen(name)))

    def _scarce(self, user: str, wants: Wants) -> str | None:
        """As the gate says it."""
        caps = SECKILL.limits(self.campaign)
        for one in wants.limits:
            if self.held(user, one.kind, one.scope) + one.places > caps[one.kind]:
                return f"{one.kind}_limit"
        size = SECKILL.pool_size(self.campaign, str(wants.pool))
        return "sold_out" if size is not None and self.taken(str(wants.pool)) + wants.quantity > size else None
