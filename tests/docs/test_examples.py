"""The guides' examples are run: policies load without a finding that fails and pass their tests, expressions come to what is written beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from core.clock import to_micros
from rules.cases.run import run_cases
from rules.files.literals import literal, moment
from rules.files.load import load_ruleset
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind
from rules.lint import lint
from tests.rules.lang.strategies import ZONE

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = [("rules.md", "rules.zh-CN.md"), ("expressions.md", "expressions.zh-CN.md")]
KINDS = {"n": Kind.NUMBER, "k": Kind.NUMBER, "t": Kind.TEXT, "b": Kind.BOOLEAN, "m": Kind.MONEY, "d": Kind.DURATION, "i": Kind.INSTANT}
CATALOGUE = Catalogue({name: Known(kind) for name, kind in KINDS.items()})
_RESULTS = {"true": True, "false": False, "missing": None}


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def lines() -> list[str]:
    return [line for block in blocks("expressions.md", "sheepdog") for line in block.splitlines()]


def policies(name: str) -> tuple[list[str], dict[str, bytes]]:
    """The guide's policies, and its packs by the file name in their first line."""
    found = blocks(name, "yaml")
    packs = {re.findall(r"# file: (\S+)", block)[0]: block.encode() for block in found if "pack:" in block}
    return [block for block in found if "\npack:" not in block], packs


@pytest.mark.parametrize("line", lines())
def test_an_expression_comes_to_what_is_written_beside_it(line: str) -> None:
    source, _, rest = line.partition("#")
    given, _, wanted = rest.rpartition("→")
    values = {name: _value(name, written) for name, written in re.findall(r"(\w)=('[^']*'|\S+)", given)}
    node = typed(source, CATALOGUE)
    assert interpret(node, values, {}, ZONE) is _RESULTS[wanted.strip()]
    assert compile_rules([node], {}, ZONE).judge(values) == ([0] if wanted.strip() == "true" else [], [0] if wanted.strip() == "missing" else [])


def _value(name: str, written: str) -> Any:
    if KINDS[name] is Kind.INSTANT:
        at = moment(written, ZONE)
        assert at is not None
        return to_micros(at)
    kind, value = literal(written)
    assert kind is KINDS[name] or written in ("true", "false")
    return {"true": True, "false": False}.get(written, value)


@pytest.mark.parametrize("guide", ["rules.md", "rules.zh-CN.md"])
def test_the_policies_of_the_guide_are_good_and_pass_their_tests(guide: str) -> None:
    sources, packs = policies(guide)
    assert len(sources) == 3
    for source in sources:
        loaded = load_ruleset(source.encode(), "guide.yaml", packs.get)
        report = run_cases(loaded.ruleset)
        assert [result.differences for result in report.results if not result.passed] == []
        assert report.coverage.missed == ()
        assert [finding.code for finding in lint(loaded.ruleset)] == []


@pytest.mark.parametrize(("english", "chinese"), GUIDES)
def test_both_languages_have_the_same_examples(english: str, chinese: str) -> None:
    for language in ("sheepdog", "yaml", "sh"):
        without_comments = [
            [re.sub(r"\s*# .*", "", block) if language != "sheepdog" else block for block in blocks(name, language)] for name in (english, chinese)
        ]
        assert without_comments[0] == without_comments[1]
