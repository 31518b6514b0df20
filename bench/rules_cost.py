"""What rules cost besides time on the online path: growth of memory over many evaluations, and loading a set of them."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

from bench.engines import ZONE, source_of
from bench.workload import CATALOGUE, Record, make_records, make_rules
from rules.lang.check import typed
from rules.lang.compile import CompiledRules, compile_rules
from rules.lang.parser import parse


def show_growth(size: int, evaluations: int) -> None:
    """Evaluate records with and without missing values; print what the process and Python's allocator hold more than before."""
    compiled = compile_rules([typed(source_of(rule), CATALOGUE) for rule in make_rules(size)], {}, ZONE)
    records = [*make_records(500), *make_records(500, 0.1)]
    _evaluate(compiled, records, min(evaluations, 20_000))
    before = _resident_bytes()
    _evaluate(compiled, records, evaluations)
    grown = _resident_bytes() - before
    tracemalloc.start()
    _evaluate(compiled, records, min(evaluations, 20_000))
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    _evaluate(compiled, records, evaluations)
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    print(f"\nMemory over {evaluations:,} evaluations of {size} rules: resident {grown / 1024:+.0f} KiB, traced {traced / 1024:+.1f} KiB")


def _evaluate(compiled: CompiledRules, records: list[Record], count: int) -> None:
    judge = compiled.judge
    for number in range(count):
        judge(records[number % len(records)])


def _resident_bytes() -> int:
    """Of this process (Linux); 0 elsewhere, where only Python's allocator is watched."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def show_loading(sizes: Sequence[int]) -> None:
    """Print what reading and compiling takes for sets of several sizes; the cost of one rule should not depend on how many there are."""
    print(f"\n{'loading':<12}{'parse ms':>10}{'check ms':>10}{'compile ms':>12}{'µs a rule':>11}{'trees KiB':>11}{'compiled KiB':>14}")
    for size in sizes:
        sources = [source_of(rule) for rule in make_rules(size)]
        parsing = min(_milliseconds(sources) for _ in range(3))
        started = time.perf_counter()
        nodes = [typed(source, CATALOGUE) for source in sources]
        checking = (time.perf_counter() - started) * 1000
        compiling = min(_compiling(nodes) for _ in range(3))
        trees, compiled = _sizes(sources)
        each = (checking + compiling) * 1000 / size
        print(f"{size:<12}{parsing:>10.1f}{checking - parsing:>10.1f}{compiling:>12.1f}{each:>11.1f}{trees / 1024:>11.0f}{compiled / 1024:>14.0f}")


def _milliseconds(sources: list[str]) -> float:
    started = time.perf_counter()
    for source in sources:
        parse(source)
    return (time.perf_counter() - started) * 1000


def _compiling(nodes: list) -> float:
    started = time.perf_counter()
    compile_rules(nodes, {}, ZONE)
    return (time.perf_counter() - started) * 1000


def _sizes(sources: list[str]) -> tuple[int, int]:
    """Bytes that the trees hold, and the compiled form."""
    gc.collect()
    tracemalloc.start()
    nodes = [typed(source, CATALOGUE) for source in sources]
    trees = tracemalloc.get_traced_memory()[0]
    compiled = compile_rules(nodes, {}, ZONE)
    gc.collect()
    both = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del compiled
    return trees, both - trees
