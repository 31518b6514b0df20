"""However a file is damaged, the answer is a list of problems with places, or a ruleset; never anything else."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Malformed
from core.yamlfile.problems import Problem
from rules.files.load import load_ruleset

LINES = (Path(__file__).parent / "new-user-claim.yaml").read_text(encoding="utf-8").splitlines()
SCRAPS = ["~", "[]", "{}", "3", "true", "'x'", "-1", "1.5", "[a, b]", "{a: b}", "10m", "¥5", "accounts_on_ip_10m", "2026-01-01", "羊毛党", "¥" * 50]


def damaged(seed: int, cuts: int) -> bytes:
    """The shipped file with some of its values exchanged, its lines lost, doubled or moved."""
    chance = random.Random(seed)
    lines = list(LINES)
    for _ in range(cuts):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                lines[at] = lines[at].split(": ")[0] + ": " + chance.choice(SCRAPS)
            case 1:
                del lines[at]
            case 2:
                lines.insert(at, lines[chance.randrange(len(lines))])
            case _:
                lines[at] = lines[at].replace(chance.choice("{}[]:,>=0123456789abcdef"), chance.choice(["", " ", "x", "}", "0"]), 1)
    return "\n".join(lines).encode()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_damaged_file_is_told_and_never_crashes_the_reader(seed: int, cuts: int) -> None:
    source = damaged(seed, cuts)
    problems = problems_of(source)
    for problem in problems:
        assert problem.fault.text.zh
        assert problem.fault.text.en
        assert 1 <= problem.place.line <= len(source.splitlines()) + 1


def problems_of(source: bytes) -> list[Problem]:
    try:
        load_ruleset(source, "p.yaml")
    except Malformed as error:
        return list(error.extra["errors"])
    return []
