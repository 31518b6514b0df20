"""The audit's bench seals and verifies what it makes, and prints a line for each kind of log."""

from __future__ import annotations

import pytest

from bench.audit import main


def test_a_small_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--records", "2000", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| audit entries", "| half decisions", "| decisions"]
    assert all(float(cell.replace(",", "")) > 0 for line in lines[2:] for cell in line.strip("| ").split(" | ")[1:])
