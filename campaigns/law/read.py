"""From a folder of YAML files to a pack, with every mistake of all its files at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path as FilePath
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.law.facts import names_of
from campaigns.law.needs import GIVEN, NEEDS, PARTS
from campaigns.law.pack import EXCEPTION, LicenceForm, Pack, Rule
from campaigns.law.schema import PackFile
from campaigns.law.words import Entry, fold
from campaigns.mechanics import mechanic_named, mechanic_names
from core.canon import canonical, digest
from core.errors import Malformed
from core.text import Text
from core.yamlfile.check import did_you_mean, problem_at, run_schema
from core.yamlfile.problems import Fault, Problem, bad_file
from core.yamlfile.read import Document, read_yaml
from rules.files.literals import literal
from rules.lang import tree
from rules.lang.catalogue import Catalogue, Parameter
from rules.lang.check import typed
from rules.lang.faults import BadExpression
from rules.places import problems_of

Path = tuple[str | int, ...]


@dataclass
class _Reading:
    """What the files of one pack said so far."""

    name: str
    files: list[tuple[Document, dict[str, Any]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def all(self, key: str) -> dict[str, Any]:
        """A table that may stand in several files."""
        return {name: value for _, valid in self.files for name, value in (valid.get(key) or {}).items()}

    def complain(self, document: Document, path: Path, code: str, zh: str, en: str, hint: Text | None = None) -> None:
        self.problems.append(problem_at(document, path, Fault(code, Text(zh=zh, en=en), hint)))


def read_pack(folder: FilePath) -> Pack:
    """The pack of a folder, called like it. Raises `Malformed` (`bad_file`) with every problem of every file, its line, column and fix."""
    return pack_of(folder.name, {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))})


def pack_of(name: str, sources: Mapping[str, bytes]) -> Pack:
    """The pack that these files make, by file name."""
    reading = _Reading(name)
    if not sources:
        raise Malformed("no_pack", Text(zh=f"{name} 中没有 .yaml 文件", en=f"there is no .yaml file in {name}"))
    for file, source in sources.items():
        _read_file(reading, file, source)
    _tables(reading)
    zone = next((valid["zone"] for _, valid in reading.files if valid.get("zone")), ZoneInfo("Asia/Shanghai"))
    parameters = {key: Parameter(*literal(value)) for key, value in reading.all("parameters").items()}
    rules = [_rule(reading, document, number, row, parameters, zone) for document, number, row in _rows(reading)]
    if reading.problems:
        raise bad_file(name, reading.problems)
    title = next(valid["title"] for _, valid in reading.files if valid["title"] is not None)
    content_hash = digest(canonical({"files": [_plain(document.root.plain()) for document, _ in reading.files]}))
    words = {key: tuple(_entry(row) for row in rows) for key, rows in reading.all("words").items()}
    licences = {key: LicenceForm(frozenset(map(_bare, row["categories"])), row["form"], row["example"]) for key, row in reading.all("licences").items()}
    return Pack(name, title, zone, content_hash, parameters, licences, words, tuple(rule for rule in rules if rule is not None))


def _bare(text: str) -> str:
    return fold(text).text


def _plain(value: Any) -> Any:
    """As the canonical form takes it: a decimal without quotes is its text."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _read_file(reading: _Reading, file: str, source: bytes) -> None:
    try:
        document = read_yaml(source, file)
    except Malformed as error:
        reading.problems += error.extra["errors"]
        return
    valid, problems = run_schema(document, PackFile())
    reading.problems += problems
    reading.files.append((document, valid))
    if valid.get("law") not in (None, reading.name):
        zh, en = f"文件夹名为 {reading.name}", f"the folder is called {reading.name}"
        reading.complain(document, ("law",), "other_pack", zh, en, Text(zh=f"写 law: {reading.name}", en=f"write law: {reading.name}"))


def _tables(reading: _Reading) -> None:
    """One title in all, and no name in two files."""
    titled = [document for document, valid in reading.files if valid.get("title") is not None]
    if not titled and reading.files and not reading.problems:
        reading.complain(reading.files[0][0], (), "missing_key", "缺少必填项 title", "the key title is missing")
    seen: dict[tuple[str, str], str] = {}
    for document, valid in reading.files:
        for table in ("parameters", "licences", "words"):
            for key in valid.get(table) or {}:
                if (table, key) in seen:
                    first = seen[table, key]
                    reading.complain(document, (table, key), "doubled", f"{key} 已在 {first} 中定义", f"{key} stands in {first} already")
                seen.setdefault((table, key), document.name)


def _rows(reading: _Reading) -> Iterator[tuple[Document, int, Mapping[str, Any]]]:
    """The rules of all files whose rows could be read, each code once."""
    seen: set[str] = set()
    for document, valid in reading.files:
        for number, row in enumerate(valid.get("rules") or ()):
            code = row.get("code") if isinstance(row, Mapping) else None
            if code is None:
                continue
            if code in seen:
                reading.complain(document, ("rules", number, "code"), "doubled", f"规则 {code} 重复", f"there are two rules {code}")
            seen.add(code)
            yield document, number, row


def _rule(reading: _Reading, document: Document, number: int, row: Mapping[str, Any], parameters: Mapping[str, Parameter], zone: ZoneInfo) -> Rule | None:
    path: Path = ("rules", number)
    if not {"check", "each", "message", "fix", "severity", "article", "source"} <= row.keys():
        return None
    _needs(reading, document, path, row)
    catalogue = Catalogue(names_of(row["each"]), parameters)
    _placeholders(reading, document, path, row, set(catalogue.all_names()) | GIVEN[row["check"]])
    when = _condition(reading, document, path, row, catalogue)
    begins, ends = row.get("effective_from"), row.get("effective_until")
    if begins is not None and ends is not None and ends < begins:
        reading.complain(document, (*path, "effective_until"), "ends_before_start", "结束须晚于开始", "it must lie after effective_from")
    return Rule(
        code=row["code"],
        severity=row["severity"],
        article=row["article"],
        source=row["source"],
        begins=None if begins is None else datetime.combine(begins, time.min, zone),
        ends=None if ends is None else datetime.combine(ends + timedelta(days=1), time.min, zone),
        check=row["check"],
        each=row["each"],
        when=when,
        message=row["message"],
        fix=row["fix"],
        approval=row.get("approval") or EXCEPTION,
        parts=tuple(row.get("parts") or ()),
        words=row.get("words") or "",
        licence=row.get("licence") or "",
        frozen=dict(row.get("frozen") or {}),
        codes=tuple(row.get("codes") or ()),
    )


def _condition(reading: _Reading, document: Document, path: Path, row: Mapping[str, Any], catalogue: Catalogue) -> tree.Node | None:
    if row.get("when") is None:
        return None
    try:
        return typed(row["when"], catalogue)
    except BadExpression as error:
        reading.problems += problems_of(document, (*path, "when"), error)
        return None


def _needs(reading: _Reading, document: Document, path: Path, row: Mapping[str, Any]) -> None:
    """The keys that its kind of check needs, and that what they name is there."""
    for key in NEEDS[row["check"]]:
        if not row.get(key):
            check = row["check"]
            reading.complain(document, path, "missing_key", f"check: {check} 需要 {key}", f"check: {check} needs {key}")
    if row["check"] == "licence" and row["each"] != "item":
        fix = Text(zh="写 each: item", en="write each: item")
        reading.complain(document, path, "not_of_items", "check: licence 只看商品", "check: licence looks at articles", fix)
    for key, table in (("words", "words"), ("licence", "licences")):
        _known(reading, document, (*path, key), row.get(key), list(reading.all(table)), table)
    kinds = [EXCEPTION, *(kind for name in mechanic_names() for kind in mechanic_named(name).approval_kinds)]
    _known(reading, document, (*path, "approval"), row.get("approval"), kinds, "approval")
    for place, part in enumerate(row.get("parts") or ()):
        for one in part:
            _known(reading, document, (*path, "parts", place), one, sorted(PARTS), "parts")


def _known(reading: _Reading, document: Document, path: Path, given: str | None, known: list[str], what: str) -> None:
    if given is not None and given not in known:
        hint = did_you_mean(given, known) or Text(zh=f"可用:{'、'.join(known[:12])}", en=f"known: {', '.join(known[:12])}")
        reading.complain(document, path, "unknown_name", f"{what} 中没有 {given[:60]}", f"there is no {given[:60]} among {what}", hint)


def _placeholders(reading: _Reading, document: Document, path: Path, row: Mapping[str, Any], known: set[str]) -> None:
    for key in ("message", "fix"):
        for written in dict.fromkeys((row[key].zh, row[key].en)):
            try:
                names = [name for _, name, _, _ in Formatter().parse(written) if name is not None]
            except ValueError:
                names = ["{"]
            for name in names:
                _known(reading, document, (*path, key), name, sorted(known), "{…}")


def _entry(row: Mapping[str, Any]) -> Entry:
    words = tuple(dict.fromkeys(" ".join(fold(part).text for part in word.split()) for word in row["words"]))
    contexts = [pattern.pattern for pattern in row["unless"]]
    return Entry(words, re.compile("|".join(f"(?:{one})" for one in contexts)) if contexts else None)
