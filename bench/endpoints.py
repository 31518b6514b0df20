"""All endpoints in one run, in turns, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys

from bench.house import running
from bench.load import Measured, drive
from bench.size import measure_size
from bench.targets import Target, targets


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of every endpoint; the median of the rounds is shown")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one turn")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", default="", help="measure only endpoints whose name contains this, and the bare one")
    parser.add_argument("--database-url", default="", help="instead of SQLite, such as postgresql+psycopg://…")
    parser.add_argument("--no-size", action="store_true", help="leave out the start and the memory")
    options = parser.parse_args(arguments)
    with running(options.database_url) as house:
        chosen = [one for one in targets(house) if options.only in one.name or one.name.startswith("bare")]
        rounds = rounds_of(chosen, options.rounds, options.seconds, options.connections)
    show(chosen, rounds)
    if not options.no_size:
        measure_size()
    return 0 if good(chosen, rounds) else 1


def rounds_of(chosen: list[Target], count: int, seconds: float, connections: int) -> list[list[Measured]]:
    """`count` measured rounds of every target in turn, after one that only warms up."""
    numbers = itertools.count(1)
    for target in chosen:
        drive(target.port, target.request, numbers, 1.0, connections)
    return [[drive(target.port, target.request, numbers, seconds, connections) for target in chosen] for _ in range(count)]


def show(chosen: list[Target], rounds: list[list[Measured]]) -> None:
    """The table: medians of the rounds, each beside the first target of its round."""
    print(f"{'endpoint':<18}{'requests/s':>11}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'of bare':>9}   replies")
    for index, target in enumerate(chosen):
        runs = [one[index] for one in rounds]
        # The ratio of each round, then the middle one: a slow moment of the machine hits both sides of a round.
        ratio = statistics.median(run.rate / one[0].rate for run, one in zip(runs, rounds, strict=True))
        figures = ((r.rate, r.percentile_ms(0.5), r.percentile_ms(0.95), r.percentile_ms(0.99)) for r in runs)
        rate, p50, p95, p99 = (statistics.median(values) for values in zip(*figures, strict=True))
        statuses = sum((run.statuses for run in runs), start=type(runs[0].statuses)())
        print(f"{target.name:<18}{rate:>11.0f}{p50:>9.1f}{p95:>9.1f}{p99:>9.1f}{ratio:>9.2f}   {dict(statuses)}")


def good(chosen: list[Target], rounds: list[list[Measured]]) -> bool:
    """Whether every reply was the expected one (the sold-out campaign has one reward to give); a fast error is no speed."""
    bad = [target.name for index, target in enumerate(chosen) if any(sum(r[index].statuses.values()) - r[index].statuses[target.status] > 1 for r in rounds)]
    if bad:
        print(f"unexpected replies: {', '.join(bad)}", file=sys.stderr)
    return not bad
