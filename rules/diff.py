"""What changed between two policies, by meaning: `24h` is `1d`, the order of rules is nothing, and a threshold that moved from 3 to 5 is told as that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rules.changes import Change, added, changed, removed
from rules.files.literals import literal, moment
from rules.lang.compare import changed_constants
from rules.lang.faults import BadExpression
from rules.model import OUTCOMES
from rules.windows.declare import CAP_DEFAULT, seconds_of

Document = Mapping[str, Any]
_DURATIONS = frozenset({"window", "bucket", "any_window"})
_RULE_PARTS = ("score", "verdict", "lifts_to", "owner", "note", "pack")

__all__ = ["Change", "diff"]


def diff(old: Document, new: Document) -> list[Change]:
    """Changes from one normalised document to another, section by section, ids in their order. Empty when both mean the same."""
    found = [changed((name,), old.get(name), new.get(name)) for name in ("policy", "scene", "zone", "when_unavailable") if old.get(name) != new.get(name)]
    for section, compare in _SECTIONS.items():
        found += _section(section, old, new, compare)
    found += _bands(old, new)
    found += _tests(old, new)
    return found


Compare = Callable[[tuple[str, ...], Any, Any, Document, Document], Iterator[Change]]


def _section(section: str, old: Document, new: Document, compare: Compare) -> Iterator[Change]:
    before, after = _by_id(old.get(section, {})), _by_id(new.get(section, {}))
    for name in sorted(before.keys() | after.keys()):
        path = (section, name)
        if name not in before:
            yield added(path, after[name], _about(section, after[name]))
        elif name not in after:
            yield removed(path, before[name], _about(section, before[name]))
        else:
            yield from compare(path, before[name], after[name], old, new)


def _by_id(parts: Any) -> Mapping[str, Any]:
    return parts if isinstance(parts, Mapping) else {part["id"]: part for part in parts}


def _about(section: str, part: Any) -> str:
    if section == "rules":
        return f"({part['when']})"
    return f"({part})" if section in ("parameters", "fields") else ""


def _rule(path: tuple[str, ...], old: Any, new: Any, olds: Document, news: Document) -> Iterator[Change]:
    yield from _expression((*path, "when"), old["when"], new["when"])
    for part in _RULE_PARTS:
        if old.get(part) != new.get(part):
            yield changed((*path, part), old.get(part), new.get(part))
    for word in ("code", "zh", "en"):
        if old["reason"].get(word) != new["reason"].get(word):
            yield changed((*path, "reason", word), old["reason"].get(word), new["reason"].get(word))
    if set(old.get("tags", ())) != set(new.get("tags", ())):
        yield changed((*path, "tags"), sorted(old.get("tags", ())), sorted(new.get("tags", ())))
    for edge in ("from", "to"):
        first, second = old.get("effective", {}).get(edge), new.get("effective", {}).get(edge)
        if _instant(first, olds, edge) != _instant(second, news, edge):
            yield changed((*path, "effective", edge), first, second)


def _instant(written: str | None, document: Document, edge: str) -> Any:
    return None if written is None else moment(written, ZoneInfo(document.get("zone", "Asia/Shanghai")), ends=edge == "to")


def _expression(path: tuple[str, ...], old: str | None, new: str | None) -> Iterator[Change]:
    if old is None or new is None:
        if old != new:
            yield changed(path, old, new)
        return
    try:
        constants = changed_constants(old, new)
    except BadExpression:
        constants = [] if old == new else None
    if constants is None:
        yield changed(path, old, new)
    for one in constants or ():
        yield changed(path, one.old, one.new, one.before)


def _feature(path: tuple[str, ...], old: Any, new: Any, olds: Document, news: Document) -> Iterator[Change]:
    before, after = _feature_parts(old, olds), _feature_parts(new, news)
    for part in sorted(before.keys() | after.keys()):
        if part == "where":
            yield from _expression((*path, part), old.get(part), new.get(part))
        elif before.get(part) != after.get(part):
            yield changed((*path, part), old.get(part, before.get(part)), new.get(part, after.get(part)))


def _feature_parts(plain: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The parts as they are compared: durations in seconds, one entity or a pair of them as a list, and what is left out in full."""
    parts = {name: seconds_of(value) if name in _DURATIONS else value for name, value in plain.items()}
    if "window" in parts:
        parts["on"] = sorted(set(plain.get("on", [document["scene"]])))
        parts["by"] = sorted(plain["by"]) if isinstance(plain["by"], list) else [plain["by"]]
    if parts.get("mode") == "exact":
        del parts["mode"]
    if {"count", "distinct"} & parts.keys() and not {"per", "any_window", "bucket"} & parts.keys():
        parts.setdefault("cap", CAP_DEFAULT)
    return parts


def _parameter(path: tuple[str, ...], old: Any, new: Any, olds: Document, news: Document) -> Iterator[Change]:
    if literal(old) != literal(new):
        yield changed(path, old, new)


def _list(path: tuple[str, ...], old: Any, new: Any, olds: Document, news: Document) -> Iterator[Change]:
    if old.get("of", "text") != new.get("of", "text"):
        yield changed((*path, "of"), old.get("of", "text"), new.get("of", "text"))
    before, after = {str(item): item for item in old["items"]}, {str(item): item for item in new["items"]}
    more, fewer = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    if more:
        yield added((*path, "items"), [after[item] for item in more], _some(more))
    if fewer:
        yield removed((*path, "items"), [before[item] for item in fewer], _some(fewer))


def _some(items: list[str]) -> str:
    return f"({len(items)}): {', '.join(items[:10])}{' …' if len(items) > 10 else ''}"


def _field(path: tuple[str, ...], old: Any, new: Any, olds: Document, news: Document) -> Iterator[Change]:
    if old != new:
        yield changed(path, old, new)


_SECTIONS: Mapping[str, Compare] = {"rules": _rule, "features": _feature, "parameters": _parameter, "lists": _list, "fields": _field}


def _bands(old: Document, new: Document) -> Iterator[Change]:
    before, after = _cutoffs(old), _cutoffs(new)
    for needs in sorted(before.keys() | after.keys()):
        named = "[" + ", ".join(needs) + "]"
        path = ("bands", named) if needs else ("bands",)
        if needs not in before:
            yield added(path, after[needs], _levels(after[needs]))
        elif needs not in after:
            yield removed(path, before[needs], _levels(before[needs]))
        else:
            for outcome in OUTCOMES:
                first, second = before[needs].get(outcome), after[needs].get(outcome)
                if first != second:
                    yield changed((*path, outcome), first, second)


def _cutoffs(document: Document) -> dict[tuple[str, ...], dict[str, int]]:
    """By the inputs that are needed; of several for the same inputs the strictest counts, as in an evaluation."""
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for band in document.get("bands", ()):
        levels = found.setdefault(tuple(sorted(set(band.get("needs", ())))), {})
        for outcome in OUTCOMES:
            if outcome in band:
                levels[outcome] = min(band[outcome], levels.get(outcome, band[outcome]))
    return found


def _levels(levels: Mapping[str, int]) -> str:
    return "{" + ", ".join(f"{outcome}: {least}" for outcome, least in levels.items()) + "}"


def _tests(old: Document, new: Document) -> Iterator[Change]:
    before, after = ({case["name"]: case for case in document.get("tests", ())} for document in (old, new))
    if before == after and len(old.get("tests", ())) == len(new.get("tests", ())):
        return
    marks = [("+", sorted(after.keys() - before.keys())), ("-", sorted(before.keys() - after.keys()))]
    marks.append(("~", sorted(name for name in before.keys() & after.keys() if before[name] != after[name])))
    about = "; ".join(f"{mark}{name}" for mark, names in marks for name in names[:10])
    made = changed(("tests",), len(old.get("tests", ())), len(new.get("tests", ())))
    yield Change(made.kind, made.path, made.old, made.new, _with(made, about))


def _with(change: Change, about: str) -> Any:
    return type(change.text)(zh=f"{change.text.zh}({about})", en=f"{change.text.en} ({about})")
