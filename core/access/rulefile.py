"""The file that says which acts need a second person: from which amount on, how many must agree, with which scope, and how long a question stays open.

What a file leaves out is as shipped. An approval keeps the terms that stood when it was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import marshmallow as ma

from core.canon import canonical, digest
from core.text import Text
from core.yamlfile.check import did_you_mean, problem_at, run_schema
from core.yamlfile.checks import between, matches, one_of, sized
from core.yamlfile.problems import Fault, Problem, bad_file
from core.yamlfile.read import Document, read_yaml

SHIPPED = Path(__file__).with_name("approvals.yaml")
NEVER = "never"
APPROVERS_MAX = 9
_ABOVE_MAX = 10**15
# Those that may see what waits; a shop's backend is no person.
_SCOPES = ("marketer", "compliance", "admin")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
_OPEN_FOR = matches(r"never|[1-9][0-9]{0,2}[hd]", "如 12h、30d 或 never", "such as 12h, 30d or never")


@dataclass(frozen=True, slots=True)
class Measure:
    """What a kind of approval is measured in: `fen`, `entries` or `hours`. `alone`: up to the threshold one person acts without anybody."""

    unit: str
    alone: bool


# Kind → its measure, None for one that has none.
Kinds = Mapping[str, Measure | None]


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one kind. `above`: one person alone up to and with it; `more`: above so much so many must agree. Both in the kind's unit."""

    approvers: int
    scopes: tuple[str, ...]
    open_for: timedelta | None
    above: int | None
    more: tuple[tuple[int, int], ...]

    def needed(self, measure: int | None) -> int:
        """How many must agree to a thing of this size; one without a size is beyond every threshold."""
        return max([self.approvers, *(approvers for above, approvers in self.more if measure is None or measure > above)])


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """A file as it counts: whole, with what was left out filled in. `version` is the hash of that."""

    name: str
    version: str
    document: Mapping[str, Any]

    def terms(self, kind: str) -> Terms:
        """Of a kind that no file names: the defaults."""
        own = self.document["kinds"].get(kind, {})
        found = {**self.document["defaults"], **own}
        unit = next((name for name in found if name.startswith("above_")), None)
        more = tuple((next(value for name, value in step.items() if name != "approvers"), step["approvers"]) for step in found.get("more", ()))
        return Terms(found["approvers"], tuple(found["scopes"]), _time(found["open_for"]), None if unit is None else found[unit], more)


def load_rules(source: bytes, name: str, kinds: Kinds) -> ApprovalRules:
    """Read a file over what is shipped. Raises `Malformed` (`bad_file`) with every place that is wrong."""
    document = read_yaml(source, name)
    read, problems = run_schema(document, _FileSchema())
    problems += _beyond_schema(document, kinds)
    if problems:
        raise bad_file(name, problems)
    shipped = shipped_rules().document
    named = {kind: {**shipped["kinds"].get(kind, {}), **own} for kind, own in read.get("kinds", {}).items()}
    return rules_of({"approvals": read["approvals"], "defaults": {**shipped["defaults"], **read.get("defaults", {})}, "kinds": {**shipped["kinds"], **named}})


def rules_of(document: Mapping[str, Any]) -> ApprovalRules:
    """From a whole document, as it is stored."""
    return ApprovalRules(document["approvals"], digest(canonical(document)), document)


@cache
def shipped_rules() -> ApprovalRules:
    return rules_of(dict(_FileSchema().load(read_yaml(SHIPPED.read_bytes(), SHIPPED.name).root.plain())))


@cache
def rules_from(stored: bytes) -> ApprovalRules:
    return rules_of(json.loads(stored))


def _time(written: str) -> timedelta | None:
    return None if written == NEVER else int(written[:-1]) * _UNITS[written[-1]]


def _amount() -> Any:
    return ma.fields.Integer(strict=True, validate=between(0, _ABOVE_MAX))


class _StepSchema(ma.Schema):
    above_fen = _amount()
    above_entries = _amount()
    above_hours = _amount()
    approvers = ma.fields.Integer(strict=True, required=True, validate=between(1, APPROVERS_MAX))


class _DefaultsSchema(ma.Schema):
    approvers = ma.fields.Integer(strict=True, validate=between(1, APPROVERS_MAX))
    scopes = ma.fields.List(ma.fields.String(validate=one_of(_SCOPES)), validate=sized(1, len(_SCOPES)))
    open_for = ma.fields.String(validate=_OPEN_FOR)


class _KindSchema(_DefaultsSchema):
    above_fen = _amount()
    above_entries = _amount()
    above_hours = _amount()
    more = ma.fields.List(ma.fields.Nested(_StepSchema), validate=sized(1, 9))


class _FileSchema(ma.Schema):
    approvals = ma.fields.String(required=True, validate=matches(r"[a-z0-9][a-z0-9-]{0,63}", "小写字母、数字和 -", "small letters, digits and -"))
    defaults = ma.fields.Nested(_DefaultsSchema)
    kinds = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(_KindSchema))


def _beyond_schema(document: Document, kinds: Kinds) -> Iterator[Problem]:
    named = document.root.plain().get("kinds")
    for kind, own in named.items() if isinstance(named, dict) else ():
        path: tuple[str | int, ...] = ("kinds", kind)
        if kind not in kinds:
            hint = did_you_mean(kind, list(kinds)) or Text(zh=f"可用的种类:{'、'.join(kinds)}", en=f"known kinds: {', '.join(kinds)}")
            fault = Fault("unknown_kind", Text(zh=f"没有审批种类 {kind[:40]!r}", en=f"there is no kind of approval {kind[:40]!r}"), hint)
            yield Problem(document.name, document.root.key_place(path), fault)
        elif isinstance(own, dict):
            yield from _misplaced(document, path, own, kinds[kind])


def _misplaced(document: Document, path: tuple[str | int, ...], own: Mapping[str, Any], measure: Measure | None) -> Iterator[Problem]:
    """Thresholds in a unit that the kind is not measured in, or where one person alone may never act."""
    right = None if measure is None else f"above_{measure.unit}"
    for key in _above(own):
        if key != right or measure is None or not measure.alone:
            yield problem_at(document, (*path, key), _no_threshold(key, right if measure and measure.alone else None, bool(measure)))
    steps = own.get("more")
    for place, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict):
            keys = _above(step)
            wrong = [key for key in keys if key != right]
            yield from (problem_at(document, (*path, "more", place, key), _no_threshold(key, right, False)) for key in wrong)
            if not keys:
                text = Text(zh=f"缺少必填项 {right or 'above_…'}", en=f"the key {right or 'above_…'} is missing")
                yield problem_at(document, (*path, "more", place), Fault("missing_key", text))


def _above(own: Mapping[str, Any]) -> list[str]:
    return [key for key in own if isinstance(key, str) and re.fullmatch("above_(fen|entries|hours)", key)]


def _no_threshold(key: str, right: str | None, stepped: bool) -> Fault:
    if right is not None:
        return Fault("wrong_unit", Text(zh=f"这类审批不按 {key} 计", en=f"this kind is not measured by {key}"), Text(zh=f"请写 {right}", en=f"write {right}"))
    fix = Text(zh="用 more 让大额须更多人批准", en="use more: to ask more people for more") if stepped else Text(zh=f"删去 {key}", en=f"leave {key} out")
    return Fault("always_two", Text(zh="这类审批没有可由一人独自决定的额度", en="nobody acts alone in this kind, however little it is"), fix)
