"""`python -m bench risk`: the risk engine in this process and over HTTP, beside a bare endpoint and beside aswan's design, in turns within one run."""

from __future__ import annotations

import argparse

from bench.risk import curves, designs, service

PARTS = {"inside": curves, "aswan": designs, "http": service}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench risk", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}; all of them if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="turns of everything; the middle one is shown")
    parser.add_argument("--checks", type=int, default=1_000, help="checks of one turn inside the process")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one turn over HTTP")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return max(PARTS[name].measure(options) for name in options.parts)
