"""What a forked child must start afresh: threads do not survive a fork, and a lock may have been held at that instant."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def afresh_in_child(restart: Callable[[], None]) -> None:
    """Call the bound method `restart` in every forked child for as long as its object lives."""
    method = weakref.WeakMethod(restart)

    def run() -> None:
        alive = method()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=run)
