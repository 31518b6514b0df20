"""From a flaw inside an expression to its line and column in the YAML file that holds the expression."""

from __future__ import annotations

from core.text import Text
from core.yamlfile.problems import Fault, Place, Problem
from core.yamlfile.read import Document
from rules.lang.faults import BadExpression, Flaw


def problems_of(document: Document, path: tuple[str | int, ...], error: BadExpression) -> list[Problem]:
    """Every flaw of the expression at the path, each at its own character where the expression stands on one line."""
    return [_problem(document, path, flaw) for flaw in error.flaws]


def _problem(document: Document, path: tuple[str | int, ...], flaw: Flaw) -> Problem:
    start = document.root.place_of(path)
    exact = document.root.character_place(path, flaw.span.start)
    if exact is not None:
        return Problem(document.name, exact, Fault(flaw.code, flaw.text, flaw.fix))
    at = flaw.span.start + 1
    text = Text(zh=f"{flaw.text.zh}(表达式第 {at} 个字符)", en=f"{flaw.text.en} (character {at} of the expression)")
    return Problem(document.name, Place(start.line, start.column), Fault(flaw.code, text, flaw.fix))
