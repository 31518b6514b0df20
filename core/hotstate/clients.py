"""Clients for Redis or Valkey: standalone, TLS, Sentinel or Cluster. None of them retries by itself, because a retried count counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from redis.sentinel import Sentinel

from core.errors import Unavailable
from core.text import Text

# redis.Redis or RedisCluster. Their stubs do not know decode_responses (every str is "bytes | str"), so a precise type would only be casts.
HotState: TypeAlias = Any
SCHEMES = ("redis", "rediss", "sentinel", "redis+cluster", "rediss+cluster")
_AWAY = (RedisConnectionError, RedisTimeout, BusyLoadingError, ClusterDownError, ReadOnlyError, OutOfMemoryError, TryAgainError)
# The disk is full, too few replicas follow (a failover), a script hangs: redis-py has no class for these, so their first word tells them.
_AWAY_WORDS = ("MISCONF ", "NOREPLICAS ", "BUSY ")
_CLUSTER_AWAY = ("Redis Cluster cannot be connected", "All slots are not covered", "startup_nodes could not agree")


def connect(url: str, timeout_seconds: float = 1.0) -> HotState:
    """A client for the URL; nothing is sent yet.

    `redis://`, `rediss://` (TLS), `sentinel://host:26379,host:26379/0?service=name`, `redis+cluster://host:port`.
    """
    scheme = urlsplit(url).scheme
    common: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": min(timeout_seconds, 0.5),
    }
    if scheme == "sentinel":
        return _through_sentinel(url, common)
    if scheme.endswith("+cluster"):
        return RedisCluster.from_url(url.replace("+cluster", "", 1), retry=Retry(NoBackoff(), 0), **common)
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), retry_on_error=[], **common)


def _through_sentinel(url: str, common: dict[str, Any]) -> HotState:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    service = parse_qs(parts.query).get("service", ["mymaster"])[0]
    nodes = [(host.rpartition(":")[0] or host, int(host.rpartition(":")[2] or 26379)) for host in hosts.split(",")]
    password = unquote(credentials.rpartition(":")[2]) or None
    # The sentinels themselves too: with redis-py's default of ten retries a request would wait five seconds to hear that nobody is there.
    common = {**common, "retry": Retry(NoBackoff(), 0), "retry_on_error": []}
    sentinel: Any = cast(Any, Sentinel)(nodes, sentinel_kwargs=common, **common)
    return sentinel.master_for(service, password=password, db=int(parts.path.strip("/") or 0))


@contextmanager
def hot_state_guard() -> Iterator[None]:
    """Turn "Redis is away" in the block into `Unavailable`; a wrong command stays the fault that it is."""
    try:
        yield
    except _AWAY as error:
        raise _away() from error
    except ResponseError as error:
        if str(error).startswith(_AWAY_WORDS):
            raise _away() from error
        raise
    except RedisClusterException as error:
        # redis-py says with one class that the cluster is away and that a command is wrong; only the words tell them apart.
        if str(error).startswith(_CLUSTER_AWAY):
            raise _away() from error
        raise


def _away() -> Unavailable:
    text = Text(zh="活动闸口暂时不可用,请稍后重试。", en="The gate is away; try again shortly.")
    return Unavailable("hot_state_away", text, retry_after_seconds=1)


__all__ = ["SCHEMES", "HotState", "RedisError", "connect", "hot_state_guard"]
