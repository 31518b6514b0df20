"""Rule files as the command line meets them: paths as they were typed, every problem of all files at once, packs checked by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from core.errors import Malformed
from core.text import Lang, Text
from core.yamlfile.problems import Fault, Place, Problem, render_problems
from rules.files.load import LoadedRuleset, is_pack, load_ruleset, load_ruleset_file

# A pack is no policy, so it is checked as the only thing that a policy includes.
_AROUND = "policy: check\nscene: pack.check\ninclude: [{name}]\nbands: {{review: 1}}\nwhen_unavailable: hold\n"


def load_path(path: str) -> LoadedRuleset:
    """The policy in a file. Raises `Malformed` whose problems name their files as paths from here."""
    file = Path(path)
    if names_pack(path):
        text = Text(zh="这是规则包,请给出包含它的策略文件", en="this is a pack; name a policy that includes it")
        raise Malformed("is_a_pack", text, errors=[Problem(path, Place(1, 1), Fault("is_a_pack", text))])
    try:
        return load_ruleset_file(file)
    except Malformed as error:
        raise from_here(error, file) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def load_pack(path: str) -> LoadedRuleset:
    """A pack by itself, within a policy that holds nothing else."""
    file = Path(path)

    def beside(name: str) -> bytes | None:
        other = file.parent / name
        return other.read_bytes() if other.is_file() and other.resolve().parent == file.parent.resolve() else None

    try:
        return load_ruleset(_AROUND.format(name=json.dumps(file.name)).encode(), file.name + "#", beside)
    except Malformed as error:
        raise from_here(error, file) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def names_pack(path: str) -> bool:
    """Whether the file is a pack; one that cannot be read is none."""
    return is_pack(_source(path))


def problems_in(error: Malformed) -> list[Problem]:
    """The problems that an error carries."""
    return [item for item in error.extra.get("errors", ()) if isinstance(item, Problem)]


def beside_file(path: str, name: str) -> str:
    """How a file that stands in the same folder is called from here."""
    return str(Path(path).parent / name)


def render(problems: Iterable[Problem], lang: Lang) -> str:
    """Problems of several files, each with its line."""
    return "\n".join(render_problems(group, lang, _source(file)) for file, group in groupby(problems, key=lambda problem: problem.file))


def from_here(error: Malformed, file: Path) -> Malformed:
    """The error with the names of its files as paths from here."""
    problems = [replace(problem, file=str(file.parent / problem.file.removesuffix("#"))) for problem in problems_in(error)]
    ordered = sorted(problems, key=lambda problem: (problem.file != str(file), problem.file, problem.place))
    return Malformed(error.code, error.text, **{**error.extra, "errors": ordered})


def _unreadable(path: str, error: OSError) -> Malformed:
    text = Text(zh=f"无法读取:{error.strerror}", en=f"the file cannot be read: {error.strerror}")
    problem = Problem(str(error.filename or path), Place(1, 1), Fault("file_unreadable", text))
    return Malformed("file_unreadable", text, errors=[problem])


def _source(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""
