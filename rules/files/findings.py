"""What does not hold together in a document, gathered with paths into it; whoever knows the files turns paths into places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from core.yamlfile.problems import Fault
from rules.lang.faults import BadExpression

Path: TypeAlias = tuple[str | int, ...]
Finding: TypeAlias = tuple[Path, Fault | BadExpression]


@dataclass(slots=True)
class Findings:
    items: list[Finding] = field(default_factory=list)

    def add(self, path: Path, what: Fault | BadExpression) -> None:
        self.items.append((path, what))
