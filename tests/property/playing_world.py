"""What the machines of the mechanics drive: commands through the real desk, orders, time with its timers, and processes that end in the middle."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from campaigns.acting.desk import Writer
from campaigns.acting.model import CommandRequest, Done
from campaigns.acting.stage import After
from campaigns.gate.keeper import GateKeeper
from campaigns.mechanics import command_named
from campaigns.orders.facts import OrderFact, apply_order_fact
from core.access.idempotency import RequestKey
from core.clock import SystemClock
from core.errors import Conflict
from core.event import Event
from core.jobs import timers
from core.privacy.subjects import subject_for
from fraud.gangs.searching import GangSearch
from tests.campaigns.house import House
from tests.playing import check_playing

_numbers = itertools.count(1)
# The only contradictions for which an order's fact may be refused.
CONTRADICTIONS = {"order_of_another", "paid_amount_differs", "refund_amount_differs"}


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


@dataclass
class PlayingWorld:
    """One merchant's campaign of a mechanic. `orders` remembers (user, price) of every order that was bound."""

    house: House
    campaign: str
    mechanic: str
    orders: dict[str, tuple[str, int]] = field(default_factory=dict)
    instances: list[str] = field(default_factory=list)

    def ask(self, command: str, user: str, instance: str | None = None, crash: str | None = None, **fields: Any) -> tuple[str, dict[str, Any]]:
        """One command, asked again with the same key where the process died; (code or "ok", the reply's body)."""
        wish = self._wish(command, user, instance, fields)
        if crash is not None:
            self._dies(wish, crash)
        outcome = self.house.desk.do(wish)
        if not isinstance(outcome, Done):
            return outcome.code, {}
        body = dict(outcome.reply.body)
        part, about = body["part"], body["instance"]
        if part is not None and part["order_id"] is not None:
            self.orders[part["order_id"]] = (user, part["price_fen"])
        if about is not None and about["id"] not in self.instances:
            self.instances.append(about["id"])
        return "ok", body

    def tell(self, kind: str, order: str, **more: Any) -> list[str]:
        """One fact about a bound order; what it caused."""
        user, _ = self.orders[order]
        fact = OrderFact(self.house.merchant, order, kind, self.house.now, "shop", **more)
        after = After()
        try:
            with self.house.database.write() as connection:
                subject = subject_for(connection, self.house.desk.vault, self.house.merchant, user, self.house.now)
                effects = apply_order_fact(connection, fact, subject, self.house.now, after)
        except Conflict as error:
            if error.code not in CONTRADICTIONS:
                raise
            return []
        self.follow(after)
        return [effect["type"] for effect in effects]

    def pay(self, order: str) -> list[str]:
        return self.tell("order.paid", order, amount_fen=self.orders[order][1])

    def fire_timers(self) -> None:
        handlers = _handlers(self.house)
        for _ in range(20):
            with self.house.database.read() as connection:
                due = [one for one in timers.due_timers(connection, self.house.now) if one.merchant == self.house.merchant]
            if not due:
                return
            for one in due:
                handler = handlers.ready(one.kind, one.ref)
                with self.house.database.write() as connection:
                    _, after = timers.fire_with(connection, one.id, lambda _, ready=handler: ready, self.house.now)
                if after is not None:
                    self.follow(after)
        raise AssertionError("timers never rest")

    def follow(self, after: After) -> None:
        for given in after.given:
            self.house.desk.keeper.give_back_quietly(given)
        self.house.desk.settle(after)

    def check(self) -> None:
        with self.house.database.read() as connection:
            check_playing(connection, self.house.merchant)

    def check_gate(self) -> None:
        """Once no lease lives the gate counts what SQL counts: a sweep finds nothing to mend."""
        self.house.clock.turn(minutes=1)
        self.house.tend(self.campaign)
        before = self.house.epoch(self.campaign)
        self.house.tend(self.campaign)
        assert self.house.epoch(self.campaign) == before

    def _wish(self, command: str, user: str, instance: str | None, fields: dict[str, Any]) -> CommandRequest:
        key = f"p{next(_numbers)}"
        facts = {name: fields.pop(name) for name in ("registered_at", "order_count") if name in fields}
        declared = command_named(self.mechanic, command)
        who = {"id": f"{command}:{key}", "type": declared.scene or command, "merchant": self.house.merchant, "user": user, "device": f"device-{user}"}
        event = Event(**who, occurred_at=self.house.now, received_at=self.house.now, campaign=self.campaign, order_id=fields.get("order_id"))
        request = RequestKey(self.house.merchant, self.house.people[2], key, f"{command}-{user}-{sorted(fields.items())}")
        return CommandRequest(self.campaign, self.mechanic, command, request, event, declared.fields().load(fields), instance, **facts)

    def _dies(self, wish: CommandRequest, where: str) -> None:
        """Ask, in a process that ends before the transaction, or after it and before the gate or the customer hear."""

        def dies(*_: object, **__: object) -> None:
            raise Killed

        target = (Writer, "write") if where == "gate" else (GateKeeper, "confirm_quietly")
        with patch.object(*target, dies), patch.object(GateKeeper, "release_quietly", dies):
            try:
                self.house.desk.do(wish)
            except Killed:
                return


def _handlers(house: House) -> timers.Handlers:
    from api.wiring import timer_handlers

    gangs = GangSearch(house.database, house.desk.vault, SystemClock(), window_days=14, every_hours=0)
    return timer_handlers(house.settler, house.desk.vault, house.rebates, house.payer, gangs)
