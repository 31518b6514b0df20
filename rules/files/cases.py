"""Tests that stand beside the rules, read into events with times and kinds; what they expect may only name what exists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import to_micros
from core.errors import Malformed
from core.text import Text
from core.yamlfile.check import did_you_mean
from core.yamlfile.problems import Fault
from rules.files.findings import Findings, Path
from rules.files.literals import NotThis, moment, value_of
from rules.lang.catalogue import Catalogue
from rules.model import Case
from rules.windows.listed import match_of, one_entry

START = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
RESULTS = ("hit", "miss", "missing", "snoozed", "stopped", "error", "inactive")
_OFFSET = re.compile(r"([+-])([0-9]{1,9})(ms|s|m|h|d)", re.ASCII)
_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def build_cases(document: Mapping[str, Any], fields: Catalogue, catalogue: Catalogue, zone: ZoneInfo, found: Findings) -> tuple[Case, ...]:
    """Cases of a document; faults go into `found`. `fields` are what an event may bring, `catalogue` is everything with a value."""
    reader = _Reader(document, fields, catalogue, zone, found)
    written: Sequence[Any] = document.get("tests", [])
    return tuple(reader.case(one, ("tests", index)) for index, one in enumerate(written))


class _Reader:
    def __init__(self, document: Mapping[str, Any], fields: Catalogue, catalogue: Catalogue, zone: ZoneInfo, found: Findings) -> None:
        self._scene, self._rules = document.get("scene", ""), [str(rule.get("id")) for rule in document.get("rules", [])]
        # A feature that is wrong where it is declared is no unknown one here.
        self._declared: Mapping[str, Any] = document.get("features", {})
        self._features = frozenset(self._declared)
        self._fields, self._catalogue, self._zone, self._found = fields, catalogue, zone, found

    def case(self, one: Mapping[str, Any], path: Path) -> Case:
        start = to_micros(moment(one.get("start"), self._zone) or START)
        given = self._read(one.get("given", {}), (*path, "given"))
        events = tuple(self._event(event, start, given, (*path, "events", place), place) for place, event in enumerate(one.get("events", [])))
        expect = one.get("expect", {})
        self._expectation(expect, (*path, "expect"))
        listed = {str(name): tuple(map(str, entries)) for name, entries in one.get("listed", {}).items()}
        self._lists(listed, (*path, "listed"))
        return Case(one.get("name", ""), events, expect, path, listed)

    def _lists(self, listed: Mapping[str, Sequence[str]], path: Path) -> None:
        """Lists that some feature asks for, with entries that such a list can hold."""
        asked = {one["listed"]: str(one.get("by")) for one in self._declared.values() if isinstance(one, Mapping) and "listed" in one}
        for name, entries in listed.items():
            if name not in asked:
                self._unknown((*path, name), name, sorted(asked), "名单", "list")
                continue
            for place, entry in enumerate(entries):
                try:
                    one_entry(match_of(asked[name], entry), asked[name], entry)
                except Malformed as error:
                    self._found.add((*path, name, place), Fault("bad_list_entry", error.text))

    def _event(self, written: Mapping[str, Any], start: int, given: Mapping[str, Any], path: Path, place: int) -> Mapping[str, Any]:
        offset = _OFFSET.fullmatch(str(written.get("at", "+0s")))
        if offset is None:
            text = Text(zh="应为相对开始的时间", en="a time from the start is expected")
            self._found.add((*path, "at"), Fault("bad_offset", text, Text(zh="如 +30s、+5m", en="such as +30s or +5m")))
        micros = 0 if offset is None else int(offset[2]) * _UNITS[offset[3]] * (-1 if offset[1] == "-" else 1)
        own = self._read({name: value for name, value in written.items() if name != "at"}, path)
        return {"id": f"e{place}", "type": self._scene, "merchant": "test", "at": start + micros, **given, **own}

    def _read(self, written: Mapping[str, Any], path: Path) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for name, value in written.items():
            known = self._fields.names.get(name)
            if known is None:
                self._unknown((*path, name), name, list(self._fields.names), "字段", "field")
            elif value is not None:
                try:
                    read[name] = value_of(known.kind, value, self._zone)
                except NotThis as error:
                    self._found.add((*path, name), error.fault)
        return read

    def _expectation(self, expect: Mapping[str, Any], path: Path) -> None:
        if not expect:
            self._found.add(
                path,
                Fault(
                    "expects_nothing", Text(zh="该测试没有期望", en="the test expects nothing"), Text(zh="如 decision: reject", en="such as decision: reject")
                ),
            )
        for name in expect.get("features", {}):
            if name not in self._catalogue.names and name not in self._features:
                self._unknown((*path, "features", name), name, list(self._catalogue.names), "特征", "feature")
        for name, result in expect.get("rules", {}).items():
            if name not in self._rules:
                self._unknown((*path, "rules", name), name, list(self._rules), "规则", "rule")
            elif result not in RESULTS:
                self._unknown((*path, "rules", name), result, list(RESULTS), "结果", "result")
        for place, name in enumerate(expect.get("hits", ())):
            if name not in self._rules:
                self._unknown((*path, "hits", place), name, list(self._rules), "规则", "rule")

    def _unknown(self, path: Path, name: str, known: list[str], zh: str, en: str) -> None:
        text = Text(zh=f"没有{zh} {str(name)[:60]}", en=f"there is no {en} {str(name)[:60]}")
        self._found.add(path, Fault(f"unknown_{en}", text, did_you_mean(str(name), known)))
