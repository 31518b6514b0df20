"""How `rules check` works on one file and shows it: what is wrong, what is doubtful, and what stands in a good file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from api.cli.rules_files import beside_file, load_pack, load_path, names_pack, problems_in, render
from core.errors import Malformed
from core.text import Lang, Text
from core.yamlfile.problems import Problem
from rules.lint.placed import problems_in as problems_in_file
from rules.model import Ruleset

_OF_POLICIES = frozenset({"missing_test", "unreachable_band", "dangling_name"})


@dataclass(frozen=True, slots=True)
class Checked:
    """A file with what was found in it; `ruleset` is there when it loads."""

    path: str
    ruleset: Ruleset | None = None
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    pack: bool = False


def check_file(path: str) -> Checked:
    """Load and lint a policy, or a pack by itself. Nothing in it is run."""
    pack = names_pack(path)
    try:
        loaded = load_pack(path) if pack else load_path(path)
    except Malformed as error:
        return Checked(path, errors=tuple(problems_in(error)), pack=pack)
    # A pack has neither tests nor bands, and its names are for those that include it.
    errors, warnings = problems_in_file(loaded, _OF_POLICIES if pack else ())
    return Checked(path, loaded.ruleset, tuple(_from_here(path, errors)), tuple(_from_here(path, warnings)), pack)


def _from_here(path: str, problems: list[Problem]) -> list[Problem]:
    return [replace(problem, file=beside_file(path, problem.file)) for problem in problems]


def shown(checked: Checked, lang: Lang) -> str:
    """For people: problems with their lines, or one line of what the file holds."""
    told = [render((*checked.errors, *checked.warnings), lang)] if checked.errors or checked.warnings else []
    if checked.ruleset is not None and not checked.errors:
        told.append(_summary(checked, checked.ruleset).pick(lang))
    return "\n".join(told)


def as_json(checked: Checked) -> dict[str, Any]:
    """For programs: what the file is."""
    body: dict[str, Any] = {"file": checked.path, "ok": not checked.errors}
    if checked.ruleset is not None and not checked.pack:
        body |= {"policy": checked.ruleset.id, "scene": checked.ruleset.scene, "version": checked.ruleset.version}
    if checked.ruleset is not None:
        body |= {"rules": len(checked.ruleset.rules), "tests": len(checked.ruleset.cases)}
    return body


def _summary(checked: Checked, ruleset: Ruleset) -> Text:
    rules, tests = len(ruleset.rules), len(ruleset.cases)
    of_rules = f"{rules} rule{'s' if rules != 1 else ''}"
    if checked.pack:
        return Text(zh=f"✓ {checked.path}  规则包({rules} 条规则)", en=f"✓ {checked.path}  pack ({of_rules})")
    of_tests = f"{tests} test{'s' if tests != 1 else ''}"
    return Text(
        zh=f"✓ {checked.path}  {ruleset.id}({ruleset.scene},{rules} 条规则,{tests} 个测试)",
        en=f"✓ {checked.path}  {ruleset.id} ({ruleset.scene}, {of_rules}, {of_tests})",
    )
