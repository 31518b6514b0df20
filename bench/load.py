"""A small load generator: keep-alive connections, one request in flight on each, in one thread, so that it takes little from what it measures."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Request = Callable[[int], bytes]


@dataclass(slots=True)
class Measured:
    """What one run saw. Latencies in seconds, sorted."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Replies a second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """The latency that `share` of the replies did not exceed."""
        return 1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes], measured: Measured, until: float, over: asyncio.Future[None]) -> None:
        self._requests, self._measured, self._until, self._over = requests, measured, until, over
        self._buffer = bytearray()
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or len(self._buffer) < head + 4 + _length(self._buffer, head):
            return
        now = time.perf_counter()
        self._measured.latencies.append(now - self._sent)
        self._measured.statuses[int(self._buffer[9:12])] += 1
        self._buffer.clear()
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


def _length(buffer: bytearray, head: int) -> int:
    lower = bytes(buffer[:head]).lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def drive(port: int, request: Request, numbers: Iterator[int], seconds: float, connections: int) -> Measured:
    """Keep `connections` busy for `seconds`; `request(n)` gives the bytes of the n-th request."""
    return asyncio.run(_drive(port, map(request, numbers), seconds, connections))


async def _drive(port: int, requests: Iterator[bytes], seconds: float, connections: int) -> Measured:
    loop = asyncio.get_running_loop()
    measured = Measured(seconds)
    started = time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    for over in ends:
        await loop.create_connection(lambda over=over: _Connection(requests, measured, started + seconds, over), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    measured.seconds = time.perf_counter() - started
    measured.latencies.sort()
    return measured
