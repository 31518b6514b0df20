"""The measurement of replays runs on what decisions are today, and every decision it judges again is the same."""

from __future__ import annotations

import re

import pytest

from bench.replay import main


def test_replays_are_measured_and_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--decisions", "400"]) == 0
    said = capsys.readouterr().out
    pairs = re.findall(r"(\d+) of (\d+) the same", said)
    assert len(pairs) >= 10
    assert all(same == judged for same, judged in pairs)
    assert "bytes a decision" in said
