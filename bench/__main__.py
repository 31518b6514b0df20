"""`python -m bench [endpoints|rules|rush|codes|quotes|market|lists|memory|replay|risk|gangs|audit]`: what the guides' figures come from."""

from __future__ import annotations

import sys
from importlib import import_module

SUBJECTS = ("endpoints", "rules", "rush", "codes", "quotes", "market", "lists", "memory", "replay", "risk", "gangs", "audit")
# What is more than one file starts at its `run`.
FOLDERS = ("market", "risk")


def main() -> int:
    """Only the chosen subject is imported: measuring rules needs nothing of the service."""
    arguments = sys.argv[1:]
    subject = arguments.pop(0) if arguments and arguments[0] in SUBJECTS else SUBJECTS[0]
    code: int = import_module(f"bench.{subject}.run" if subject in FOLDERS else f"bench.{subject}").main(arguments)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
