"""A pack of law: rules as data, each with its article, what it looks for, and what to change. Pure values; `read.py` makes them of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from campaigns.law.words import Entry
from core.text import Text
from rules.lang import tree
from rules.lang.catalogue import Parameter

Severity: TypeAlias = Literal["block", "approval", "warn"]
SEVERITIES: tuple[Severity, ...] = ("block", "approval", "warn")
# The approval that a finding asks for unless its rule names another.
EXCEPTION = "law.exception"


@dataclass(frozen=True, slots=True)
class LicenceForm:
    """Which categories of articles need a number, and what it looks like."""

    categories: frozenset[str]
    form: re.Pattern[str]
    example: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` is the kind of check and `each` whose facts `when` reads. In effect within [begins, ends). `approval` is the kind of approval asked for.

    `parts` (of `present`) are blocks of the file, each told as its alternatives; `words` and `licence` name tables; `frozen` says which way each part
    of a document may move; `codes` (of `file`) are refusals of the file reader.
    """

    code: str
    severity: Severity
    article: Text
    source: str
    begins: datetime | None
    ends: datetime | None
    check: str
    each: str
    when: tree.Node | None
    message: Text
    fix: Text
    approval: str = EXCEPTION
    parts: tuple[tuple[str, ...], ...] = ()
    words: str = ""
    licence: str = ""
    frozen: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()

    def in_effect(self, first: datetime, last: datetime) -> bool:
        """Whether it holds at any time of [first, last)."""
        return (self.begins is None or self.begins < last) and (self.ends is None or self.ends > first)


@dataclass(frozen=True, slots=True)
class Pack:
    """`content_hash` is that of the files' meaning: whoever was judged by the same hash was judged by the same law."""

    name: str
    title: Text
    zone: ZoneInfo
    content_hash: str
    parameters: Mapping[str, Parameter]
    licences: Mapping[str, LicenceForm]
    words: Mapping[str, tuple[Entry, ...]]
    rules: tuple[Rule, ...]

    def days(self) -> int:
        """How far back a price counts; of the parameter `price_days`."""
        found = self.parameters.get("price_days")
        return int(found.value) if found is not None else 0

    def of_choice(self) -> Pack:
        """The pack with those rules alone that ask whether a campaign leaves it out; it is the same law by its hash."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.when is not None and "law_left_out" in tree.names_of(rule.when)))

    def named(self) -> dict[str, Any]:
        """For the record."""
        return {"pack": self.name, "hash": self.content_hash}
