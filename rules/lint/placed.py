"""Findings as problems at their places in the files that they were written in."""

from __future__ import annotations

from collections.abc import Collection

from core.yamlfile.problems import Fault, Problem
from rules.files.load import LoadedRuleset
from rules.lint import lint


def problems_in(loaded: LoadedRuleset, without: Collection[str] = ()) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings, but none whose code is in `without`."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    for finding in lint(loaded.ruleset):
        if finding.code not in without:
            problem = Problem(*loaded.place(finding.path), Fault(finding.code, finding.text, finding.fix))
            (errors if finding.severity == "error" else warnings).append(problem)
    return errors, warnings
