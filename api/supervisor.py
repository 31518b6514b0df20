"""Runs the service's processes: restarts one that dies, stops all of them in order, and leaves no orphan behind.

Every child watches a pipe that only the supervisor holds open; when the supervisor is gone, even by -9, the child ends itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_STOP_SECONDS_MAX = 10.0
_PAUSE_SECONDS_MAX = 10.0
_QUICK_SECONDS = 10.0
_QUICK_DEATHS_MAX = 5


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. One that `waits` starts when the others are ready, so that it takes no processor from their start."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started: float
    quick_deaths: int = 0
    restart_at: float | None = None


class Supervisor:
    """Keeps children running until it is told to stop. `say` gets one line for people about anything unusual.

    `watch` is called in every round, for whatever else must be kept alive.
    """

    def __init__(
        self,
        children: Sequence[Child],
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = children
        self._say = say
        self._watch = watch
        self._stopping = False
        self._lifeline, self._held_open = os.pipe()
        self._running: list[_Running] = []

    def run(self, ready: Callable[[], bool] = lambda: True) -> int:
        """Start all, ask `ready` until it says True, watch until SIGINT or SIGTERM (0) or until a child cannot be kept alive (1)."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        self._start(waits=False)
        try:
            done = False
            while not self._stopping:
                if not done and ready():
                    done = True
                    self._start(waits=True)
                if not all(self._tend(one) for one in self._running):
                    return 1
                self._watch()
                time.sleep(0.1)
            return 0
        finally:
            self.stop_all()

    def _start(self, *, waits: bool) -> None:
        self._running += [_Running(child, self._spawn(child), time.monotonic()) for child in self._children if child.waits is waits]

    def stop_all(self) -> None:
        """SIGTERM to every group, some seconds of patience, then SIGKILL."""
        living = [one for one in self._running if one.process.poll() is None]
        for one in living:
            _signal_group(one.process, signal.SIGTERM)
        end = time.monotonic() + _STOP_SECONDS_MAX
        for one in living:
            try:
                one.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{one.child.name} did not stop in time and was killed")
            # The group may hold grandchildren even when the child itself ended in order.
            _signal_group(one.process, signal.SIGKILL)
            one.process.wait()

    def pids(self) -> dict[str, int]:
        return {one.child.name: one.process.pid for one in self._running}

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        guard = [sys.executable, "-m", "api.guarded", str(self._lifeline), *child.argv]
        return subprocess.Popen(guard, env={**os.environ, **child.env}, pass_fds=(self._lifeline,), stdin=subprocess.DEVNULL, start_new_session=True)

    def _tend(self, one: _Running) -> bool:
        """Restart a child that died, after a pause that doubles; False when it dies again and again."""
        now = time.monotonic()
        if one.restart_at is not None:
            if now >= one.restart_at:
                one.process, one.started, one.restart_at = self._spawn(one.child), now, None
            return True
        code = one.process.poll()
        if code is None:
            return True
        _signal_group(one.process, signal.SIGKILL)
        one.quick_deaths = one.quick_deaths + 1 if now - one.started < _QUICK_SECONDS else 1
        if one.quick_deaths >= _QUICK_DEATHS_MAX:
            self._say(f"{one.child.name} ended {one.quick_deaths} times in a row (last exit code {code}); stopping. See its messages above.")
            return False
        one.restart_at = now + min(_PAUSE_SECONDS_MAX, 0.5 * 2 ** (one.quick_deaths - 1))
        self._say(f"{one.child.name} ended with code {code}; starting it again")
        return True


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return
