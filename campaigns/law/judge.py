"""A campaign judged by packs of law: every finding at its place in the file, in words of both languages, the same for the command line and publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.law.checks import Case, Hit, hits
from campaigns.law.facts import names_of
from campaigns.law.pack import Pack, Rule, Severity
from campaigns.mechanics.legal import Path
from core.money import Money
from core.text import Lang, Text
from core.yamlfile.problems import Fault, Place, Problem
from core.yamlfile.read import Document, Node
from rules.lang.kinds import Kind
from rules.lang.show import show_value


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found. `approval` is the kind of approval that would allow it, None where none does or none is needed."""

    file: str
    place: Place
    fault: Fault
    severity: Severity
    article: Text
    source: str
    pack: str
    approval: str | None

    def problem(self) -> Problem:
        return Problem(self.file, self.place, self.fault)

    def as_dict(self, lang: Lang) -> dict[str, Any]:
        """For programs."""
        where = {"file": self.file, "line": self.place.line, "column": self.place.column, "code": self.fault.code, "severity": self.severity}
        hint = "" if self.fault.hint is None else self.fault.hint.pick(lang)
        words = {"detail": self.fault.text.pick(lang), "fix": hint, "article": self.article.pick(lang), "source": self.source}
        return {**where, **words, "pack": self.pack, **({} if self.approval is None else {"approval": self.approval})}


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings, by their place, and the packs that judged."""

    packs: tuple[Pack, ...]
    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> list[Finding]:
        return [one for one in self.findings if one.severity == severity]

    def approvals(self) -> list[str]:
        """The kinds of approval that are needed, each once."""
        return list(dict.fromkeys(one.approval for one in self.findings if one.approval is not None))

    def record(self) -> dict[str, Any]:
        """For the audit and beside the version: which law judged, and what it found. No word of the file is in it."""
        found = sorted({(one.pack, one.fault.code, one.severity) for one in self.findings})
        return {"packs": [pack.named() for pack in self.packs], "findings": [{"pack": pack, "code": code, "severity": how} for pack, code, how in found]}


def judge(packs: Sequence[Pack], case: Case, places: Document, now: datetime) -> Verdict:
    """Every rule that is in effect at some time at which the campaign still runs."""
    last = max(case.campaign.ends, now)
    found = [
        _finding(pack, rule, hit, places)
        for pack in packs
        for rule in pack.rules
        if rule.in_effect(max(now, case.campaign.starts), last)
        for hit in hits(pack, rule, case)
    ]
    return Verdict(tuple(packs), tuple(sorted(found, key=lambda one: (one.place, one.pack, one.fault.code))))


def _finding(pack: Pack, rule: Rule, hit: Hit, places: Document) -> Finding:
    shown = _shown(pack, rule, hit.values)
    fault = Fault(rule.code, _filled(rule.message, shown), _filled(rule.fix, shown))
    approval = rule.approval if rule.severity == "approval" else None
    return Finding(places.name, _place(places, hit), fault, rule.severity, rule.article, rule.source, pack.name, approval)


def _filled(text: Text, shown: Mapping[str, str]) -> Text:
    return Text(zh=text.zh.format_map(shown), en=text.en.format_map(shown))


def _shown(pack: Pack, rule: Rule, values: Mapping[str, Any]) -> dict[str, str]:
    """Values as people write them."""
    known = names_of(rule.each)
    found = {name: shown_value(value, known[name].kind if name in known else None) for name, value in values.items()}
    return {**{name: shown_value(one.value, one.kind) for name, one in pack.parameters.items()}, **found}


def shown_value(value: Any, kind: Kind | None) -> str:
    """As people write it: ¥20.00, 24h; a text without quotes."""
    if kind in (None, Kind.TEXT):
        return "–" if value is None else str(value)
    if kind is Kind.MONEY and value is not None:
        return f"¥{Money(value).yuan()}"
    return show_value(value, kind)


def _place(places: Document, hit: Hit) -> Place:
    path = _resolved(places.root, hit.path)
    if hit.offset is not None:
        # A text for both languages stands one step higher.
        for one in (path, path[:-1]):
            exact = places.root.character_place(one, hit.offset)
            if exact is not None:
                return exact
    return places.root.place_of(path)


def _resolved(root: Node, path: Path) -> Path:
    """The path as the file has it: rows that are known by their article or level are found by it."""
    kept: list[str | int] = []
    here: Node | None = root
    for step in path:
        inner = None if here is None else here.value
        if isinstance(inner, list) and isinstance(step, str):
            step = next((number for number, row in enumerate(inner) if _called(row, step)), step)
        kept.append(step)
        known = (isinstance(inner, dict) and step in inner) or (isinstance(inner, list) and isinstance(step, int) and step < len(inner))
        here = inner[step] if known and inner is not None else None
    return tuple(kept)


def _called(row: Node, name: str) -> bool:
    keys = row.value if isinstance(row.value, dict) else {}
    return any(key in keys and str(keys[key].value) == name for key in ("sku", "level"))
