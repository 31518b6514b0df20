"""What is wrong in a file, and where: gathered, never thrown one by one, so that a writer mends everything in one go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.errors import Malformed
from core.text import Lang, Text


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, without a place: a stable code, words, and what would be right."""

    code: str
    text: Text
    hint: Text | None = None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault at its place in a file."""

    file: str
    place: Place
    fault: Fault

    def as_dict(self, lang: Lang) -> dict[str, Any]:
        """For programs."""
        shown = {"file": self.file, "line": self.place.line, "column": self.place.column, "code": self.fault.code, "detail": self.fault.text.pick(lang)}
        return shown if self.fault.hint is None else {**shown, "fix": self.fault.hint.pick(lang)}


def bad_file(name: str, problems: Iterable[Problem]) -> Malformed:
    """The error that carries all problems of a file, in the order of their places."""
    ordered = sorted(problems, key=lambda problem: (problem.place, problem.fault.code))
    count = len(ordered)
    text = Text(zh=f"{name} 有 {count} 处问题", en=f"{name} has {count} problem{'s' if count != 1 else ''}")
    return Malformed("bad_file", text, errors=ordered)


def render_problems(problems: Iterable[Problem], lang: Lang, source: bytes) -> str:
    """For people: `file:line:column: message`, the line with a caret under the place, and the fix."""
    lines = source.decode("utf-8", "replace").splitlines()
    out: list[str] = []
    for problem in problems:
        place = problem.place
        out.append(f"{problem.file}:{place.line}:{place.column}: {problem.fault.text.pick(lang)}  [{problem.fault.code}]")
        if 1 <= place.line <= len(lines):
            shown = lines[place.line - 1][:160].replace("\t", " ")
            out.append(f"    {shown}")
            out.append("    " + "".join("　" if ord(ch) > 0x2E7F else " " for ch in shown[: place.column - 1]) + "^")
        if problem.fault.hint is not None:
            out.append(f"    {'改法' if lang == 'zh' else 'fix'}: {problem.fault.hint.pick(lang)}")
    return "\n".join(out)
