"""What a linter says, and the registry of its checks: each check is a function over a ruleset, each finding has a code with a paragraph in the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from core.text import Text
from rules.model import Ruleset

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend or to think about; `path` leads into the document, such as ("rules", 3, "when")."""

    code: str
    severity: Severity
    path: tuple[str | int, ...]
    text: Text
    fix: Text | None = None


Check: TypeAlias = Callable[[Ruleset], Iterator[Finding]]
CHECKS: dict[tuple[str, ...], Check] = {}


def check(*codes: str) -> Callable[[Check], Check]:
    """Register a check with the codes that it may find. Raises `ValueError` for a code that another check has."""

    def register(function: Check) -> Check:
        taken = {code for known in CHECKS for code in known} & set(codes)
        if taken:
            raise ValueError(f"two checks find {sorted(taken)}")
        CHECKS[codes] = function
        return function

    return register


def rule_path(index: int, key: str = "when") -> tuple[str | int, ...]:
    return ("rules", index, key)
