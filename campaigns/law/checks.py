"""The kinds of check: each looks at a case for one rule and yields what it found, with its place and the values of its message."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from campaigns.law.facts import Member, Value, members
from campaigns.law.frozen import worsened
from campaigns.law.pack import Pack, Rule
from campaigns.law.words import find, fold
from campaigns.mechanics.legal import Path
from campaigns.model import Campaign
from core.text import Text
from rules.lang import tree
from rules.lang.interpret import interpret


@dataclass(frozen=True, slots=True)
class Case:
    """A campaign that is judged, its document, what runs of it already (None: nothing that has begun), and what the house says of itself."""

    campaign: Campaign
    document: Mapping[str, Any]
    running: tuple[Campaign, Mapping[str, Any]] | None = None
    house: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """`offset`: at which character of the text at the path."""

    path: Path
    values: Mapping[str, Any]
    offset: int | None = None


Check: TypeAlias = Callable[[Pack, Rule, Case], Iterator[Hit]]


def hits(pack: Pack, rule: Rule, case: Case) -> Iterator[Hit]:
    """Everything that the rule finds."""
    return _CHECKS[rule.check](pack, rule, case)


def _holds(pack: Pack, rule: Rule, member: Member) -> bool:
    return rule.when is None or interpret(rule.when, member.values, {}, pack.zone) is True


def _members(pack: Pack, rule: Rule, case: Case) -> Iterator[Member]:
    found = members(case.campaign, rule.each, case.house or {}, pack.days())
    return (one for one in found if _holds(pack, rule, one))


def _when(pack: Pack, rule: Rule, case: Case) -> Iterator[Hit]:
    names = list(tree.names_of(rule.when)) if rule.when is not None else []
    # What tells members apart says more of the place than what they share.
    for member in _members(pack, rule, case):
        own = [name for name in names if name not in ("chance", "mechanic")] + names
        yield Hit(member.place_of(own), member.values)


def _present(pack: Pack, rule: Rule, case: Case) -> Iterator[Hit]:
    for member in _members(pack, rule, case):
        for alternatives in rule.parts:
            if not any(_said(case.document, part) for part in alternatives):
                path: Path = tuple(alternatives[0].split("."))
                # A block that is not there has no place: then whatever asks for it has.
                asked = member.place_of(list(tree.names_of(rule.when)) if rule.when is not None else [])
                yield Hit(path if path[0] in case.document else asked, {**member.values, "part": " / ".join(alternatives)})


def _said(document: Mapping[str, Any], part: str) -> bool:
    found: Any = document
    for step in ("budget_fen" if part == "budget" else part).split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return bool(found)


def _words(pack: Pack, rule: Rule, case: Case) -> Iterator[Hit]:
    for member in _members(pack, rule, case):
        for path, text in _texts(case.campaign):
            # One text for both languages is read once.
            for written, lang in {text.en: "en", text.zh: "zh"}.items():
                for one in find(pack.words[rule.words], written):
                    yield Hit((*path, lang), {**member.values, "word": one.word, "written": one.written}, one.start)


def _texts(campaign: Campaign) -> Iterator[tuple[Path, Text]]:
    """What customers read."""
    said = campaign.particulars
    yield ("title",), campaign.title
    if said.description is not None:
        yield ("description",), said.description
    yield from ((("disclosure", name), text) for name, text in said.disclosure.items())
    yield from ((("gifts", number, "name"), gift.name) for number, gift in enumerate(said.gifts))


def _licence(pack: Pack, rule: Rule, case: Case) -> Iterator[Hit]:
    form = pack.licences[rule.licence]
    for member in _members(pack, rule, case):
        category, number = member.values.get("category"), member.values.get("licence")
        if category is None or fold(str(category)).text not in form.categories:
            continue
        # Full width and spaces change no number.
        written = "".join(unicodedata.normalize("NFKC", str(number or "")).split())
        if form.form.fullmatch(written) is None:
            yield Hit(member.place_of(["licence"]), {**member.values, "licence": number or "–", "example": form.example})


def _frozen(pack: Pack, rule: Rule, case: Case) -> Iterator[Hit]:
    if case.running is None:
        return
    # What was promised decides, not what the change would make of it.
    promised = Case(*case.running, house=case.house)
    for member in _members(pack, rule, promised):
        for one in worsened(rule.frozen, promised.document, case.document):
            said = {"part": ".".join(map(str, one.path)), "before": one.before, "after": one.after}
            yield Hit(one.path, {**member.values, **said})


def _file(*_: Any) -> Iterator[Hit]:
    """The file reader refuses it before anything is judged."""
    return iter(())


_CHECKS: Mapping[str, Check] = {"when": _when, "present": _present, "words": _words, "licence": _licence, "frozen": _frozen, "file": _file}
