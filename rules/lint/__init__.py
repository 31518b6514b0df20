"""Lint: what is allowed in a ruleset and yet most likely a mistake. The checks register themselves; a new one is imported here."""

from __future__ import annotations

from rules.lint import bands, conditions, counts, tidy
from rules.lint.findings import CHECKS, Finding
from rules.model import Ruleset

__all__ = ["CHECKS", "Finding", "bands", "conditions", "counts", "lint", "tidy"]


def lint(ruleset: Ruleset) -> list[Finding]:
    """Everything that the checks find, in the order of the document. Nothing is run."""
    found = [finding for check in CHECKS.values() for finding in check(ruleset)]
    return sorted(found, key=lambda finding: (*map(str, finding.path[:1]), _number(finding.path), finding.code))


def _number(path: tuple[str | int, ...]) -> int:
    return next((step for step in path if isinstance(step, int)), -1)
