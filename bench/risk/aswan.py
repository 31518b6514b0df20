"""aswan's design, made for this bench from its description alone: a sorted set for each rule, its members pulled to Python and counted there.

Keys are joined with `_`, a member is the time in ms or the value that is counted, and the newest 127 are kept. It looks first and reports afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.risk.policy import AskedRule
from core.clock import to_millis
from core.event import Event
from core.hotstate.clients import HotState
from rules.windows.declare import seconds_of

KEPT = 127


class Aswan:
    """`together` sends the questions of all rules in one pipeline; otherwise rule after rule asks, as a loop over rules does. `name` begins its keys."""

    def __init__(self, hot: HotState, rules: Sequence[AskedRule], name: str, *, together: bool) -> None:
        self._hot, self._rules, self._name, self._together = hot, rules, name, together

    def check(self, event: Event) -> list[int]:
        """The rules that hit; then the event is reported to all of them."""
        now = to_millis(event.occurred_at)
        asked = [("ZRANGEBYSCORE", self._key(index, event), f"({now - self._reach_ms(rule)}", str(now)) for index, rule in enumerate(self._rules)]
        answers = self._sent(asked) if self._together else [self._hot.execute_command(*one) for one in asked]
        own = {rule.counter.of: self._member(rule, event, now) for rule in self._rules}
        counts = [len({*members, own[rule.counter.of]}) for rule, members in zip(self._rules, answers, strict=True)]
        self._report(event, now)
        amount = event.amount_fen or 0
        return [index for index, (rule, count) in enumerate(zip(self._rules, counts, strict=True)) if count >= rule.least and amount >= rule.least_fen]

    def _report(self, event: Event, now: int) -> None:
        commands: list[tuple[Any, ...]] = []
        for index, rule in enumerate(self._rules):
            key = self._key(index, event)
            commands += [("ZADD", key, now, self._member(rule, event, now)), ("ZREMRANGEBYRANK", key, 0, -KEPT - 1)]
            commands.append(("EXPIRE", key, self._reach_ms(rule) // 1000))
        self._sent(commands)

    def _sent(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        pipe = self._hot.pipeline(transaction=False)
        for one in commands:
            pipe.execute_command(*one)
        return list(pipe.execute())

    def _key(self, index: int, event: Event) -> str:
        by = self._rules[index].counter.by
        return "_".join((self._name, "rule", str(index), by, str(getattr(event, by))))

    @staticmethod
    def _member(rule: AskedRule, event: Event, now: int) -> str:
        return str(now) if rule.counter.of is None else str(getattr(event, rule.counter.of))

    @staticmethod
    def _reach_ms(rule: AskedRule) -> int:
        return seconds_of(rule.counter.window) * 1000
