"""`python -m bench rules`: the generated form of rules beside other engines, on the same rules and the same records, in turns within one run.

Every engine must first find the same hits; only then are the times shown. Engines that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from dataclasses import dataclass, field

from bench.engines import ENTRANTS, Engine
from bench.rules_cost import show_growth, show_loading
from bench.workload import FIELDS, Record, Rule, make_records, make_rules

OURS = "generated"
MISSING_SHARE = 0.1


@dataclass(slots=True)
class Runner:
    """An engine, how many records one turn of it takes, and what its turns took in µs a record."""

    engine: Engine
    count: int
    micros: list[float] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench rules", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], help="numbers of rules")
    parser.add_argument("--rounds", type=int, default=9, help="turns of every engine")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one turn, about")
    parser.add_argument("--records", type=int, default=500, help="different records")
    parser.add_argument("--evaluations", type=int, default=1_000_000, help="of which memory may not grow")
    parser.add_argument("--unlike", action="store_true", help="rules on numbers only, which hardly ever have a condition in common")
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sizes, options.rounds, options.seconds, options.records, options.evaluations = [10], 1, 0.005, 50, 500
    _show_versions()
    mismatches = 0
    for size in options.sizes:
        for share in (0.0, MISSING_SHARE):
            mismatches += _compare(make_rules(size, alike=not options.unlike), make_records(options.records, share), share > 0, options.rounds, options.seconds)
    show_growth(100, options.evaluations)
    show_loading([max(options.sizes) * n // 4 for n in (1, 2, 4, 8)])
    return 1 if mismatches else 0


def _show_versions() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}")
    for entrant in ENTRANTS:
        if entrant.package:
            print(f"{entrant.name:<12} {entrant.package} {entrant.version() or 'is not installed and left out (make setup-bench)'}")


def _compare(rules: list[Rule], records: list[Record], sparse: bool, rounds: int, seconds: float) -> int:
    """Measure all engines on one set of rules, print a table, and give the number of records on which an engine found other hits."""
    engines = [entrant.build(rules, sparse) for entrant in ENTRANTS if entrant.version()]
    print(f"\n{len(rules)} rules × {len(FIELDS)} fields, {'10 % of the values missing' if sparse else 'no value missing'}")
    wrong, share = _mismatches(engines, records, len(rules))
    print(f"{share:.2%} of the rules hold; mismatches: {wrong}")
    runners = [Runner(engine, _count(engine, records, seconds)) for engine in engines]
    for _ in range(rounds):
        for runner in runners:
            runner.micros.append(_turn(runner.engine, records, runner.count))
    _show(runners)
    return wrong


def _mismatches(engines: list[Engine], records: list[Record], size: int) -> tuple[int, float]:
    """Records on which an engine differs from the generated form, and the share of rules that hold."""
    wrong = found = 0
    for record in records:
        hits = [sorted(engine.hits(engine.run(record))) for engine in engines]
        wrong += sum(other != hits[0] for other in hits[1:])
        found += len(hits[0])
    return wrong, found / size / len(records)


def _count(engine: Engine, records: list[Record], seconds: float) -> int:
    """How many records fill one turn."""
    sample = max(_turn(engine, records, 20), 0.1)
    return max(20, int(seconds * 1e6 / sample))


def _turn(engine: Engine, records: list[Record], count: int) -> float:
    """Microseconds a record over `count` records, the pool being gone through again and again."""
    run, passes, rest = engine.run, *divmod(count, len(records))
    pool = [*([records] * passes), records[:rest]]
    started = time.perf_counter()
    for some in pool:
        for record in some:
            run(record)
    return (time.perf_counter() - started) * 1e6 / count


def _show(runners: list[Runner]) -> None:
    print(f"{'engine':<12}{'p50 µs':>10}{'best µs':>10}{'of ours':>9}")
    ours = next(runner for runner in runners if runner.engine.name == OURS)
    for runner in runners:
        # The ratio within each round, then the middle one: a slow moment of the machine hits both sides of a round.
        ratio = statistics.median(mine / our for mine, our in zip(runner.micros, ours.micros, strict=True))
        print(f"{runner.engine.name:<12}{statistics.median(runner.micros):>10.2f}{min(runner.micros):>10.2f}{ratio:>8.1f}×")
    sys.stdout.flush()
