"""Rulesets from their YAML files: all that is wrong comes at once, each with its file, line and column, or there is a ruleset that can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from core.yamlfile.check import problem_at
from core.yamlfile.problems import Place, Problem, bad_file
from rules.files.build import build
from rules.files.findings import Path
from rules.files.merge import FORM, Merged, Reader, merge
from rules.lang.faults import BadExpression
from rules.model import Ruleset
from rules.places import problems_of


@dataclass(frozen=True, slots=True)
class LoadedRuleset:
    """A good file: the ruleset, its self-contained JSON-able document, and where each part of that was written."""

    ruleset: Ruleset
    document: dict[str, Any]
    _merged: Merged

    def place(self, path: Path) -> tuple[str, Place]:
        """File name and place of the part at the path into the document."""
        return self._merged.place(path)


def load_ruleset(source: bytes, name: str, includes: Reader = lambda _: None) -> LoadedRuleset:
    """Read one policy; `includes` gives the bytes of a file that it includes, None where there is none.

    Raises `Malformed` (`bad_file`) whose `extra["errors"]` has every problem.
    """
    merged = merge(source, name, includes)
    ruleset, findings = build(merged.document, whole=not merged.problems)
    problems = list(merged.problems)
    for path, found in findings:
        document, inner = merged.origin(path)
        problems += problems_of(document, inner, found) if isinstance(found, BadExpression) else [problem_at(document, inner, found)]
    if problems or ruleset is None:
        raise bad_file(name, _once(problems))
    return LoadedRuleset(ruleset, merged.document, merged)


def load_ruleset_file(path: FilePath) -> LoadedRuleset:
    """Read a policy file; what it includes stands in the same folder. Raises `Malformed`, and `OSError` when the file cannot be read."""

    def beside(name: str) -> bytes | None:
        other = path.parent / name
        return other.read_bytes() if other.is_file() and other.resolve().parent == path.parent.resolve() else None

    return load_ruleset(path.read_bytes(), path.name, beside)


def ruleset_from_document(document: Mapping[str, Any]) -> Ruleset:
    """The ruleset that the document was made of. Raises `ValueError` for another form, or one that does not hold together."""
    if document.get("form") != FORM:
        raise ValueError("a policy document of an unknown form")
    ruleset, findings = build(document)
    if ruleset is None:
        raise ValueError(f"a policy document that does not hold together: {findings[:3]}")
    return ruleset


def is_pack(source: bytes) -> bool:
    """Whether a file is a pack, to be included and not to run by itself."""
    return any(line.startswith(b"pack:") for line in source.splitlines())


def _once(problems: list[Problem]) -> list[Problem]:
    """Each place and code once: a mistake may be met by the strict form and again by what builds on it."""
    return list({(problem.file, problem.place, problem.fault.code): problem for problem in problems}.values())
