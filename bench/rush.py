"""A seckill beside a bare Flask endpoint with one Redis call: who is turned away, who asks again, who wins; and the gate's scripts beside a minimal one."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

from bench.endpoints import good, rounds_of, show
from bench.house import MERCHANT, House, running
from bench.load import drive
from bench.targets import Target, actor, wire
from campaigns.gate.build import Truth, build
from campaigns.gate.gate import ATTEMPT, TAKE, Gate
from campaigns.gate.model import STOCK, Ask, Limit, Pool
from core.hotstate.clients import connect

# The least that a seckill script does: is there stock, has this customer had one, take it, write it down.
_MINIMAL = """
local left = tonumber(redis.call('GET', KEYS[1]) or '0')
if left <= 0 then return 'sold_out' end
if redis.call('HINCRBY', KEYS[2], ARGV[1], 1) > 1 then return 'again' end
redis.call('DECR', KEYS[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '100000', '*', 'u', ARGV[1])
return 'ok'
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench rush", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args(arguments)
    with running() as house:
        chosen = _targets(house)
        _sell_out(house)
        rounds = rounds_of(chosen, options.rounds, options.seconds, options.connections)
        show(chosen, rounds)
        _scripts(house.settings.effective_redis_url)
    return 0 if good(chosen, rounds) else 1


def _targets(house: House) -> list[Target]:
    ours = house.settings.port
    return [
        Target("bare, one call", house.bare_port, lambda n: wire("/one", _buy(n)), 200),
        Target("seckill, sold out", ours, lambda n: wire("/v1/campaigns/flash/purchases", _buy(n), house.key, f"f-{n}"), 409),
        Target("seckill, again", ours, lambda n: wire("/v1/campaigns/again/purchases", _buy(n % 50, n, "watchagain"), house.key, f"a-{n}"), 409),
        Target("seckill, won", ours, lambda n: wire("/v1/campaigns/flood/purchases", _buy(n, sku="watchflood"), house.key, f"w-{n}"), 201),
    ]


def _sell_out(house: House) -> None:
    """A thousand pieces go first, and every one of fifty customers has theirs."""
    numbers = itertools.count(10_000_000)
    for target in _targets(house)[1:3]:
        while drive(target.port, target.request, numbers, 0.5, 16).statuses[201]:
            pass


def _buy(user: int, order: int | None = None, sku: str = "watch") -> dict[str, Any]:
    number = user if order is None else order
    return {**actor(user), "user": f"buyer-{user}", "device": f"own-{user}", "sku": sku, "order_id": f"{sku}-{number}"}


def _scripts(url: str) -> None:
    """Pipelines of a hundred calls from one client, in turns: buyers who get a piece, and buyers who come too late."""
    client = connect(url)
    minimal = client.script_load(_MINIMAL)
    for script in (ATTEMPT, TAKE):
        client.script_load(script.source)
    for epoch, (name, stock) in enumerate((("takes a piece", 10**8), ("sold out", 0)), 1):
        gate = Gate(client, MERCHANT, "scripts", epoch)
        build(client, gate, Truth(epoch, (Pool(STOCK, stock, ()),), {}, -1, 0, ()), 60_000)
        client.set("bench:stock", stock)
        client.delete("bench:who", "bench:stream")
        ratios = []
        for turn in range(9):
            start = 10_000 * (turn + 1)
            plain = _rate(client, lambda n: ("EVALSHA", minimal, 3, "bench:stock", "bench:who", "bench:stream", f"u{n}"), start)
            gated = _rate(client, lambda n, gate=gate, take=bool(stock): _call(gate, n, take), start)
            ratios.append((gated / plain, gated, plain))
        ratio, gated, plain = sorted(ratios)[len(ratios) // 2]
        print(f"gate script, {name:<14} {gated:>8.0f}/s   minimal script {plain:>8.0f}/s   {ratio:.2f}")


def _call(gate: Gate, number: int, take: bool) -> tuple[Any, ...]:
    """One request at the gate, as `Gate` sends it."""
    ask = Ask(f"{number:040x}", "b" * 64, 0, (Limit("user", f"{number:040x}", 1),), STOCK)
    now = int(time.time() * 1000)
    return TAKE.command(*gate.take_call(ask, now, 15_000)) if take else ATTEMPT.command(*gate.attempt_call(ask, now))


def _rate(client: Any, command: Callable[[int], tuple[Any, ...]], start: int, count: int = 10_000) -> float:
    """Calls a second; the best of its pipelines' time is the server's and the client's together, alike for both scripts."""
    commands = [command(start + number) for number in range(count)]
    begun = time.perf_counter()
    for first in range(0, count, 100):
        pipe = client.pipeline(transaction=False)
        for one in commands[first : first + 100]:
            pipe.execute_command(*one)
        pipe.execute()
    return count / (time.perf_counter() - begun)
