"""The API with a saboteur inside: at chosen points of a claim it ends its own process with SIGKILL, once for each order that it finds.

Orders are empty files `<point>-<number>` in the folder SABOTAGE: `gate` (a slot is leased, SQL knows nothing), `written` (before the commit),
`committed` (after it, before the gate or the customer hear) and `anywhere` (within the next milliseconds, whatever happens then).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

import core.db.engine
from campaigns.acting.write import Writer
from wsgi import app

__all__ = ["app"]
POINTS = ("gate", "written", "committed", "anywhere")
_orders = Path(os.environ["SABOTAGE"])
# Every life of a process ends within so many claims, for as long as there are orders.
_claims_left = random.randint(3, 8)
_lock = threading.Lock()
_this = threading.local()


def order() -> str | None:
    """Take one order when this process has lived long enough; its point. Removing the file makes it ours alone."""
    global _claims_left
    with _lock:
        _claims_left -= 1
        if _claims_left > 0:
            return None
        files = sorted(_orders.iterdir())
        random.shuffle(files)
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
                return file.name.partition("-")[0]
    return None


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write(self: Writer, *arguments: Any) -> Any:
    _this.point = order()
    if _this.point == "gate":
        die()
    if _this.point == "anywhere":
        threading.Timer(random.uniform(0, 0.008), die).start()
    reply = _write(self, *arguments)
    if _this.point == "written":
        die()
    return reply


def commit(connection: Any) -> None:
    _commit(connection)
    if getattr(_this, "point", None) == "committed":
        die()


_write, _commit = Writer.write, core.db.engine._commit
Writer.write = write  # type: ignore[method-assign]
core.db.engine._commit = commit
