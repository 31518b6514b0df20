"""Commands for whoever writes rules: check files, run the tests beside them, see why an event is judged as it is. None of them needs a server.

`rules` is the group; commands that work on published versions join it from their own module.
"""

from __future__ import annotations

import json
from typing import Any

import click

from api.cli.common import Screen, command_options, read_file
from core.errors import Malformed
from core.text import Text


@click.group()
def rules() -> None:
    """Rules from YAML files."""


@rules.command(epilog="Example:  sheepdog rules check rules/packs/*.yaml")
@click.argument("files", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="Warnings fail as well.")
@command_options
def check(screen: Screen, files: tuple[str, ...], strict: bool) -> None:
    """Check files: every mistake at once, with its place and its fix. Checking runs nothing, stores nothing and needs no server."""
    from api.cli.rules_checked import as_json, check_file, shown

    checked = [check_file(name) for name in files]
    errors = [problem for one in checked for problem in one.errors]
    warnings = [problem for one in checked for problem in one.warnings]
    ok = not errors and not (strict and warnings)
    body = {
        "ok": ok,
        "errors": [problem.as_dict(screen.lang) for problem in errors],
        "warnings": [problem.as_dict(screen.lang) for problem in warnings],
        "files": [as_json(one) for one in checked],
    }
    screen.result(body, "\n".join(shown(one, screen.lang) for one in checked))
    if not ok:
        raise SystemExit(1)


@rules.command(epilog="Example:  sheepdog rules test rules/packs/new-user-claim.yaml --min-coverage 90")
@click.argument("files", nargs=-1, required=True)
@click.option("--min-coverage", type=click.FloatRange(0, 100), default=0, metavar="PCT", help="Fail when the tests make fewer of the rules hit.")
@command_options
def test(screen: Screen, files: tuple[str, ...], min_coverage: float) -> None:
    """Run the tests that stand beside the rules, and tell which rules no test makes hit. Packs are tested by the policies that include them."""
    from api.cli.rules_files import load_path, names_pack, problems_in, render
    from api.cli.rules_tested import Tested, as_json, pack_text, shown
    from rules.cases.run import reached_in_packs, run_cases, with_packs

    tested: list[Tested] = []
    problems, told, run = [], [], []
    for name in files:
        if names_pack(name):
            told.append(pack_text(name).pick(screen.lang))
            continue
        try:
            loaded = load_path(name)
        except Malformed as error:
            problems += problems_in(error)
            told.append(render(problems_in(error), screen.lang))
            continue
        run.append((name, loaded, run_cases(loaded.ruleset)))
    # A pack is tested once: what any policy of this run reached of it is reached.
    reached = {pair for _, loaded, report in run for pair in reached_in_packs(loaded.ruleset, report)}
    for name, loaded, report in run:
        whole = with_packs(loaded.ruleset, report, reached)
        tested.append(Tested(name, loaded, whole, whole.coverage.reaches(min_coverage)))
        told.append(shown(tested[-1], screen.lang))
    ok = not problems and all(one.ok for one in tested)
    body = {"ok": ok, "errors": [problem.as_dict(screen.lang) for problem in problems], "files": [as_json(one) for one in tested]}
    screen.result(body, "\n".join(told))
    if not ok:
        raise SystemExit(1)


@rules.command(epilog="Example:  sheepdog rules explain rules/packs/new-user-claim.yaml --event event.json")
@click.argument("file")
@click.option("--event", required=True, metavar="FILE", help="JSON: one event, or a list of events of which the last is judged.")
@command_options
def explain(screen: Screen, file: str, event: str) -> None:
    """Show why an event is judged as it is: each rule with its result, what it compared, and the bands."""
    from api.cli.rules_explained import as_json, shown
    from api.cli.rules_files import load_path, problems_in, render
    from core.clock import SystemClock
    from rules.cases.run import values_at
    from rules.files.events import records_of

    try:
        ruleset = load_path(file).ruleset
    except Malformed as error:
        if screen.as_json:
            raise
        click.echo(render(problems_in(error), screen.lang), err=True)
        raise SystemExit(1) from error
    events = records_of(_json_in(event), ruleset, SystemClock().now())
    values = values_at(ruleset, events)
    screen.result(as_json(ruleset, values, screen.lang), shown(ruleset, values, screen.lang))


@rules.command(epilog="Example:  sheepdog rules schema > rules.schema.json")
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    from rules.files.jsonschema import rules_json_schema

    click.echo(json.dumps(rules_json_schema(), ensure_ascii=False, indent=2))


def _json_in(name: str) -> Any:
    try:
        return json.loads(read_file(name))
    except (ValueError, RecursionError) as error:
        text = Text(zh=f"{name} 不是 JSON:{error}", en=f"{name} is not JSON: {error}")
        raise Malformed("bad_event", text) from error
