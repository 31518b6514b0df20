"""Writes `requirements/*.txt`: the exact versions that are installed, split by who needs them. Markers keep one list good for Python 3.11 to 3.13."""

from __future__ import annotations

import configparser
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {"durable-rules", "sheepdog"}
# Packages that only some platforms or Pythons need; they are pinned behind the marker.
MARKERS: dict[str, str] = {}


def main() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    wanted = {
        "run": [*parser["options"]["install_requires"].split("\n"), "setuptools"],
        "test": parser["options.extras_require"]["test"].split("\n"),
        "dev": parser["options.extras_require"]["dev"].split("\n"),
        "bench": parser["options.extras_require"]["bench"].split("\n"),
    }
    seen: dict[str, str] = {}
    for level, requirements in wanted.items():
        before = set(seen)
        for requirement in filter(None, map(str.strip, requirements)):
            collect(requirement, seen)
        lines = [f"{name}=={seen[name]}{MARKERS.get(name, '')}" for name in sorted(set(seen) - before)]
        (ROOT / "requirements" / f"{level}.txt").write_text("# Written by `make lock`.\n" + "\n".join(lines) + "\n")


def collect(requirement: str, seen: dict[str, str]) -> None:
    """Add the requirement and all that it needs here, as they are installed."""
    match = re.match(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", requirement)
    if match is None:
        return
    name, extras = canonical(match[1]), set(filter(None, (match[2] or "").split(",")))
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return
    if name in SKIPPED or (name in seen and not extras):
        return
    seen[name] = found.version
    from packaging.requirements import Requirement

    for text in found.requires or ():
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            inner = f"{needed.name}[{','.join(needed.extras)}]" if needed.extras else needed.name
            if canonical(needed.name) != name:
                collect(inner, seen)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
