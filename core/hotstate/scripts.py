"""Lua scripts, each in a `.lua` file whose first comment names its KEYS and ARGV. They are sent by digest and loaded where a server lacks them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from core.hotstate.clients import HotState, hot_state_guard
from core.hotstate.wire import Argument, send_together


class Script:
    """One script, with the functions of `parts` before it. `run` sends one call; `Call`s of several scripts travel together in `run_together`."""

    def __init__(self, path: Path, *parts: Path) -> None:
        self.name = path.stem
        self.source = "".join(one.read_text(encoding="utf-8") for one in (*parts, path))
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: Sequence[str], arguments: Sequence[Argument], by_source: bool = False) -> tuple[Argument, ...]:
        head = ("EVAL", self.source) if by_source else ("EVALSHA", self.sha)
        return (*head, len(keys), *keys, *arguments)

    def run(self, client: HotState, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run on the server that owns `keys` (all in one hash slot). A script that was never loaded did not run, so sending it again is safe."""
        return run_together(client, [(self, keys, arguments)])[0]


class Command:
    """A command of the server's own, which travels with scripts: a script that did nothing else would cost five times as much."""

    def __init__(self, name: str) -> None:
        self.name = name

    def command(self, keys: Sequence[str], arguments: Sequence[Argument], by_source: bool = False) -> tuple[Argument, ...]:
        return (self.name, *keys, *arguments)


Call = tuple[Script | Command, Sequence[str], Sequence[Argument]]


def run_together(client: HotState, calls: Sequence[Call]) -> list[Any]:
    """Run the calls in one round trip, in order, without a transaction: in a cluster they go to several servers.

    A call that a server did not know is sent again by source; the others are not.
    """
    with hot_state_guard():
        answers = _sent(client, calls, by_source=False)
        missing = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missing:
            for index, answer in zip(missing, _sent(client, [calls[i] for i in missing], by_source=True), strict=True):
                answers[index] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


def _sent(client: HotState, calls: Sequence[Call], by_source: bool) -> list[Any]:
    return send_together(client, [script.command(keys, arguments, by_source) for script, keys, arguments in calls])


__all__ = ["Argument", "Call", "Command", "Script", "run_together"]
