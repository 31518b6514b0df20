"""The golden cases, through every form of an expression."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML

from rules.explain import explain_node
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.faults import BadExpression
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind

ZONE = ZoneInfo("Asia/Shanghai")
LISTS = {"words": frozenset({"羊毛", "刷单"})}
_KINDS = {"n": "NUMBER", "k": "NUMBER", "t": "TEXT", "b": "BOOLEAN", "m": "MONEY", "d": "DURATION", "i": "INSTANT", "j": "INSTANT"}
CATALOGUE = Catalogue({name: Known(Kind[kind]) for name, kind in _KINDS.items()}, lists={"words": Kind.TEXT})
CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("golden.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [case for case in CASES if "bad" not in case], ids=lambda case: f"{case['when']} {case['with']}")
def test_every_form_gives_the_golden_result(case: dict[str, Any]) -> None:
    node = typed(case["when"], CATALOGUE)
    assert interpret(node, case["with"], LISTS, ZONE) is case["gives"]
    assert explain_node(node, case["with"], LISTS, ZONE).value is case["gives"]
    assert compile_rules([node], LISTS, ZONE).judge(case["with"]) == ([0] if case["gives"] else [], [0] if case["gives"] is None else [])


@pytest.mark.parametrize("case", [case for case in CASES if "bad" in case], ids=lambda case: case["when"])
def test_what_is_refused_has_its_code_and_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(BadExpression) as caught:
        typed(case["when"], CATALOGUE)
    assert [flaw.code for flaw in caught.value.flaws] == [case["bad"]]
    span = caught.value.flaws[0].span
    assert 0 <= span.start <= span.end <= max(len(case["when"]), 1)
