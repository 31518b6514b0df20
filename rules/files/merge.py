"""A policy file and what it includes become one document; the origin of every part is kept, so that a fault is shown where it was written.

Included files come first. The policy's own parameters stand in for those of the same name in what it includes; other names stand once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from core.errors import Malformed
from core.text import Text
from core.yamlfile.check import problem_at, run_schema
from core.yamlfile.problems import Fault, Place, Problem
from core.yamlfile.read import Document, read_yaml
from rules.files.findings import Path
from rules.files.schema import PackSchema, PolicySchema

FORM = 1
FILES_MAX = 16
_NAMED = ("fields", "parameters", "lists", "features")
_PACK, _POLICY = PackSchema(), PolicySchema()
Reader = Callable[[str], bytes | None]


@dataclass(slots=True)
class Merged:
    """The document so far, the problems so far, and for each part the file and the path that it came from."""

    main: Document
    document: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    origins: dict[Path, tuple[Document, Path]] = field(default_factory=dict)

    def origin(self, path: Path) -> tuple[Document, Path]:
        """The file of the part at the path, and the path within that file."""
        for length in (2, 1):
            found = self.origins.get(path[:length])
            if found is not None:
                return found[0], (*found[1], *path[length:])
        if path[:2] == ("bands", 0) and not isinstance(self.main.root.plain().get("bands"), list):
            return self.main, ("bands", *path[2:])
        return self.main, path

    def place(self, path: Path) -> tuple[str, Place]:
        """File name and place of the value at the path."""
        document, inner = self.origin(path)
        return document.name, document.root.place_of(inner)


def merge(source: bytes, name: str, includes: Reader) -> Merged:
    """Read the file and what it includes. Raises `Malformed` when the file itself is no YAML mapping."""
    main = read_yaml(source, name)
    merged = Merged(main)
    valid, problems = run_schema(main, _POLICY)
    merged.problems += problems
    merged.document = {"form": FORM, **{key: value for key, value in valid.items() if key not in (*_NAMED, "rules", "include", "note")}}
    for section in _NAMED:
        merged.document[section] = {}
    merged.document.update(rules=[], tests=valid.get("tests", []), bands=valid.get("bands", []))
    _Files(merged, includes).take(main, valid, str(valid.get("policy", "")), (name,))
    return merged


class _Files:
    """Takes files one after the other, each once, the included before the one that includes."""

    def __init__(self, merged: Merged, includes: Reader) -> None:
        self._merged, self._includes = merged, includes
        self._taken: set[str] = set()

    def take(self, document: Document, valid: Mapping[str, Any], owner: str, chain: tuple[str, ...]) -> None:
        for place, name in enumerate(valid.get("include", ())):
            if isinstance(name, str):
                self._include(document, ("include", place), name, chain)
        for section in _NAMED:
            for key, value in (valid.get(section) or {}).items():
                self._named(document, section, key, value)
        for index, rule in enumerate(valid.get("rules") or ()):
            self._merged.origins["rules", len(self._merged.document["rules"])] = (document, ("rules", index))
            self._merged.document["rules"].append({**rule, "pack": owner})

    def _named(self, document: Document, section: str, key: str, value: Any) -> None:
        held = self._merged.document[section]
        if key in held and section != "parameters" and held[key] != value:
            file = self._merged.origins[section, key][0].name
            fault = Fault("name_taken", Text(zh=f"{key} 已在 {file} 中定义,且内容不同", en=f"{key} is defined in {file} already, and otherwise"))
            self._complain(document, (section, key), fault)
            return
        held[key] = value
        self._merged.origins[section, key] = (document, (section, key))

    def _include(self, by: Document, path: Path, name: str, chain: tuple[str, ...]) -> None:
        if name in chain:
            round_ = " → ".join((*chain, name))
            self._complain(by, path, Fault("include_cycle", Text(zh=f"文件互相包含:{round_}", en=f"files include each other: {round_}")))
        elif name not in self._taken:
            self._taken.add(name)
            if len(self._taken) > FILES_MAX:
                self._complain(by, path, Fault("too_many_files", Text(zh=f"最多包含 {FILES_MAX} 个文件", en=f"at most {FILES_MAX} files are included")))
                return
            self._read(by, path, name, chain)

    def _read(self, by: Document, path: Path, name: str, chain: tuple[str, ...]) -> None:
        source = self._includes(name)
        if source is None:
            fix = Text(zh="把它放在同一文件夹内", en="put it into the same folder")
            self._complain(by, path, Fault("include_missing", Text(zh=f"没有文件 {name}", en=f"there is no file {name}"), fix))
            return
        try:
            document, valid, problems = _pack_in(source, name)
        except Malformed as error:
            self._merged.problems += error.extra["errors"]
            return
        self._merged.problems += problems
        self.take(document, deepcopy(valid), str(valid.get("pack", "")), (*chain, name))

    def _complain(self, document: Document, path: Path, fault: Fault) -> None:
        self._merged.problems.append(problem_at(document, path, fault))


@lru_cache(maxsize=8)
def _pack_in(source: bytes, name: str) -> tuple[Document, Mapping[str, Any], list[Problem]]:
    """A pack's document; many policies include one, and reading YAML takes most of their loading. Raises `Malformed`."""
    document = read_yaml(source, name)
    valid, problems = run_schema(document, _PACK)
    return document, valid, problems
