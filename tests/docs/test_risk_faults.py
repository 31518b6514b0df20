"""The list of bad input and faults: both languages have the same lines, and each line names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lines(name: str) -> list[tuple[str, str]]:
    """(path, function) of every line's test."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| ") and not row.endswith(("| test |", "| 测试 |"))]
    found = [re.fullmatch(r"\| .+ \| .+ \| `(tests/\S+\.py)::(test_\w+)` \|", row) for row in rows]
    assert all(found), [row for row, match in zip(rows, found, strict=True) if match is None]
    return [(match[1], match[2]) for match in found if match is not None]


def test_both_languages_have_the_same_lines_and_every_test_is_there() -> None:
    named = lines("risk-faults.md")
    assert named == lines("risk-faults.zh-CN.md")
    assert len(named) == len(set(named)) > 25
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert not missing
