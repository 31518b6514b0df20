"""`python -m bench market`: a made-up market of honest people and attacks before the shipped policies. The policies were not tuned to it."""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from pathlib import Path

from bench.market.generate import generate
from bench.market.judge import fresh_valkey, judge
from bench.market.model import Sizes
from bench.market.report import report
from fraud.packs import load_policies

PACKS = Path(__file__).resolve().parents[2] / "rules" / "packs"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench market", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packs", type=Path, default=PACKS, help="the folder of the policies to judge")
    parser.add_argument("--without-gangs", action="store_true", help="without the search for gangs")
    for one in fields(Sizes):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=int, default=one.default)
    options = parser.parse_args(arguments)
    try:
        sizes = Sizes(**{one.name: getattr(options, one.name) for one in fields(Sizes)})
    except ValueError as error:
        parser.error(str(error))
    begun = time.monotonic()
    market = generate(options.seed, sizes)
    made = time.monotonic()
    asked = sum(act.judged for act in market.acts)
    print(f"seed {options.seed}: {len(market.acts):,} events over {options.days} days, {asked:,} of them ask for a decision; made in {made - begun:.1f} s")
    with fresh_valkey() as hot:
        verdicts = judge(market, load_policies(options.packs), hot, gangs=not options.without_gangs)
    print(f"judged in {time.monotonic() - made:.1f} s\n\n{report(market, verdicts)}")
    return 1 if verdicts.degraded else 0
