"""The measuring of rules runs from start to end; engines that are not installed are named and left out."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from bench import engines, rules


def test_rules_are_measured_without_any_other_engine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(engines, "version", absent)
    assert rules.main(["--quick"]) == 0
    shown = capsys.readouterr().out
    assert "zen-engine is not installed and left out" in shown
    assert "mismatches: 0" in shown
    assert "interpreter" in shown
