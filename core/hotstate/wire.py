"""Several commands to one server in one round trip, by what of redis-py is needed for that.

Its pipelines go through retries, events and metrics, none of which are used here, and take more of a risk check's time than all rules together.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, finalize, ref

import redis
from hiredis import pack_command
from redis.exceptions import RedisError, ResponseError

from core.hotstate.clients import HotState

Argument = str | int | float | bytes


def send_together(client: HotState, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The answers in order; what the server refused stands among them as its error. On a cluster the commands go to several servers."""
    if not isinstance(client, redis.Redis):
        return _by_pipeline(client, commands)
    held = _HELD.of(client.connection_pool)
    connection = held.ready()
    try:
        connection.send_packed_command([b"".join(map(pack_command, commands))])
        answers = [_answer(connection) for _ in commands]
    except BaseException:
        # Answers may be on their way still: nobody may read them as theirs.
        connection.disconnect()
        raise
    held.used_at = time.monotonic()
    return answers


@dataclass(slots=True, weakref_slot=True)
class _Held:
    """A connection of a pool that one thread keeps, since taking and giving back costs as much as sending; its pool has it back when the thread ends.
    A child that was forked takes its own.
    """

    connection: Any
    pid: int
    used_at: float = 0.0

    def ready(self) -> Any:
        """The connection. One that has rested may have been closed at the other end: that is looked at, as the pool does."""
        connection = self.connection
        if time.monotonic() - self.used_at > _RESTED_SECONDS and connection.is_connected and not _is_silent(connection):
            connection.disconnect()
        return connection


class _HeldByThread(threading.local):
    def __init__(self) -> None:
        self._held: WeakKeyDictionary[Any, _Held] = WeakKeyDictionary()

    def of(self, pool: Any) -> _Held:
        held = self._held.get(pool)
        if held is None or held.pid != os.getpid():
            held = self._held[pool] = _Held(pool.get_connection(), os.getpid(), time.monotonic())
            finalize(held, _give_back, ref(pool), held.connection)
        return held


def _give_back(pool: ref[Any], connection: Any) -> None:
    alive = pool()
    if alive is None:
        connection.disconnect()
    else:
        alive.release(connection)


_HELD = _HeldByThread()
_RESTED_SECONDS = 0.05


def _is_silent(connection: Any) -> bool:
    try:
        return not connection.can_read()
    except RedisError:
        return False


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _by_pipeline(client: HotState, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    # execute_command, because RedisCluster's pipeline refuses evalsha() in redis-py 8.1.
    pipe = client.pipeline(transaction=False)
    for one in commands:
        pipe.execute_command(*one)
    return list(pipe.execute(raise_on_error=False))
