"""What checks are measured on: policies that could go live, and another design that finds the same hits; the measuring runs from start to end."""

from __future__ import annotations

import argparse

import pytest

from bench.risk import designs
from bench.risk.policy import ENTITIES, make_counters, make_policy, make_rules, make_source
from rules.files.load import load_ruleset
from rules.lint.placed import problems_in


@pytest.mark.parametrize("count", [10, 100])
def test_a_measured_policy_could_go_live(count: int) -> None:
    counters = make_counters()
    errors, _ = problems_in(load_ruleset(make_source(make_rules(count, counters), counters), "measured.yaml"))
    assert errors == []
    policy = make_policy(make_rules(count, counters), counters)
    assert (len(policy.rules), len(policy.features), len({one.by for one in counters})) == (count, 20, len(ENTITIES))


def test_both_designs_find_the_same_hits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(designs, "_WARM", 60)
    monkeypatch.setattr(designs, "_COMPARED", 20)
    assert designs.measure(argparse.Namespace(rounds=1, checks=20)) == 0
    assert "times as fast" in capsys.readouterr().out
