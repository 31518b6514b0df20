"""Several commands to one server in one round trip, by what of redis-py is needed for that.

Its pipelines go through retries, events and metrics, none of which are used here, and take more of a risk check's time than all rules together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from hiredis import pack_command
from redis.exceptions import ResponseError

from core.hotstate.clients import HotState

Argument = str | int | float | bytes


def send_together(client: HotState, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The answers in order; what the server refused stands among them as its error. On a cluster the commands go to several servers."""
    if not isinstance(client, redis.Redis):
        return _by_pipeline(client, commands)
    pool: Any = client.connection_pool
    connection = pool.get_connection()
    try:
        connection.send_packed_command([b"".join(map(pack_command, commands))])
        return [_answer(connection) for _ in commands]
    except BaseException:
        # Answers may be on their way still: nobody else may read them as theirs.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


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
