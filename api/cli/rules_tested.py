"""How the result of `rules test` is shown: what was expected beside what came, with the line of the file; and the same for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from api.cli.rules_files import beside_file
from core.text import Lang, Text
from rules.cases.results import CaseResult, Difference, Path, Report
from rules.files.load import LoadedRuleset


@dataclass(frozen=True, slots=True)
class Tested:
    """One file's tests, run. `enough` says whether the coverage is what was asked for."""

    path: str
    loaded: LoadedRuleset
    report: Report
    enough: bool

    @property
    def ok(self) -> bool:
        return self.report.passed and self.enough

    def place(self, path: Path) -> tuple[str, int, int]:
        """File, line and column of a part of the document."""
        name, place = self.loaded.place(path)
        return beside_file(self.path, name), place.line, place.column


def shown(tested: Tested, lang: Lang) -> str:
    """For people."""
    lines = [_head(tested).pick(lang)]
    for result in tested.report.results:
        if not result.passed:
            lines += _case(tested, result, lang)
    return "\n".join([*lines, *(text.pick(lang) for text in _coverage(tested))])


def pack_text(path: str) -> Text:
    """What is said of a pack, so that a whole folder can be named."""
    return Text(zh=f"- {path}  规则包,由包含它的策略测试", en=f"- {path}  pack, tested by the policies that include it")


def as_json(tested: Tested) -> dict[str, Any]:
    """For programs."""
    coverage = tested.report.coverage
    return {
        "file": tested.path,
        "policy": tested.loaded.ruleset.id,
        "ok": tested.ok,
        "cases": [_case_json(tested, result) for result in tested.report.results],
        "coverage": {"percent": round(coverage.percent, 2), "hit": coverage.hit, "rules": coverage.rules, "missed": list(coverage.missed)},
    }


def _head(tested: Tested) -> Text:
    total, failed = len(tested.report.results), len(tested.report.failed)
    if not total:
        return Text(zh=f"- {tested.path}  没有测试", en=f"- {tested.path}  no tests")
    if not failed:
        return Text(zh=f"✓ {tested.path}  {total} 个测试通过", en=f"✓ {tested.path}  {total} test{'s' if total != 1 else ''} passed")
    return Text(zh=f"✗ {tested.path}  {total} 个测试中 {failed} 个未通过", en=f"✗ {tested.path}  {failed} of {total} tests failed")


def _case(tested: Tested, result: CaseResult, lang: Lang) -> Iterator[str]:
    file, line, column = tested.place(result.path)
    yield f"{file}:{line}:{column}: {result.name}"
    for difference in result.differences:
        yield from _difference(tested, result, difference, lang)


def _difference(tested: Tested, result: CaseResult, difference: Difference, lang: Lang) -> Iterator[str]:
    expected, actual, read = ("期望", "实际", "读到") if lang == "zh" else ("expected", "actual  ", "read    ")
    file, line, _ = tested.place((*result.path, *difference.path))
    yield f"    {difference.what}  ({file}:{line})"
    yield f"      {expected}  {difference.expected}"
    yield f"      {actual}  {difference.actual}"
    for name, value in difference.because:
        yield f"      {read}  {name} = {value}"


def _coverage(tested: Tested) -> Iterator[Text]:
    coverage = tested.report.coverage
    mark = "" if tested.enough else "✗ "
    yield Text(
        zh=f"  {mark}覆盖 {coverage.hit}/{coverage.rules} 条规则({coverage.percent:.0f} %)",
        en=f"  {mark}coverage: {coverage.hit} of {coverage.rules} rules hit ({coverage.percent:.0f} %)",
    )
    if coverage.missed:
        yield Text(zh=f"  没有测试命中:{'、'.join(coverage.missed)}", en=f"  no test hits: {', '.join(coverage.missed)}")


def _case_json(tested: Tested, result: CaseResult) -> dict[str, Any]:
    file, line, column = tested.place(result.path)
    differences = [
        {
            "what": one.what,
            "expected": one.expected,
            "actual": one.actual,
            "line": tested.place((*result.path, *one.path))[1],
            "values": dict(one.because),
        }
        for one in result.differences
    ]
    place = {"file": file, "line": line, "column": column}
    return {"name": result.name, "passed": result.passed, **place, "hits": list(result.hits), "differences": differences}
