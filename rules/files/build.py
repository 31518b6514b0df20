"""From the plain document of a policy to a ruleset that can run, or everything in it that does not hold together.

The document is self-contained (includes are merged before), so a version that was kept builds again years later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from core.canon import digest_of
from core.text import Text
from core.yamlfile.check import did_you_mean
from core.yamlfile.problems import Fault
from rules.files.cases import build_cases
from rules.files.fields import EVENT_FIELDS, KIND_WORDS, field_catalogue
from rules.files.findings import Finding, Findings, Path
from rules.files.literals import NotThis, literal, moment, value_of
from rules.lang import tree
from rules.lang.catalogue import Catalogue, Known, Parameter
from rules.lang.check import typed
from rules.lang.compile import compile_rules
from rules.lang.faults import BadExpression
from rules.lang.functions import FUNCTIONS
from rules.lang.kinds import Kind, Value
from rules.lang.lexer import WORDS
from rules.model import OUTCOMES, Bands, Rule, Ruleset
from rules.windows.build import build_feature, is_whole, known_of
from rules.windows.spec import Feature, PhoneIn

Document: TypeAlias = Mapping[str, Any]
_RESERVED = frozenset({*WORDS, *FUNCTIONS, "exists", *EVENT_FIELDS})


@dataclass(slots=True)
class _Parts:
    """What has been built so far."""

    zone: ZoneInfo
    fields: Catalogue
    features: dict[str, Feature] = field(default_factory=dict)
    lists: dict[str, frozenset[Value]] = field(default_factory=dict)
    list_kinds: dict[str, Kind] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def catalogue(self) -> Catalogue:
        names: dict[str, Known] = {**self.fields.names, **{name: known_of(feature) for name, feature in self.features.items()}}
        return Catalogue(names, self.parameters, self.list_kinds)


def build(document: Document, *, whole: bool = True) -> tuple[Ruleset | None, list[Finding]]:
    """The ruleset, or None with what is wrong; paths lead into the document. Not `whole`: parts that the strict form let through, to be checked only."""
    found = Findings()
    parts = _Parts(ZoneInfo(document.get("zone", "Asia/Shanghai")), field_catalogue(document.get("fields", {})))
    _names_differ(document, found)
    _parameters(document, parts)
    _lists(document, parts, found)
    _features(document, parts, found)
    catalogue = parts.catalogue()
    rules = [rule for index, one in enumerate(document.get("rules", [])) if (rule := _rule(one, ("rules", index), catalogue, parts, found)) is not None]
    _ids_differ(document, found)
    bands = tuple(_bands(document, catalogue, found))
    scene = document.get("scene", "")
    cases = build_cases(document, parts.fields, catalogue, parts.zone, found)
    if found.items or not whole:
        return None, found.items
    return (
        Ruleset(
            id=document["policy"],
            scene=scene,
            zone=parts.zone,
            catalogue=catalogue,
            features=parts.features,
            lists=parts.lists,
            rules=tuple(rules),
            bands=bands,
            when_unavailable=document["when_unavailable"],
            version=version_of(document),
            compiled=compile_rules([rule.when for rule in rules], parts.lists, parts.zone),
            cases=cases,
        ),
        [],
    )


def version_of(document: Document) -> str:
    """The hash of the document, in which the order of rules is gone."""
    return digest_of({**document, "rules": {rule["id"]: rule for rule in document["rules"]}})


def _declared(document: Document) -> list[str]:
    return [str(rule.get("id")) for rule in document.get("rules", [])]


def _names_differ(document: Document, found: Findings) -> None:
    """One name, one thing: a field, a feature, a parameter or a list."""
    seen: dict[str, str] = {}
    for section in ("fields", "parameters", "lists", "features"):
        for name in document.get(section, {}):
            if name in _RESERVED:
                text = Text(zh=f"{name} 是语言或事件自带的名称", en=f"{name} is a word of the language or a field of every event")
                found.add((section, name), Fault("reserved_name", text))
            elif name in seen:
                text = Text(zh=f"{name} 已在 {seen[name]} 中使用", en=f"{name} stands under {seen[name]} already")
                found.add((section, name), Fault("name_taken", text))
            seen.setdefault(name, section)


def _parameters(document: Document, parts: _Parts) -> None:
    for name, written in document.get("parameters", {}).items():
        parts.parameters[name] = Parameter(*literal(written))


def _lists(document: Document, parts: _Parts, found: Findings) -> None:
    for name, one in document.get("lists", {}).items():
        kind = KIND_WORDS.get(one.get("of", "text"), Kind.TEXT)
        members: set[Value] = set()
        for index, written in enumerate(one.get("items", ())):
            try:
                members.add(value_of(kind, written, parts.zone))
            except NotThis as error:
                found.add(("lists", name, "items", index), error.fault)
        parts.lists[name], parts.list_kinds[name] = frozenset(members), kind


def _features(document: Document, parts: _Parts, found: Findings) -> None:
    for name, plain in document.get("features", {}).items():
        if not is_whole(plain):
            parts.broken.add(name)
            continue
        feature, faults = build_feature(plain, document.get("scene", ""), parts.fields)
        for path, fault in faults:
            found.add(("features", name, *path), fault)
        if isinstance(feature, PhoneIn) and parts.list_kinds.get(feature.named) is not Kind.TEXT:
            text = Text(zh=f"没有文本名单 {feature.named}", en=f"there is no list of texts {feature.named}")
            found.add(("features", name, "phone_in"), Fault("unknown_list", text, did_you_mean(feature.named, list(parts.list_kinds))))
        if feature is None:
            parts.broken.add(name)
        else:
            parts.features[name] = feature


def _rule(one: Mapping[str, Any], path: Path, catalogue: Catalogue, parts: _Parts, found: Findings) -> Rule | None:
    source = one.get("when")
    begins, ends = _effective(one, path, parts.zone, found)
    if source is None:
        return None
    try:
        when: tree.Node = typed(source, catalogue)
    except BadExpression as error:
        _complain(error, source, (*path, "when"), parts, found)
        return None
    if not {"id", "reason"} <= one.keys() or not {"score", "verdict"} & one.keys():
        return None
    reason = one["reason"]
    return Rule(
        id=one["id"],
        when=when,
        source=source,
        score=one.get("score", 0),
        code=reason.get("code", ""),
        text=Text(zh=reason.get("zh", ""), en=reason.get("en", "")),
        verdict=one.get("verdict"),
        lifts_to=one.get("lifts_to", "reject"),
        tags=tuple(one.get("tags", ())),
        owner=one.get("owner", ""),
        effective_from=begins,
        effective_to=ends,
        pack=one.get("pack", ""),
    )


def _complain(error: BadExpression, source: str, path: Path, parts: _Parts, found: Findings) -> None:
    """A name whose own declaration is wrong was complained about there, and is no unknown name here."""
    flaws = [flaw for flaw in error.flaws if source[flaw.span.start : flaw.span.end] not in parts.broken]
    if flaws:
        found.add(path, BadExpression(flaws))


def _effective(one: Mapping[str, Any], path: Path, zone: ZoneInfo, found: Findings) -> tuple[Any, Any]:
    written = one.get("effective", {})
    begins, ends = moment(written.get("from"), zone), moment(written.get("to"), zone, ends=True)
    if begins is not None and ends is not None and begins >= ends:
        found.add((*path, "effective", "to"), Fault("ends_before_start", Text(zh="结束须晚于开始", en="`to` must lie after `from`")))
    return begins, ends


def _ids_differ(document: Document, found: Findings) -> None:
    seen: set[str] = set()
    for index, rule_id in enumerate(_declared(document)):
        if rule_id in seen:
            found.add(("rules", index, "id"), Fault("duplicate_rule", Text(zh=f"规则 {rule_id} 重复", en=f"there are two rules {rule_id}")))
        seen.add(rule_id)


def _bands(document: Document, catalogue: Catalogue, found: Findings) -> Iterator[Bands]:
    for index, one in enumerate(document.get("bands", [])):
        cutoffs = {outcome: one[outcome] for outcome in OUTCOMES[1:] if outcome in one}
        rising = list(cutoffs.items())
        for (milder, low), (severer, high) in pairwise(rising):
            if high <= low:
                text = Text(zh=f"{severer} 的分数线须高于 {milder}({low})", en=f"{severer} must be above {milder} ({low})")
                found.add(("bands", index, severer), Fault("bands_not_rising", text))
        if not cutoffs:
            found.add(("bands", index), Fault("no_cutoff", Text(zh="没有分数线", en="there is no cut-off"), Text(zh="如 review: 40", en="such as review: 40")))
        _needs_known(one.get("needs", ()), ("bands", index, "needs"), catalogue, found)
        yield Bands(frozenset(one.get("needs", ())), cutoffs)


def _needs_known(needs: Collection[str], path: Path, catalogue: Catalogue, found: Findings) -> None:
    for place, name in enumerate(needs):
        if name not in catalogue.names:
            text = Text(zh=f"没有字段或特征 {name}", en=f"there is no field or feature {name}")
            found.add((*path, place), Fault("unknown_name", text, did_you_mean(name, list(catalogue.names))))
