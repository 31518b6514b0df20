"""Runs a command and ends its whole process group when the supervisor's pipe closes, so that `kill -9` of the supervisor leaves no orphans.

A watcher process waits on the pipe: it costs little memory, needs no signal from the kernel and works on Linux and macOS alike.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    if os.fork() == 0:
        _watch(lifeline)
    os.close(lifeline)
    os.execvp(command[0], command)


def _watch(lifeline: int) -> None:
    """Block until nobody holds the other end, then end the group; leave quietly when the command itself is gone."""
    parent = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # A shell replaces this interpreter: waiting costs it under 1 MB instead of ten.
    script = 'read -r _ <&3; kill -TERM -"$1" 2>/dev/null; sleep 5; kill -KILL -"$1" 2>/dev/null'
    # Descriptor 3, because a POSIX shell can name only one digit.
    os.dup2(lifeline, 3)
    os.execvp("sh", ["sh", "-c", script, "sheepdog-guard", str(parent)])


if __name__ == "__main__":
    main()
